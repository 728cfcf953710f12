"""Files in MinIO, or any S3: URLs that are signed beforehand (AWS Signature Version 4, in the query)."""
import hashlib
import hmac
from datetime import datetime, timezone
from urllib.parse import quote

from app.core.config import settings

REGION = "us-east-1"


def _hmac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def presigned_url(method, path, seconds=600, now=None):
    """Of /bucket, or of /bucket/key: whoever has it may do this, for so long."""
    now = now or datetime.now(timezone.utc)
    moment, host = now.strftime("%Y%m%dT%H%M%SZ"), settings.minio_host
    scope = f"{moment[:8]}/{REGION}/s3/aws4_request"
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in (
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"), ("X-Amz-Credential", f"{settings.minio_access_key}/{scope}"),
        ("X-Amz-Date", moment), ("X-Amz-Expires", str(seconds)), ("X-Amz-SignedHeaders", "host")))
    path = quote(path)
    asked = f"{method}\n{path}\n{query}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD"
    to_sign = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(asked.encode()).hexdigest()}"
    key = f"AWS4{settings.minio_secret_key}".encode()
    for part in (moment[:8], REGION, "s3", "aws4_request"):
        key = _hmac(key, part)
    scheme = "https" if settings.minio_secure else "http"
    return f"{scheme}://{host}{path}?{query}&X-Amz-Signature={_hmac(key, to_sign).hex()}"
