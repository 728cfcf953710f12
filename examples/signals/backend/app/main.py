"""The backend: which signals there are."""
import os

from fastapi import FastAPI, HTTPException
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from app.database import engine, signals

VERSION = "1"
ENVIRONMENT = os.environ.get("RAILWAY_ENVIRONMENT_NAME", "local")

app = FastAPI(title="signals")


def find(statement):
    try:
        with engine.connect() as connection:
            return [dict(row) for row in connection.execute(statement).mappings()]
    except DBAPIError as error:
        # Most often the migrations have not been applied here.
        raise HTTPException(503, f"the database: {type(error.orig).__name__}") from error


@app.get("/health")
def health():
    return {"status": "ok", "environment": ENVIRONMENT, "version": VERSION}


@app.get("/api/signals")
def all_signals():
    return {"environment": ENVIRONMENT, "version": VERSION, "signals": find(select(signals).order_by(signals.c.id))}


@app.get("/api/signals/{number}")
def signal(number: int):
    found = find(select(signals).filter_by(id=number))
    if not found:
        raise HTTPException(404, f"there is no signal {number}")
    return found[0]
