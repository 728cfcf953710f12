#!/bin/sh
# As in MinIO's image: what is no program is an argument of minio.
if [ "${1:-minio}" != minio ]; then set -- minio "$@"; fi
exec "$@"
