import os

from sqlalchemy import Column, Float, Integer, MetaData, String, Table, create_engine

url = os.environ.get("DATABASE_URL", "sqlite:///signals.db").replace("postgres://", "postgresql://", 1)
engine = create_engine(url, pool_pre_ping=True, future=True)
metadata = MetaData()
signals = Table(
    "signals",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(200), nullable=False),
    Column("lift", Float, nullable=False),
)
