from sqlalchemy import Column, Integer, String
from sqlalchemy.orm import declarative_base

from app.database import operational_metadata, platform_metadata

Operational = declarative_base(metadata=operational_metadata)
Platform = declarative_base(metadata=platform_metadata)


class User(Platform):
    __tablename__ = "users"

    id = Column(Integer, primary_key=True)
    username = Column(String(80), nullable=False, unique=True)
    email = Column(String(200), nullable=False)
    name = Column(String(200), nullable=False)
    password_hash = Column(String(200), nullable=False)


class Ticket(Operational):
    __tablename__ = "tickets"

    id = Column(Integer, primary_key=True)
    tenant_id = Column(String(80), nullable=False, index=True)
    title = Column(String(200), nullable=False)
    status = Column(String(20), nullable=False, default="open")

    def shown(self):
        return {"id": self.id, "title": self.title, "status": self.status}
