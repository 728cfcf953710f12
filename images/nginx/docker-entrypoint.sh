#!/bin/sh
# As in the official image: templates become configuration, scripts of /docker-entrypoint.d run first.
set -eu
for template in /etc/nginx/templates/*.template; do
  [ -f "$template" ] || continue
  name=$(basename "$template" .template)
  variables=$(env | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/${\1}/p' | tr '\n' ' ')
  envsubst "$variables" <"$template" >"/etc/nginx/conf.d/$name"
done
for script in /docker-entrypoint.d/*.sh; do
  if [ -x "$script" ]; then "$script"; fi
done
exec "$@"
