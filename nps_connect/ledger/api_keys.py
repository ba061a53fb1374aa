"""Keys of the API, and the responses that are returned again when a request is repeated with its idempotency key."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import JSON, Field

from nps_connect.ledger.columns import Base, BigId, UtcDateTime


class ApiKeyRow(Base, table=True):
    """A key of the API, without its secret.

    Attributes:
        name: as the operator calls it; the actor's name in the audit log.
        prefix: public part of the key, by which it is found.
        secret_hash: SHA-256 of the secret part in hexadecimal; the secret has 256 random bits, so no salt is needed.
        scopes: of type `ApiScope`.
        created_by: the actor who added it.
        expires_at: from then on it is refused; None means never.
        last_used_at: to the minute.
    """

    __tablename__ = "api_keys"
    __table_args__ = (UniqueConstraint("name"), UniqueConstraint("prefix"))

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    name: str = Field(max_length=60)
    prefix: str = Field(max_length=20)
    secret_hash: str = Field(max_length=64)
    scopes: list[str] = Field(sa_type=JSON)
    created_by: str = Field(max_length=100)
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_used_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class IdempotencyKeyRow(Base, table=True):
    """A request with an ``Idempotency-Key``, written in the transaction of its effect.

    Attributes:
        api_key_id: the key of the API that made the request.
        key: as sent.
        request_hash: SHA-256 of method, path and body in hexadecimal: another request with this key is refused.
        status: HTTP status of the response.
        response: its JSON body; empty after the erasure of a person whom it named.
        created_at: when the request was first made.
    """

    __tablename__ = "idempotency_keys"
    __table_args__ = (Index("ix_idempotency_keys_created_at", "created_at"),)

    api_key_id: int = Field(primary_key=True, foreign_key="api_keys.id", sa_type=BigId)
    key: str = Field(primary_key=True, max_length=200)
    request_hash: str = Field(max_length=64)
    status: int
    response: dict[str, Any] = Field(sa_type=JSON)
    created_at: datetime = Field(sa_type=UtcDateTime)
