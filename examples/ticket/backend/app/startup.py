"""What happens before the first request."""
from sqlalchemy import select

from app import config, models
from app.database import engine, operational_metadata, platform_metadata, sessions
from app.security import hash_password


def create_db_and_tables():
    operational_metadata.create_all(engine, checkfirst=True)


def create_platform_db_and_tables():
    platform_metadata.create_all(engine, checkfirst=True)


def create_admin():
    if not config.admin_password:
        return
    with sessions.begin() as db:
        if not db.scalar(select(models.User).filter_by(username=config.admin_username)):
            kept = hash_password(config.admin_password)
            db.add(models.User(username=config.admin_username, email=config.admin_email, name=config.admin_name, password_hash=kept))


def start():
    config.uploads.mkdir(exist_ok=True)
    create_platform_db_and_tables()
    create_db_and_tables()
    create_admin()
