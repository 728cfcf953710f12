from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from fastapi import APIRouter, Depends, HTTPException, UploadFile

from app.core.config import settings
from app.routers.auth import user
from app.storage import presigned_url

router = APIRouter()


def put(path, body=b""):
    return urlopen(Request(presigned_url("PUT", path), data=body, method="PUT"), timeout=20).close()


@router.post("", status_code=201)
def upload(file: UploadFile, _=Depends(user)):
    """Keeps a file; the answer's URL shows it for ten minutes."""
    if not settings.minio_host:
        raise HTTPException(503, "MINIO_ENDPOINT is not set")
    bucket = f"/{settings.minio_bucket_name}"
    path = f"{bucket}/{file.filename}"
    try:
        try:
            put(path, file.file.read())
        except HTTPError as error:
            if error.code != 404:
                raise
            put(bucket)  # the first file makes it
            file.file.seek(0)
            put(path, file.file.read())
    except URLError as error:
        raise HTTPException(502, f"the storage: {error}") from error
    return {"url": presigned_url("GET", path)}
