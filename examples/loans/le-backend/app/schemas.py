from pydantic import BaseModel, ConfigDict, Field


class LoanRequest(BaseModel):
    borrower: str = Field(min_length=1, max_length=120)
    amount_cents: int = Field(gt=0)


class LoanAnswer(LoanRequest):
    model_config = ConfigDict(from_attributes=True)

    id: int
    state: str
