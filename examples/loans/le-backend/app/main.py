import logging
import time
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from app.core.config import settings
from app.database import create_tables
from app.routers import auth, files, health, loans

logging.basicConfig(level=logging.INFO, format="%(asctime)s - %(name)s - %(levelname)s - %(message)s")
logger = logging.getLogger("loans")


@asynccontextmanager
async def lifespan(_):
    await create_tables()
    logger.info("Connected to the database")
    yield


app = FastAPI(title="Loans", version="1.0.0", debug=settings.debug, lifespan=lifespan)
app.add_middleware(CORSMiddleware, allow_origins=settings.origins, allow_methods=["*"], allow_headers=["*"])
app.include_router(health.router, prefix="/api/v1")
app.include_router(auth.router, prefix="/api/v1/auth")
app.include_router(loans.router, prefix="/api/v1/loans")
app.include_router(files.router, prefix="/api/v1/files")


@app.middleware("http")
async def log_requests(request, call_next):
    start_time = time.monotonic()
    response = await call_next(request)
    logger.info("%s %s - %s - %.4fs", request.method, request.url.path, response.status_code, time.monotonic() - start_time)
    return response
