import asyncio
from logging.config import fileConfig

from alembic import context
from sqlalchemy import pool
from sqlalchemy.ext.asyncio import create_async_engine

from app.core.config import async_url, connect_arguments, settings
from app.models import Base

fileConfig(context.config.config_file_name, disable_existing_loggers=False)


def migrate(connection):
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        context.run_migrations()


async def run():
    url = async_url(settings.database_url)
    engine = create_async_engine(url, poolclass=pool.NullPool, connect_args=connect_arguments(url))
    async with engine.begin() as connection:
        await connection.run_sync(migrate)
    await engine.dispose()


asyncio.run(run())
