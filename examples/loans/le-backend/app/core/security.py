"""Tokens: a JSON Web Token signed with HMAC-SHA256 (RFC 7519), by hand."""
import base64
import hashlib
import hmac
import json
import time

from app.core.config import settings


def _encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _signature(body):
    return _encode(hmac.new(settings.secret_key.encode(), body.encode(), hashlib.sha256).digest())


def make_token(subject):
    expires = int(time.time()) + 60 * settings.access_token_expire_minutes
    parts = ({"alg": "HS256", "typ": "JWT"}, {"sub": subject, "exp": expires})
    body = ".".join(_encode(json.dumps(part).encode()) for part in parts)
    return f"{body}.{_signature(body)}"


def read_token(token):
    """Its subject, or None when it is not ours or has expired."""
    body, _, signature = token.rpartition(".")
    if not hmac.compare_digest(signature, _signature(body)):
        return None
    claims = json.loads(_decode(body.partition(".")[2]))
    return claims["sub"] if claims["exp"] > time.time() else None
