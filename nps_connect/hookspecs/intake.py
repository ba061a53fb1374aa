"""Hooks for intake: from a vendor's webhook or record to a normalised event with its contact."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nps_connect.connection import Connection
from nps_connect.hookspecs.markers import hookspec
from nps_connect.records.bounces import Bounce, MailboxPage
from nps_connect.records.contacts import ContactKey, ContactMatch, ContactPage
from nps_connect.records.events import Event, EventPage, SkippedEntries, WebhookRequest


@hookspec
def nps_verify_webhook(connection: Connection[Any], request: WebhookRequest) -> None:
    """Verify the signature of a webhook. Called before anything is stored.

    CPU only: no network, no disk. Returning means that the webhook is accepted.

    Raises:
        WebhookRejected: `signature` (missing or wrong) or `stale` (outside the time window).
    """


@hookspec
def nps_parse_events(  # type: ignore[empty-body]
    connection: Connection[Any], request: WebhookRequest
) -> Sequence[Event | SkippedEntries]:
    """Parse a stored webhook that `nps_verify_webhook` accepted into events. Pure.

    One request may hold many events. Unknown kinds and keys are ignored. Entries of another account of the vendor, and
    single entries without the vendor's structure, are counted as `SkippedEntries`; the others are returned.

    Raises:
        WebhookRejected: `unreadable`, if nothing in the JSON has the vendor's structure. The request is kept and can be
            replayed after a fix.
    """


@hookspec
def nps_poll_events(connection: Connection[Any], cursor: str | None) -> EventPage:  # type: ignore[empty-body]
    """Fetch one page of events for connections without webhooks. Called by a periodic job.

    `cursor` is that of the previous page, or None on the first call, which must return no history but a cursor that
    starts now. The page and the new cursor are stored in one transaction.

    Raises:
        DeliveryError: any; the cursor is not changed.
    """


@hookspec
def nps_complete_events(  # type: ignore[empty-body]
    connection: Connection[Any], events: Sequence[Event], fields: Sequence[str]
) -> Sequence[Event]:
    """Add fields and contacts to events, in bulk (a webhook often holds only an id). Called before decisions.

    `fields` are the names that triggers, review platforms and `connection.contact_fields` use. Returns the same events
    in the same order with the same keys; `contacts` of each has no, one or several entries (several mean that the
    contact is ambiguous). Fields that the vendor does not have are omitted. What the vendor says now wins over the
    words of the event: a ticket event has the field `is_open`, and `agent_name` if an agent has the ticket, and an
    event whose object the vendor does not find has no contact. Recent events without a contact are completed again for
    some minutes before they are decided.

    Raises:
        DeliveryError: any; the events are retried later.
    """


@hookspec
def nps_read_bounces(connection: Connection[Any], message: bytes) -> Sequence[Bounce]:  # type: ignore[empty-body]
    """Parse a bounce or a complaint. Pure.

    Called with one message as received by the mail server, posted by the relay or read from a file or mailbox; anybody
    can send any message there. A report without a failure (a delay, a success) yields no bounce. A bounce acts only if
    its `message_id` is the receipt's id of a delivery, and its `address`, if any, the mailbox of that delivery.

    Raises:
        WebhookRejected: `unreadable`, if the message is not a report. Any other exception is logged, and the message
            is skipped.
    """


@hookspec
def nps_fetch_bounces(connection: Connection[Any], cursor: str | None) -> MailboxPage | None:
    """Fetch a page of the mailbox that receives bounces, without changing the mailbox.

    Called every few minutes on channels; each message is passed to `nps_read_bounces`, possibly more than once. Returns
    None if no mailbox is configured. Without a cursor, start with messages of the last week.

    Raises:
        DeliveryError: any; it is retried later, from the same cursor.
    """


@hookspec
def nps_find_contacts(connection: Connection[Any], keys: Sequence[ContactKey]) -> Sequence[ContactMatch]:  # type: ignore[empty-body]
    """Look up contacts by vendor id or e-mail, in bulk; return one match per key, in order.

    Called if an event has a contact key but no contact, before every message to a person (to read opt-outs, merges and
    deletions), and to find the same person at another connection. A match holds all contacts of its key, each with the
    fields of `connection.contact_fields` that the vendor has. For a
    merged id return the surviving contact with `merged_ids`; return a deleted contact with `deleted=True` if the vendor
    still has it, else no contact.

    Raises:
        DeliveryError: any; the work is retried later.
    """


@hookspec
def nps_list_contacts(connection: Connection[Any], cursor: str | None, fields: Sequence[str]) -> ContactPage:  # type: ignore[empty-body]
    """Return one page of all contacts of the account, for the population of a recurring survey.

    `cursor` is that of the previous page, or None for the first. Called once a day, page after page, so a page is as
    large as the vendor allows. `fields` are the names that the population's filter, locations and owners need: they
    become `Contact.fields`; those that the vendor does not have are omitted. Deleted contacts and the account's own
    staff are left out. For connections without this hook the population is what the database knows of their contacts.

    Raises:
        Rejected: the cursor is not valid any more; the list is read again from the first page.
        DeliveryError: any other; the page is read again later.
    """
