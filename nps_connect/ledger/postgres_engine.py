"""Build the engine of a PostgreSQL database."""

from __future__ import annotations

import math

from pydantic_core import from_json
from sqlalchemy import URL, Engine, create_engine

from nps_connect.errors import ConfigError
from nps_connect.ledger.database_errors import DATABASE_URL_KEY

CONNECT_TIMEOUT_SECONDS = 10
"""How long a connection to PostgreSQL may take, unless the address sets `connect_timeout`."""


def build_postgres_engine(url: URL, timeout_seconds: float | None) -> Engine:
    """Build the engine of a PostgreSQL database.

    Args:
        url: the address.
        timeout_seconds: how long a connection may take; None means 10 s, or what the address says.

    Raises:
        ConfigError: PostgreSQL support is not installed.
    """
    arguments = {} if "connect_timeout" in url.query else {"connect_timeout": CONNECT_TIMEOUT_SECONDS}
    if timeout_seconds is not None:
        arguments = {"connect_timeout": math.ceil(timeout_seconds)}
    try:
        return create_engine(
            url,
            pool_size=8,
            max_overflow=16,
            pool_pre_ping=True,
            json_deserializer=from_json,
            connect_args=arguments,
        )
    except ModuleNotFoundError:
        raise ConfigError(
            "PostgreSQL support is not installed", key=DATABASE_URL_KEY, fix="run: pip install 'nps-connect[postgres]'"
        ) from None
