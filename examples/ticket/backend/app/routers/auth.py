from fastapi import APIRouter, Depends, HTTPException
from fastapi.security import OAuth2PasswordBearer, OAuth2PasswordRequestForm
from sqlalchemy import select

from app.database import session
from app.models import User
from app.security import is_password, make_token, read_token

router = APIRouter()
bearer = OAuth2PasswordBearer(tokenUrl="/api/v1/auth/token")


@router.post("/token")
def token(form: OAuth2PasswordRequestForm = Depends(), db=Depends(session)):
    user = db.scalar(select(User).filter_by(username=form.username))
    if not user or not is_password(form.password, user.password_hash):
        raise HTTPException(401, "Incorrect username or password")
    return {"access_token": make_token(user.username), "token_type": "bearer"}


def current_user(token: str = Depends(bearer), db=Depends(session)):
    user = db.scalar(select(User).filter_by(username=read_token(token)))
    if not user:
        raise HTTPException(401, "Not signed in, or not any more")
    return user


@router.get("/me")
def me(user=Depends(current_user)):
    return {"username": user.username, "email": user.email, "name": user.name}
