from fastapi import APIRouter, Depends, HTTPException
from fastapi.security import OAuth2PasswordBearer, OAuth2PasswordRequestForm

from app.core.security import make_token, read_token

router = APIRouter()
bearer = OAuth2PasswordBearer(tokenUrl="/api/v1/auth/token")


@router.post("/token")
async def token(form: OAuth2PasswordRequestForm = Depends()):
    if form.username != "admin" or form.password != "admin":  # an example: it has no users
        raise HTTPException(401, "Incorrect username or password")
    return {"access_token": make_token(form.username), "token_type": "bearer"}


async def user(token: str = Depends(bearer)):
    subject = read_token(token)
    if not subject:
        raise HTTPException(401, "Invalid token")
    return subject
