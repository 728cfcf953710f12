"""The signals, and the first of them."""
import sqlalchemy as sa
from alembic import op

revision, down_revision = "0001", None


def upgrade():
    signals = op.create_table(
        "signals",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("lift", sa.Float, nullable=False),
    )
    first = [("Pricing page visited twice", 2.4), ("Invited a colleague", 3.1)]
    op.bulk_insert(signals, [{"name": name, "lift": lift} for name, lift in first])


def downgrade():
    op.drop_table("signals")
