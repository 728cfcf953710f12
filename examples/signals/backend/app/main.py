"""The backend: which signals there are."""
import os

from fastapi import FastAPI, HTTPException

VERSION = "1"
ENVIRONMENT = os.environ.get("RAILWAY_ENVIRONMENT_NAME", "local")
SIGNALS = {
    1: {"id": 1, "name": "Pricing page visited twice", "lift": 2.4},
    2: {"id": 2, "name": "Invited a colleague", "lift": 3.1},
}

app = FastAPI(title="signals")


@app.get("/health")
def health():
    return {"status": "ok", "environment": ENVIRONMENT, "version": VERSION}


@app.get("/api/signals")
def signals():
    return {"environment": ENVIRONMENT, "version": VERSION, "signals": list(SIGNALS.values())}


@app.get("/api/signals/{number}")
def signal(number: int):
    if number not in SIGNALS:
        raise HTTPException(404, f"there is no signal {number}")
    return SIGNALS[number]
