from datetime import datetime, timezone

from fastapi import APIRouter, Depends, Response
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.database import session

router = APIRouter()


@router.get("/health")
async def health_check(response: Response, db=Depends(session)):
    try:
        await db.execute(text("SELECT 1"))
        database = "connected"
    except (SQLAlchemyError, OSError) as error:
        database = f"unreachable: {type(error).__name__}"
        response.status_code = 503
    return {
        "status": "healthy" if database == "connected" else "unhealthy",
        "timestamp": datetime.now(timezone.utc).isoformat(),
        "version": "1.0.0",
        "database": database,
    }
