"""Read a batch of deliveries with all that they are about, look contacts up, and build what the hook receives."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from sqlalchemy import Table, bindparam, select
from sqlmodel import Session

from nps_connect.errors import DeliveryError, PluginError, RetryLater
from nps_connect.ledger import claims
from nps_connect.ledger.bulk_sql import RUNNING, in_list, load_columns, not_in_list, without_index
from nps_connect.ledger.tables import ContactRow, DeliveryRow, ResponseRow
from nps_connect.records.contacts import Contact, ContactKey
from nps_connect.records.deliveries import CancelCode, HoldCode
from nps_connect.records.responses import NPS_SCALE, ContactResponse, EarlierResponse, Response
from nps_connect.rules.timing import contact_zone, next_allowed_time
from nps_connect.services.action_spec import ActionSpec, NotAttempted, PreparationBatch, PreparationResult
from nps_connect.services.contacts.contact_batch import upsert_contacts
from nps_connect.services.contacts.contactability import block_reason
from nps_connect.services.contacts.lookup import find_contacts
from nps_connect.services.contacts.store import (
    MAX_HISTORY,
    build_contact,
    build_earlier_response,
    build_response,
    is_confirmed,
)
from nps_connect.services.context import Context

log = logging.getLogger(__name__)

UNUSED_CONTACT_COLUMNS = ("seen_at",)
UNUSED_RESPONSE_COLUMNS = ("provisional_score", "provisional_at", "provisional_bot_signals")

LookupResult = Contact | DeliveryError | NotAttempted
"""The contact as the vendor has it now, or why the delivery cannot go on."""

_DELIVERIES: Table = DeliveryRow.__table__
_COMPETING_ROWS = select(
    _DELIVERIES.c.id, _DELIVERIES.c.contact_id, _DELIVERIES.c.started_at, _DELIVERIES.c.lease_token
).where(
    in_list(_DELIVERIES.c.contact_id, "contact_ids"),
    without_index(_DELIVERIES.c.queue_name) == bindparam("queue_name"),
    without_index(_DELIVERIES.c.state) == RUNNING,
    not_in_list(_DELIVERIES.c.id, "claimed_ids"),
)
_RESPONSES: Any = ResponseRow.__table__
_EARLIER_RESPONSES = select(_RESPONSES).where(
    in_list(_RESPONSES.c.contact_id, "contact_ids"),
    not_in_list(_RESPONSES.c.id, "loaded_ids"),
    _RESPONSES.c.revision > 0,
    _RESPONSES.c.conflicting_at.is_(None),
    _RESPONSES.c.scale == NPS_SCALE,
    without_index(_RESPONSES.c.answered_at).is_not(None),
)


def load_batch(
    ctx: Context,
    session: Session,
    connection: str,
    rows: Sequence[DeliveryRow],
    lookups: Mapping[int, LookupResult] | None = None,
) -> PreparationBatch:
    """Read what the deliveries are about; contacts that were looked up at their own connection are stored first."""
    looked_up = {row_id: result for row_id, result in (lookups or {}).items() if isinstance(result, Contact)}
    contacts = _load_contacts(session, {row.contact_id for row in rows if row.contact_id is not None})
    contacts |= _store_looked_up(ctx, session, rows, contacts, looked_up)
    response_ids = {row.response_id for row in rows if row.response_id is not None}
    responses = load_columns(session, ResponseRow, response_ids, without=UNUSED_RESPONSE_COLUMNS)
    histories = _load_histories(session, {contact.id or 0 for contact in contacts.values()}, responses)
    return PreparationBatch(ctx, session, connection, rows, contacts, responses, histories, looked_up)


def contact_response(batch: PreparationBatch, row: DeliveryRow) -> ContactResponse:
    """Return the confirmed response of a delivery with its contact and the contact's earlier responses.

    Raises:
        ValueError: one of them is missing or cannot be read.
    """
    contact, response, history = load_records(batch, row)
    return ContactResponse(contact=contact, response=response, history=history)


def load_records(batch: PreparationBatch, row: DeliveryRow) -> tuple[Contact, Response, tuple[EarlierResponse, ...]]:
    """Return the parts of `contact_response`, without the cost of the record around them."""
    contact, response = batch.contact(row), batch.response(row)
    earlier = [other for other in batch.histories.get(contact.id or 0, ()) if other.id != response.id]
    history = tuple(map(build_earlier_response, earlier[:MAX_HISTORY]))
    return build_contact(contact), build_response(response), history


def prepare_batch(
    spec: ActionSpec, batch: PreparationBatch, lookups: Mapping[int, LookupResult]
) -> dict[int, PreparationResult]:
    """Return what the hook receives for each delivery, or why there is no call, by delivery id."""
    results: dict[int, PreparationResult] = {}
    has_conflicts = any(response.conflicting_at is not None for response in batch.responses.values())
    for row in batch.deliveries if lookups or spec.customer_facing or has_conflicts else ():
        lookup = lookups.get(row.id or 0)
        result = lookup if isinstance(lookup, DeliveryError | NotAttempted) else _block(spec, batch, row)
        if result is not None:
            results[row.id or 0] = result
    batch = replace(batch, deliveries=[row for row in batch.deliveries if row.id not in results])
    for row in batch.deliveries:
        try:
            reason = block_reason(batch.ctx, batch.session, batch.contact(row)) if spec.customer_facing else None
            blocked = NotAttempted.cancelled(CancelCode.CONTACT_BLOCKED, reason) if reason is not None else None
            results[row.id or 0] = blocked or spec.build(batch, row)
        except Exception as error:  # a damaged row or a bug affects its delivery alone
            log.exception("delivery_preparation_failed delivery=%s", row.id)
            results[row.id or 0] = error
    return results


def out_of_order_ids(session: Session, rows: Sequence[DeliveryRow], token: str) -> set[int]:
    """Return which claimed rows must wait, because another one to the same contact is older or has started.

    The starts of a queue are serialised by a lock, so that of two workers one sees the start of the other.
    """
    if not rows:
        return set()
    claims.advisory_lock(session, rows[0].queue_name)
    contact_ids = [row.contact_id for row in rows if row.contact_id is not None]
    claimed_ids, queue_name = [row.id for row in rows], rows[0].queue_name
    parameters = {"contact_ids": contact_ids, "claimed_ids": claimed_ids, "queue_name": queue_name}
    competing = session.connection().execute(_COMPETING_ROWS, parameters).all()
    if not competing and len(set(contact_ids)) == len(contact_ids):
        return set()
    rivals: dict[int | None, list[tuple[int, bool]]] = {}
    for row in rows:
        rivals.setdefault(row.contact_id, []).append((row.id or 0, False))
    for row_id, contact_id, started_at, lease_token in competing:
        rivals.setdefault(contact_id, []).append((row_id, started_at is not None and lease_token != token))
    return {
        row.id or 0
        for row in rows
        if row.contact_id is not None
        for rival_id, has_started in rivals[row.contact_id]
        if rival_id != row.id and (rival_id < (row.id or 0) or has_started)
    }


def contacts_to_look_up(spec: ActionSpec, batch: PreparationBatch) -> dict[int, Contact]:
    """Return the contacts that a vendor must be asked for before the start, by delivery id."""
    if spec.contact_lookup == "none":
        return {}
    contacts: dict[int, Contact] = {}
    for row in batch.deliveries:
        contact = batch.contacts.get(row.contact_id or 0)
        if contact is None:
            continue
        if spec.contact_lookup == "own":
            is_needed = batch.ctx.has(contact.connection, "nps_find_contacts")
        else:
            is_needed = contact.connection != batch.connection
        if is_needed and _block(spec, batch, row) is None:
            with suppress(ValueError, TypeError):  # a damaged contact fails in the preparation
                contacts[row.id or 0] = build_contact(contact)
    return contacts


def look_up_contacts(
    ctx: Context, spec: ActionSpec, connection: str, contacts: Mapping[int, Contact]
) -> dict[int, LookupResult]:
    """Ask vendors for contacts, by delivery id; no transaction may be open."""
    if spec.contact_lookup == "target":
        return _find_by_email(ctx, connection, contacts)
    results: dict[int, LookupResult] = {}
    for name in {contact.connection for contact in contacts.values()}:
        of_connection = {row_id: contact for row_id, contact in contacts.items() if contact.connection == name}
        results |= _refresh_by_id(ctx, name, of_connection)
    return results


def _block(spec: ActionSpec, batch: PreparationBatch, row: DeliveryRow) -> NotAttempted | None:
    """Return why no delivery of this kind may start now: a conflict of scores, or quiet hours of the contact."""
    response = batch.responses.get(row.response_id or 0)
    if response is not None and response.conflicting_at is not None:
        return NotAttempted.held(HoldCode.CONFLICTING_SCORES)
    contact = batch.contacts.get(row.contact_id or 0) if spec.customer_facing else None
    if contact is None:
        return None
    now, core = batch.ctx.clock(), batch.ctx.settings.core
    zone = contact_zone((contact.record or {}).get("timezone"), core.zone)
    allowed_at = next_allowed_time(now, batch.ctx.settings.limits, zone)
    if allowed_at <= now:
        return None
    return NotAttempted.deferred(HoldCode.QUIET_HOURS, allowed_at, f"{allowed_at.astimezone(core.zone):%a %H:%M}")


def _load_contacts(session: Session, ids: Collection[int]) -> dict[int, ContactRow]:
    """Read contacts set-wise and follow their merges."""
    by_id = load_columns(session, ContactRow, ids, without=UNUSED_CONTACT_COLUMNS)
    targets = {contact.merged_into for contact in by_id.values() if contact.merged_into is not None}
    while missing := targets - by_id.keys():
        loaded = load_columns(session, ContactRow, missing, without=UNUSED_CONTACT_COLUMNS)
        by_id |= loaded
        targets = {contact.merged_into for contact in loaded.values() if contact.merged_into is not None}
    return {contact_id: _survivor(by_id, contact_id) for contact_id in ids if contact_id in by_id}


def _survivor(by_id: Mapping[int, ContactRow], contact_id: int) -> ContactRow:
    seen = {contact_id}
    contact = by_id[contact_id]
    while (target := contact.merged_into) is not None and target in by_id and target not in seen:
        seen.add(target)
        contact = by_id[target]
    return contact


def _store_looked_up(
    ctx: Context,
    session: Session,
    rows: Sequence[DeliveryRow],
    contacts: Mapping[int, ContactRow],
    looked_up: Mapping[int, Contact],
) -> dict[int, ContactRow]:
    """Store contacts as their own connection has them now; return them by the contact id of the delivery."""
    contact_by_id = {
        row.contact_id or 0: contact
        for row in rows
        if (contact := looked_up.get(row.id or 0)) and contact.connection == contacts[row.contact_id or 0].connection
    }
    if not contact_by_id:
        return {}
    stored = upsert_contacts(session, contact_by_id.values(), ctx.clock())
    ids = {contact_id: stored[contact.connection, contact.id].id for contact_id, contact in contact_by_id.items()}
    current = _load_contacts(session, set(ids.values()))
    return {contact_id: current[stored_id] for contact_id, stored_id in ids.items()}


def _load_histories(
    session: Session, contact_ids: Collection[int], responses: Mapping[int, ResponseRow]
) -> dict[int, list[ResponseRow]]:
    if not contact_ids or not responses:
        return {}
    parameters = {"contact_ids": list(contact_ids), "loaded_ids": list(responses)}
    histories: dict[int, list[ResponseRow]] = {}
    for response in responses.values():
        if is_confirmed(response) and response.scale == NPS_SCALE:
            histories.setdefault(response.contact_id, []).append(response)
    for response in session.connection().execute(_EARLIER_RESPONSES, parameters).all():  # type: ignore[assignment]
        histories.setdefault(response.contact_id, []).append(response)
    for history in histories.values():
        if len(history) > 1:
            history.sort(key=lambda response: response.answered_at, reverse=True)  # type: ignore[arg-type,return-value]
    return histories


def _refresh_by_id(ctx: Context, connection: str, contacts: Mapping[int, Contact]) -> dict[int, LookupResult]:
    """Look contacts up at their own connection; one that is not found there is deleted."""
    keys = {row_id: ContactKey(kind="id", value=contact.id) for row_id, contact in contacts.items()}
    matches = _find_contacts(ctx, connection, list(dict.fromkeys(keys.values())))
    if isinstance(matches, DeliveryError):
        return dict.fromkeys(contacts, matches)
    return {
        row_id: matches[key][0] if len(matches[key]) == 1 else contacts[row_id].model_copy(update={"deleted": True})
        for row_id, key in keys.items()
    }


def _find_by_email(ctx: Context, connection: str, contacts: Mapping[int, Contact]) -> dict[int, LookupResult]:
    """Look contacts of other connections up by their address; no contact is created only to hold a score."""
    if not ctx.has(connection, "nps_find_contacts"):
        return dict.fromkeys(contacts, NotAttempted.skipped(f"{connection} does not know this person"))
    keys = {row_id: ContactKey(kind="email", value=c.email) for row_id, c in contacts.items() if c.email}
    matches = _find_contacts(ctx, connection, list(dict.fromkeys(keys.values())))
    unaddressed = NotAttempted.skipped("the contact has no address to be found by")
    results: dict[int, LookupResult] = dict.fromkeys(contacts, unaddressed)
    if isinstance(matches, DeliveryError):
        return results | dict.fromkeys(keys, matches)
    for row_id, key in keys.items():
        if len(matches[key]) == 1:
            results[row_id] = matches[key][0]
        else:
            problem = "knows several people with this address" if matches[key] else "does not know this person"
            results[row_id] = NotAttempted.skipped(f"{connection} {problem}")
    return results


def _find_contacts(
    ctx: Context, connection: str, keys: list[ContactKey]
) -> dict[ContactKey, tuple[Contact, ...]] | DeliveryError:
    try:
        return {match.key: match.contacts for match in find_contacts(ctx, connection, keys)} if keys else {}
    except DeliveryError as error:
        return error
    except PluginError as error:
        return RetryLater(f"contacts cannot be looked up: {error.problem}", connection=connection)
    except Exception as error:  # no mail goes out on stale data
        log.exception("contact_lookup_failed connection=%s", connection)
        return RetryLater(f"contacts cannot be looked up ({type(error).__name__})", connection=connection)
