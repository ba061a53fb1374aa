"""Events: normalised facts of a vendor, and how they arrive."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import Field

from nps_connect.errors import WebhookRejected
from nps_connect.records.base import FieldValue, Moment, Record
from nps_connect.records.contacts import Contact, ContactKey

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

CONTACT_EVENT_KINDS = frozenset({"contact.deleted", "contact.merged", "contact.privacy_deleted"})
"""Kinds that change the stored contact, whether or not a trigger listens."""

SOLVED_KINDS = frozenset({"ticket.solved", "ticket.closed"})
REOPENED_KIND = "ticket.reopened"
TICKET_EVENT_KINDS = SOLVED_KINDS | {REOPENED_KIND}
"""Kinds that change the case of a ticket."""

TICKET_OPEN_FIELD = "is_open"
"""Field of a ticket event, set when the event is completed: whether the ticket is open at that time."""

TICKET_AGENT_FIELD = "agent_name"
"""Field of a ticket event, set when the event is completed: the name of the agent who has the ticket at that time."""


def fact_key(kind: str, object_id: str, moment: datetime) -> str:
    """Return the key of a fact: kind, object, and the moment at which it became true (milliseconds since 1970).

    Webhook, poll and replay of one fact compute the same key, so that it is stored once.
    """
    since = moment - EPOCH
    millis = (since.days * 86_400 + since.seconds) * 1000 + (since.microseconds + 500) // 1000
    return f"{kind}:{object_id}:{millis}"


class Event(Record):
    """A fact of a CRM or helpdesk.

    Attributes:
        key: key of the fact, see `fact_key`; unique per connection.
        kind: noun and verb, such as `deal.won`; one of the kinds that the connector declares.
        object_id: the vendor's id of the object (deal, ticket, contact).
        occurred_at: when the fact became true.
        contact_key: key of the contact, if the event has one; looked up with `nps_find_contacts`.
        contacts: contacts found for it: none, one, or several (ambiguous).
        fields: values for filters.
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
        events: in any order; repetitions are ignored.
        cursor: opaque text to continue from; reading the page again from the previous cursor must be safe.
        more: another page can be fetched immediately.
    """

    events: tuple[Event, ...] = ()
    cursor: str
    more: bool = False


class SkippedEntries(Record):
    """Entries of a webhook that are not read: counted, and shown by the connection's check.

    Attributes:
        count: number of entries.
        reason: they concern another account of the vendor, or lack what every entry has.
    """

    count: int = Field(ge=1)
    reason: Literal["another_account", "unreadable_entry"]


STORED_HEADER = re.compile(r"content-type|user-agent|x-(?!.*(?:auth|token|key|secret|password)).+")
"""Matches the names, in lower case, of headers that are stored with a webhook: the vendor's own ``x-`` headers without
those that hold credentials. `nps_parse_events` sees no others."""


class WebhookRequest(Record):
    """An incoming webhook exactly as received.

    Attributes:
        method: upper case.
        url: the configured public address with path and query as requested, percent-encoding unchanged.
        headers: names in lower case.
        body: raw bytes.
        received_at: when the handling of the request began.
    """

    method: str
    url: str
    headers: dict[str, str]
    body: bytes
    received_at: Moment

    def json(self) -> Any:  # type: ignore[override]  # noqa: ANN401  # replaces a deprecated method of pydantic
        """Return the body as JSON; check its type before use, because anybody may send anything.

        Raises:
            WebhookRejected: `unreadable`: the body is not JSON, or nested too deeply.
        """
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise WebhookRejected("unreadable", "the body is not JSON") from None

    def json_object(self) -> dict[str, Any]:
        """Return the body as a JSON object.

        Raises:
            WebhookRejected: `unreadable`: it is not one.
        """
        content = self.json()
        if not isinstance(content, dict):
            raise WebhookRejected("unreadable", "the body is not a JSON object")
        return content

    def require_header(self, name: str) -> str:
        """Return a header by its name in lower case.

        Raises:
            WebhookRejected: `signature`: it is missing or empty.
        """
        value = self.headers.get(name)
        if not value:
            raise WebhookRejected("signature", f"the header {name} is missing")
        return value
