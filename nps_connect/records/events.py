"""Events: what happened at a vendor, normalised, and how they arrive."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import Field

from nps_connect.records.base import FieldValue, Moment, Record
from nps_connect.records.contacts import Contact, ContactKey

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

CONTACT_EVENT_KINDS = frozenset({"contact.deleted", "contact.merged", "contact.privacy_deleted"})
"""Kinds that change the stored contact, whether or not a trigger listens."""

SOLVED_KINDS = frozenset({"ticket.solved", "ticket.closed"})
REOPENED_KIND = "ticket.reopened"
TICKET_EVENT_KINDS = SOLVED_KINDS | {REOPENED_KIND}
"""Kinds that change the case of a ticket."""


def fact_key(kind: str, object_id: str, moment: datetime) -> str:
    """The key of a fact: kind, object, and the moment it became true (milliseconds, UTC).

    Webhook, poll and replay of one fact compute the same key and so meet in one row.
    """
    since = moment - EPOCH
    millis = (since.days * 86_400 + since.seconds) * 1000 + (since.microseconds + 500) // 1000
    return f"{kind}:{object_id}:{millis}"


class Event(Record):
    """Something that happened in a CRM or helpdesk.

    Attributes:
        key: the fact's key, see `fact_key`; unique per connection.
        kind: noun and verb, such as `deal.won`; one of the kinds that the connector declares.
        object_id: the vendor's id of the object (deal, ticket, contact).
        occurred_at: the moment the fact became true.
        contact_key: who the event is about, as far as the vendor told; completed by `nps_complete_events`.
        contacts: the people found for it: none, one, or several (an ambiguity).
        fields: what filters can ask about.
    """

    key: str = Field(min_length=1, max_length=400)
    kind: str = Field(pattern=r"^[a-z_]+\.[a-z_]+$", max_length=80)
    object_id: str = Field(min_length=1, max_length=200)
    occurred_at: Moment
    contact_key: ContactKey | None = None
    contacts: tuple[Contact, ...] = ()
    fields: dict[str, FieldValue] = Field(default_factory=dict)


class EventPage(Record):
    """One page of a poll.

    Attributes:
        events: in any order; repeats do no harm.
        cursor: opaque text to continue from; it must be safe to repeat the page from the previous one.
        more: another page is there to be fetched at once.
    """

    events: tuple[Event, ...] = ()
    cursor: str
    more: bool = False


class ForeignEntries(Record):
    """Entries of a webhook that concern another account of the vendor: counted, and nothing of them is kept.

    Attributes:
        count: how many.
    """

    count: int = Field(ge=1)


class WebhookRequest(Record):
    """An incoming webhook exactly as received.

    Attributes:
        method: upper case.
        url: the configured public address plus path and query as called, percent-encoding untouched.
        headers: names in lower case.
        body: raw bytes.
        received_at: when the first byte of the request was handled.
    """

    method: str
    url: str
    headers: dict[str, str]
    body: bytes
    received_at: Moment
