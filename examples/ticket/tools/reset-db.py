#!/usr/bin/env python3
"""Drops every table, from wherever the database can be reached; migrations make them anew.

    DATABASE_URL="postgresql://…" python tools/reset-db.py
"""
import os
import sys

import psycopg2


def confirmed(url):
    """Production's data is not dropped without a question."""
    if os.environ.get("ENVIRONMENT") != "production" and "production" not in url:
        return True
    print("This deletes all data of a PRODUCTION database. Type 'yes' to go on: ", end="", flush=True)
    return sys.stdin.readline().strip() == "yes"


def main():
    url = os.environ.get("DATABASE_URL") or sys.exit("DATABASE_URL is not set")
    if not confirmed(url):
        sys.exit("Nothing was changed.")
    connection = psycopg2.connect(url, connect_timeout=10)
    with connection, connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '10s'")
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = [row[0] for row in cursor.fetchall()]
        cursor.execute("DROP SCHEMA public CASCADE")
        cursor.execute("CREATE SCHEMA public")
    print(f"dropped {len(tables)} tables of {connection.info.dbname} at {connection.info.host}"
          f"{' over TLS' if connection.info.ssl_in_use else ''}: {', '.join(sorted(tables)) or 'none'}")


main()
