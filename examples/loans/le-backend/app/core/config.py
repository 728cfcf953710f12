"""The application's configuration: environment variables, as the guide names them."""
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    database_url: str = "sqlite+aiosqlite:///./loans.db"
    secret_key: str = "only-for-a-first-look-set-your-own"
    algorithm: str = "HS256"
    access_token_expire_minutes: int = 30
    cors_origins: str = ""
    debug: bool = False
    minio_endpoint: str = ""
    minio_access_key: str = ""
    minio_secret_key: str = ""
    minio_bucket_name: str = "loans-files"
    minio_secure: bool = False

    @property
    def origins(self):
        return [origin.strip() for origin in self.cors_origins.split(",") if origin.strip()]

    @property
    def minio_host(self):
        """A bare host, with or without a port; URLs are understood."""
        return self.minio_endpoint.partition("://")[2].rstrip("/") or self.minio_endpoint


settings = Settings()


def async_url(url):
    """Any spelling of a Postgres URL, for the asynchronous driver."""
    for prefix in ("postgresql://", "postgres://"):
        if url.startswith(prefix):
            return "postgresql+asyncpg://" + url[len(prefix):]
    return url


def connect_arguments(url):
    """TLS is asked for whenever the URL speaks of Railway: its Postgres has a certificate of its own."""
    if not url.startswith("postgresql+asyncpg://"):
        return {}
    return {"ssl": "require"} if "railway" in url else {}
