"""Passwords (scrypt), and tokens: a JSON Web Token signed with HMAC-SHA256 (RFC 7519), by hand."""
import base64
import hashlib
import hmac
import json
import os
import time

from app import config


def hash_password(password, salt=None):
    salt = salt or os.urandom(16)
    return f"{salt.hex()}:{hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1).hex()}"


def is_password(password, stored):
    return hmac.compare_digest(hash_password(password, bytes.fromhex(stored.partition(":")[0])), stored)


def _encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _signature(body):
    return _encode(hmac.digest(config.secret_key.encode(), body.encode(), "sha256"))


def make_token(subject):
    parts = ({"alg": "HS256", "typ": "JWT"}, {"sub": subject, "exp": int(time.time()) + 1800})
    body = ".".join(_encode(json.dumps(part).encode()) for part in parts)
    return f"{body}.{_signature(body)}"


def read_token(token):
    """Its subject, or None when it is not ours or has expired."""
    body, _, signature = token.rpartition(".")
    if not hmac.compare_digest(signature.encode(), _signature(body).encode()):
        return None
    claims = json.loads(base64.urlsafe_b64decode(body.partition(".")[2] + "=="))
    return claims["sub"] if claims["exp"] > time.time() else None
