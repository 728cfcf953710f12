"""A small cache: in Redis, or on the disk of the instance."""
import json
import time
from pathlib import Path

import redis

from app import config

FOLDER = Path("/tmp/hello-ticket-cache")
client = redis.Redis.from_url(config.redis_url, socket_timeout=5) if config.cache_backend == "redis" else None


def get(key):
    """Its value, or None when there is none any more."""
    if client:
        kept = client.get(key)
        return kept and json.loads(kept)
    path = FOLDER / key
    expires, value = json.loads(path.read_text()) if path.exists() else (0, None)
    return value if expires > time.time() else None


def put(key, value, seconds):
    if client:
        client.set(key, json.dumps(value), ex=seconds)
    else:
        FOLDER.mkdir(exist_ok=True)
        (FOLDER / key).write_text(json.dumps([time.time() + seconds, value]))
