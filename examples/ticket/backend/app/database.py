from sqlalchemy import MetaData, create_engine
from sqlalchemy.orm import sessionmaker

from app import config

operational_metadata = MetaData()  # what tenants work with
platform_metadata = MetaData()  # who there is
engine = create_engine(config.database_url, pool_pre_ping=True, future=True)
sessions = sessionmaker(engine, expire_on_commit=False, future=True)


def session():
    with sessions() as one:
        yield one
