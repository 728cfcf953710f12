from typing import Optional

from fastapi import APIRouter, Depends, File, Header, HTTPException, UploadFile
from pydantic import BaseModel, Field
from sqlalchemy import func, select

from app import cache, config
from app.database import session
from app.models import Ticket
from app.routers.auth import current_user

router = APIRouter()


class TicketRequest(BaseModel):
    title: str = Field(min_length=1, max_length=200)


def tenant(x_tenant_id: Optional[str] = Header(None)):
    if config.require_tenant and not x_tenant_id:
        raise HTTPException(400, "The header X-Tenant-ID is missing")
    return x_tenant_id or config.default_tenant


def find(number: int, owner=Depends(tenant), db=Depends(session)):
    ticket = db.scalar(select(Ticket).filter_by(id=number, tenant_id=owner))
    if not ticket:
        raise HTTPException(404, f"There is no ticket {number}")
    return ticket


@router.get("")
def all_tickets(owner=Depends(tenant), db=Depends(session)):
    return [ticket.shown() for ticket in db.scalars(select(Ticket).filter_by(tenant_id=owner).order_by(Ticket.id))]


@router.post("", status_code=201)
def create(request: TicketRequest, owner=Depends(tenant), db=Depends(session), _=Depends(current_user)):
    ticket = Ticket(title=request.title, tenant_id=owner)
    db.add(ticket)
    db.commit()
    return ticket.shown()


@router.get("/count")
def count(owner=Depends(tenant), db=Depends(session)):
    """How many there are, as of up to a minute ago."""
    found = cache.get(f"count-{owner}")
    if found is None:
        found = db.scalar(select(func.count(Ticket.id)).filter_by(tenant_id=owner))
        cache.put(f"count-{owner}", found, 60)
    return {"tickets": found, "cache": config.cache_backend}


@router.get("/{number}")
def one(ticket=Depends(find)):
    return ticket.shown()


@router.post("/{number}/attachment", status_code=201)
def attach(ticket=Depends(find), file: UploadFile = File(), _=Depends(current_user)):
    path = config.uploads / f"ticket-{ticket.id}"
    path.write_bytes(file.file.read())
    return {"url": f"/uploads/{path.name}"}
