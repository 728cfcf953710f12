from alembic import context

from app.database import engine, operational_metadata, platform_metadata
import app.models  # noqa: F401  the tables

with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=[operational_metadata, platform_metadata])
    with context.begin_transaction():
        context.run_migrations()
