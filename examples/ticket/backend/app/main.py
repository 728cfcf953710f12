from fastapi import FastAPI, HTTPException, Response
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app import config
from app.database import engine
from app.routers import auth, tickets
from app.startup import start

app = FastAPI(title="Hello Ticket", on_startup=[start])
app.add_middleware(CORSMiddleware, allow_origins=config.allowed_origins, allow_methods=["*"], allow_headers=["*"])
app.include_router(auth.router, prefix="/api/v1/auth")
app.include_router(tickets.router, prefix="/api/v1/tickets")


@app.get("/health")
def health(response: Response):
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
        database = "connected"
    except SQLAlchemyError as error:
        database = f"unreachable: {type(error).__name__}"
        response.status_code = 503
    return {"status": "healthy" if database == "connected" else "unhealthy", "database": database,
            "environment": config.environment}


app.mount("/uploads", StaticFiles(directory=config.uploads, check_dir=False))
if config.frontend_dist.is_dir():
    app.mount("/assets", StaticFiles(directory=config.frontend_dist / "assets"))


@app.get("/{path:path}", include_in_schema=False)
def page(path: str):
    """Every other path is the front end's, which looks at it in the browser."""
    index = config.frontend_dist / "index.html"
    if path.startswith("api/") or not index.exists():
        raise HTTPException(404, "Not Found")
    return FileResponse(index)
