"""Intake: from a vendor's fact to a normalised event with its contact."""

from __future__ import annotations

from collections.abc import Sequence

from nps_connect.connection import Connection
from nps_connect.hookspecs.markers import hookspec
from nps_connect.records.bounces import Bounce, MailboxPage
from nps_connect.records.contacts import ContactKey, ContactMatch
from nps_connect.records.events import Event, EventPage, ForeignEntries, WebhookRequest


@hookspec
def nps_verify_webhook(connection: Connection, request: WebhookRequest) -> None:
    """Verify the signature of a webhook. Called by the web before anything is stored.

    CPU only: no network, no disk. Returning means believed.

    Raises:
        WebhookRejected: `signature` (missing or wrong) or `stale` (outside the time window).
    """


@hookspec
def nps_parse_events(  # type: ignore[empty-body]
    connection: Connection, request: WebhookRequest
) -> Sequence[Event | ForeignEntries]:
    """Turn a stored webhook into events. Called by intake, after `nps_verify_webhook` had accepted it. Pure.

    One request may hold many events. Kinds that are not known give none; unknown keys are ignored. What concerns
    another account of the vendor is only counted, as `ForeignEntries`.

    Raises:
        WebhookRejected: `unreadable`, when the JSON does not have the vendor's shape at all. The request is kept and
            can be replayed after a fix.
    """


@hookspec
def nps_poll_events(connection: Connection, cursor: str | None) -> EventPage:  # type: ignore[empty-body]
    """Fetch one page of events for connections without webhooks. Called by a periodic job.

    `cursor` is what the previous page returned, or none on the very first call, which must return no history but a
    cursor that starts now. The page is stored and the cursor moved on in one transaction.

    Raises:
        DeliveryError: any; the cursor stays where it was.
    """


@hookspec
def nps_complete_events(  # type: ignore[empty-body]
    connection: Connection, events: Sequence[Event], fields: Sequence[str]
) -> Sequence[Event]:
    """Fill in fields and contacts of events, in bulk (a webhook often holds only an id). Called before decisions.

    `fields` are the names that triggers use. The answer has the same events in the same order with the same keys;
    `contacts` of each is none, one, or several (an ambiguity is told, never guessed away). A field that the vendor
    does not have is left out.

    Raises:
        DeliveryError: any; the events are tried again later.
    """


@hookspec
def nps_read_bounces(connection: Connection, message: bytes) -> Sequence[Bounce]:  # type: ignore[empty-body]
    """Read what came back to a channel: a delivery status report or a complaint. Pure.

    Called with one message as the mail server got it, posted by the relay or read from a file or mailbox. A report that
    tells of no failure (a delay, a success) gives none.

    Raises:
        WebhookRejected: `unreadable`, when the message is no report.
    """


@hookspec
def nps_fetch_bounces(connection: Connection, cursor: str | None) -> MailboxPage | None:
    """Fetch a page of the mailbox to which mail comes back; what was there is left as it was.

    Called every few minutes on channels; each message then goes to `nps_read_bounces`, twice without harm. None when
    the connection's settings name no mailbox. Without a cursor, begin with what is a week old.

    Raises:
        DeliveryError: any; it is tried again later, from the same cursor.
    """


@hookspec
def nps_find_contacts(connection: Connection, keys: Sequence[ContactKey]) -> Sequence[ContactMatch]:  # type: ignore[empty-body]
    """Look people up by vendor id or e-mail, in bulk; one match per key, in order.

    Called when an event has a contact key but no contact, again before every message to a person (opt-outs, merges
    and deletions are read anew), and to find the same person at another connection. Several contacts for one key are
    all returned. A merged id gives the survivor with `merged_ids`; a deleted contact is returned with `deleted=True`
    if the vendor still tells, else as no match.

    Raises:
        DeliveryError: any; the work is tried again later.
    """
