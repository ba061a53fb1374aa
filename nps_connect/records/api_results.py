"""Results of the API, and the errors that it returns as problem details (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from nps_connect.records.api_requests import ApiModel
from nps_connect.records.api_scopes import ApiScope
from nps_connect.records.base import Segment


class ApiCaller(NamedTuple):
    """Who calls the API.

    Attributes:
        key_id: row id of the key.
        name: of the key.
        scopes: of the key.
    """

    key_id: int
    name: str
    scopes: frozenset[str]

    def has(self, scope: ApiScope) -> bool:
        """Return whether the key has a scope."""
        return scope in self.scopes


class ApiWrite(NamedTuple):
    """A request that changes something.

    Attributes:
        caller: who makes it.
        request: its validated body.
        idempotency_key: as sent; None without one.
        request_hash: SHA-256 of path and body in hexadecimal.
    """

    caller: ApiCaller
    request: ApiModel
    idempotency_key: str | None = None
    request_hash: str = ""


class ApiResult(NamedTuple):
    """The response to a request.

    Attributes:
        status: HTTP status.
        body: JSON-ready.
        is_replay: the request was made before; this is the stored response.
    """

    status: int
    body: Mapping[str, object]
    is_replay: bool = False


class FieldProblem(ApiModel):
    """What is wrong with one field.

    Attributes:
        field: path of the field, such as `contact.email`.
        message: what is wrong, without the value.
    """

    field: str
    message: str


class Problem(ApiModel):
    """Problem details as in RFC 9457.

    Attributes:
        type: a URN that names the kind of problem.
        title: the same in words.
        status: HTTP status.
        detail: what is wrong with this request.
        request_id: as in `X-Request-Id` and in the log.
        errors: the fields that are wrong.
    """

    type: str
    title: str
    status: int
    detail: str
    request_id: str
    errors: tuple[FieldProblem, ...] = ()


class ApiProblem(Exception):
    """A request that is refused.

    Attributes:
        status: HTTP status.
        kind: last part of the type of the problem.
        detail: one sentence, without secrets and values of the request.
        errors: pairs of field and message.
        headers: further headers of the response.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        *,
        errors: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.kind, self.detail = status, kind, detail
        self.errors, self.headers = tuple(errors), dict(headers or {})


def invalid(field: str, message: str) -> ApiProblem:
    """Return the problem of one invalid field."""
    return ApiProblem(422, "invalid", "the request is not valid", errors=[(field, message)])


class ContactReference(ApiModel):
    """A contact, by connection and the id there."""

    connection: str
    id: str


class EventResult(ApiModel):
    """An event as stored.

    Attributes:
        connection: of the event.
        key: of the fact.
        new: false if the fact was stored before; then nothing changes.
        contact: whom it is about, where the id is known.
    """

    connection: str
    key: str
    new: bool
    contact: ContactReference | None


class ContactResult(ApiModel):
    """A contact as stored; `new`: it was not stored before."""

    contact: ContactReference
    new: bool


class InvitationResult(ApiModel):
    """A person who is in a campaign; whether they are asked is decided within moments.

    Attributes:
        campaign: name of the campaign.
        new: false if the person was in the campaign before; then nothing happens.
    """

    campaign: str
    new: bool


class ResponseResult(ApiModel):
    """A response as stored.

    Attributes:
        id: public id of the response.
        new: false if it was stored before; then nothing changes.
        segment: of the score.
        contact: who gave it.
    """

    id: str
    new: bool
    segment: Segment
    contact: ContactReference


class SuppressionResult(ApiModel):
    """What was suppressed: numbers of mailboxes and contacts."""

    mailboxes: int
    contacts: int


class RemovalResult(ApiModel):
    """What was removed.

    Attributes:
        removed: the reasons of the removed suppressions.
        opted_out_in_crm: number of contacts that the CRM says are opted out: they are still not contacted.
    """

    removed: tuple[str, ...]
    opted_out_in_crm: int


class CaseResult(ApiModel):
    """A case as stored.

    Attributes:
        response: id of the response that opened it.
        state: open or solved.
        assigned_to: who has it.
        next_contact_at: when the customer is to be called again.
    """

    response: str
    state: str
    assigned_to: str | None
    next_contact_at: datetime | None
