#!/usr/bin/env python3
"""The database's schema: applies migrations, takes them back, says where it stands."""
import argparse
import sys
from pathlib import Path

BACKEND = Path(__file__).resolve().parents[1] / "backend"
sys.path.insert(0, str(BACKEND))

from alembic import command  # noqa: E402
from alembic.config import Config  # noqa: E402
from alembic.runtime.migration import MigrationContext  # noqa: E402
from alembic.script import ScriptDirectory  # noqa: E402


def status(alembic):
    from app.database import engine

    with engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    scripts = ScriptDirectory.from_config(alembic)
    pending = [script.revision for script in scripts.iterate_revisions("heads", current)]
    print(f"current: {current or 'none'}")
    print(f"head: {scripts.get_current_head()}")
    print(f"pending: {', '.join(reversed(pending)) or 'none'}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=["upgrade", "downgrade", "current", "history", "status"])
    parser.add_argument("revision", nargs="?", help="upgrade: default head; downgrade: default -1")
    arguments = parser.parse_args()
    alembic = Config(str(BACKEND / "alembic.ini"))
    if arguments.action == "upgrade":
        command.upgrade(alembic, arguments.revision or "head")
    elif arguments.action == "downgrade":
        command.downgrade(alembic, arguments.revision or "-1")
    if arguments.action in ("current", "history"):
        getattr(command, arguments.action)(alembic, verbose=True)
    else:
        status(alembic)


main()
