"""Between claim and start: what must be asked of a vendor anew. No transaction is open here."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from sqlalchemy import select
from sqlmodel import col

from nps_connect.errors import DeliveryError, PluginError, Rejected, RetryLater
from nps_connect.ledger.tables import ContactRow, DeliveryRow
from nps_connect.records.contacts import Contact, ContactKey
from nps_connect.records.deliveries import Action
from nps_connect.services.contacts.lookup import find_contacts
from nps_connect.services.contacts.store import build_contact, surviving_contact
from nps_connect.services.context import Context
from nps_connect.services.deliveries.delivery_order import load_with_relations
from nps_connect.services.deliveries.preflight import NotAttempted
from nps_connect.services.deliveries.quiet_hours import defer_in_quiet_hours

log = logging.getLogger(__name__)

RefreshResult = Contact | DeliveryError | NotAttempted
"""The person as the vendor knows them now, or why the delivery cannot go on."""

REFRESH_ACTIONS = frozenset({"send_survey", "send_reminder", "invite_review"})
"""Actions before which the person's own connection is asked again: opt-outs, merges, deletions."""


def refresh_contacts(
    ctx: Context, connection: str, action: Action, rows: Sequence[DeliveryRow]
) -> dict[int, RefreshResult]:
    """Look people up where an action needs it; by row id. Rows that need none are absent."""
    if action in REFRESH_ACTIONS:
        people, looked = _load_contacts(ctx, rows)
        looked |= defer_in_quiet_hours(ctx, people)
        by_connection: dict[str, dict[int, Contact]] = {}
        for row_id, contact in people.items():
            if row_id not in looked:
                by_connection.setdefault(contact.connection, {})[row_id] = contact
        for name, contacts in by_connection.items():
            looked |= _refresh_by_id(ctx, name, contacts)
        return looked
    if action == "write_score":
        people, looked = _load_contacts(ctx, _rows_of_other_connections(ctx, connection, rows))
        return looked | _find_by_email(ctx, connection, people)
    return {}


def _rows_of_other_connections(ctx: Context, connection: str, rows: Sequence[DeliveryRow]) -> list[DeliveryRow]:
    """Rows about people of another connection than the one that is called."""
    ids = {row.contact_id for row in rows if row.contact_id is not None}
    foreign = select(col(ContactRow.id)).where(col(ContactRow.id).in_(ids), col(ContactRow.connection) != connection)
    with ctx.ledger.read() as session:
        theirs = set(session.execute(foreign).scalars())
    return [row for row in rows if row.contact_id in theirs]


def _load_contacts(ctx: Context, rows: Sequence[DeliveryRow]) -> tuple[dict[int, Contact], dict[int, RefreshResult]]:
    """The people of these deliveries, and what is damaged among them."""
    found: dict[int, Contact] = {}
    damaged: dict[int, RefreshResult] = {}
    with ctx.ledger.read() as session:
        for row in load_with_relations(session, rows) if rows else []:
            try:
                contact = session.get(ContactRow, row.contact_id) if row.contact_id else None
                if contact is not None:
                    found[row.id or 0] = build_contact(surviving_contact(session, contact))
            except (ValueError, TypeError) as error:
                log.error("damaged contact id=%s: %s", row.contact_id, type(error).__name__)
                damaged[row.id or 0] = Rejected("what is stored of the person cannot be read")
    return found, damaged


def _refresh_by_id(ctx: Context, connection: str, contacts: dict[int, Contact]) -> dict[int, RefreshResult]:
    """The same people as their own connection knows them now."""
    if not ctx.has(connection, "nps_find_contacts"):
        return {}
    keys = {row_id: ContactKey(kind="id", value=contact.id) for row_id, contact in contacts.items()}
    found = _find_contacts(ctx, connection, list(dict.fromkeys(keys.values())))
    if isinstance(found, DeliveryError):
        return dict.fromkeys(contacts, found)
    looked: dict[int, RefreshResult] = {}
    for row_id, key in keys.items():
        matches = found[key]
        looked[row_id] = matches[0] if len(matches) == 1 else contacts[row_id].model_copy(update={"deleted": True})
    return looked


def _find_by_email(ctx: Context, connection: str, contacts: dict[int, Contact]) -> dict[int, RefreshResult]:
    """The same people at another connection, found by their address; nobody is created only to hold a score."""
    if not contacts:
        return {}
    if not ctx.has(connection, "nps_find_contacts"):
        return dict.fromkeys(contacts, NotAttempted.skipped(f"{connection} does not know this person"))
    looked: dict[int, RefreshResult] = {
        row_id: NotAttempted.skipped("the contact has no address to be found by")
        for row_id, contact in contacts.items()
        if not contact.email
    }
    keys = {i: ContactKey(kind="email", value=c.email) for i, c in contacts.items() if c.email}
    found = _find_contacts(ctx, connection, list(dict.fromkeys(keys.values())))
    if isinstance(found, DeliveryError):
        return looked | dict.fromkeys(keys, found)
    for row_id, key in keys.items():
        matches = found[key]
        if len(matches) == 1:
            looked[row_id] = matches[0]
        else:
            why = "does not know this person" if not matches else "knows several people with this address"
            looked[row_id] = NotAttempted.skipped(f"{connection} {why}")
    return looked


def _find_contacts(
    ctx: Context, connection: str, keys: list[ContactKey]
) -> dict[ContactKey, tuple[Contact, ...]] | DeliveryError:
    try:
        return {match.key: match.contacts for match in find_contacts(ctx, connection, keys)} if keys else {}
    except DeliveryError as error:
        return error
    except PluginError as error:
        return RetryLater(f"people cannot be looked up: {error.problem}", connection=connection)
    except Exception as error:  # nobody is written to on a guess
        log.exception("plugin failed to look people up connection=%s", connection)
        return RetryLater(f"people cannot be looked up ({type(error).__name__})", connection=connection)
