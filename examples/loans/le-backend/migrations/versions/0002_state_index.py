"""An index on the state, which databases that are older than it lack."""
from alembic import op

revision, down_revision = "0002", "0001"


def upgrade():
    op.create_index("ix_loans_state", "loans", ["state"])


def downgrade():
    op.drop_index("ix_loans_state", "loans")
