from fastapi import APIRouter, Depends
from sqlalchemy import select

from app.database import session
from app.models import Loan
from app.routers.auth import user
from app.schemas import LoanAnswer, LoanRequest

router = APIRouter()


@router.get("", response_model=list[LoanAnswer])
async def all_loans(db=Depends(session)):
    return (await db.scalars(select(Loan).order_by(Loan.id))).all()


@router.post("", response_model=LoanAnswer, status_code=201)
async def request_loan(request: LoanRequest, db=Depends(session), _=Depends(user)):
    loan = Loan(borrower=request.borrower, amount_cents=request.amount_cents)
    db.add(loan)
    await db.commit()
    return loan
