from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from app.core.config import async_url, connect_arguments, settings
from app.models import Base

url = async_url(settings.database_url)
engine = create_async_engine(url, pool_pre_ping=True, connect_args=connect_arguments(url))
sessions = async_sessionmaker(engine, expire_on_commit=False)


async def session():
    async with sessions() as one:
        yield one


async def create_tables():
    """What is missing of them."""
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
