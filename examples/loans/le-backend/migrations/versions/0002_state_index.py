"""An index on the state; with FAIL_MIGRATION set it fails, to see what becomes of such a deployment."""
import os

from alembic import op

revision, down_revision = "0002", "0001"


def upgrade():
    if os.environ.get("FAIL_MIGRATION"):
        raise SystemExit("migration 0002 fails, as FAIL_MIGRATION asks for")
    op.create_index("loans_state", "loans", ["state"])


def downgrade():
    op.drop_index("loans_state", "loans")
