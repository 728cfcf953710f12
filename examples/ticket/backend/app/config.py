"""The settings: environment variables, as env.example names them."""
import os
import sys
from pathlib import Path

WEAK_PASSWORDS = ("admin", "admin123", "password", "changeme")

environment = os.environ.get("ENVIRONMENT", "development")
secret_key = os.environ.get("SECRET_KEY") or "development-only"
allowed_origins = [o.strip() for o in os.environ.get("ALLOWED_ORIGINS", "*").split(",") if o.strip()]
database_url = os.environ.get("DATABASE_URL") or "postgresql://postgres:postgres@localhost:5432/hello_ticket"
database_url = database_url.replace("postgres://", "postgresql://", 1)
frontend_dist = Path(os.environ.get("FRONTEND_DIST_DIR") or Path(__file__).resolve().parents[2] / "frontend/apps/web/dist")
uploads = Path("uploads")
admin_username = os.environ.get("DEFAULT_ADMIN_USERNAME", "admin")
admin_email = os.environ.get("DEFAULT_ADMIN_EMAIL", "admin@example.com")
admin_name = os.environ.get("DEFAULT_ADMIN_NAME", "Administrator")
admin_password = os.environ.get("DEFAULT_ADMIN_PASSWORD", "")
default_tenant = os.environ.get("DEFAULT_TENANT_ID", "default-tenant")
require_tenant = os.environ.get("REQUIRE_TENANT", "").lower() == "true"
cache_backend = os.environ.get("CACHE_BACKEND", "disk")
redis_url = os.environ.get("REDIS_URL", "")


def problems():
    """What must not be so in production."""
    if len(secret_key) < 32:
        yield "SECRET_KEY must have at least 32 characters"
    if "*" in allowed_origins:
        yield "ALLOWED_ORIGINS must name the origins; it is *"
    if admin_password and (len(admin_password) < 10 or admin_password.lower() in WEAK_PASSWORDS):
        yield "DEFAULT_ADMIN_PASSWORD is weak"
    if not os.environ.get("DATABASE_URL"):
        yield "DATABASE_URL is not set: link the database to this service"


if environment == "production" and list(problems()):
    sys.exit("Insecure configuration for ENVIRONMENT=production: " + "; ".join(problems()))
