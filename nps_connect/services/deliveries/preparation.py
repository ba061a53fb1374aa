"""Read a batch of deliveries with all that they are about, look contacts up, and build what the hook receives."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from operator import attrgetter
from typing import Any

from sqlalchemy import Table, bindparam, select
from sqlmodel import Session, col

from nps_connect.errors import DeliveryError
from nps_connect.ledger import claims
from nps_connect.ledger.bulk_sql import RUNNING, in_list, load_columns, not_in_list, without_index
from nps_connect.ledger.tables import ContactRow, DeliveryRow, InvitationRow, ResponseRow
from nps_connect.records.actions import HoldCode
from nps_connect.records.base import NPS_SCALE
from nps_connect.records.contacts import Contact, ContactKey
from nps_connect.records.responses import ContactResponse, EarlierResponse
from nps_connect.rules.timing import contact_zone, next_allowed_time
from nps_connect.services.action_spec import (
    CONTACT_ERASED,
    EXPEDITED_OPTION,
    ActionSpec,
    NotAttempted,
    PreparationBatch,
    PreparationResult,
)
from nps_connect.services.contacts.contact_batch import load_people, try_find_contacts, upsert_contacts
from nps_connect.services.contacts.store import (
    MAX_HISTORY,
    build_contact,
    build_earlier_response,
    build_response,
    check_contact,
    is_confirmed,
)
from nps_connect.services.context import Context

log = logging.getLogger(__name__)

UNUSED_RESPONSE_COLUMNS = ("provisional_score", "provisional_at", "provisional_bot_signals")

LookupResult = Contact | DeliveryError | NotAttempted
"""The contact as the vendor has it now, or why the delivery cannot go on."""

VendorAnswers = Mapping[str, DeliveryError | None]
"""By connection that was asked for contacts: its error, or None if it answered."""

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
    lookups: Mapping[int, LookupResult],
) -> PreparationBatch:
    """Read what the deliveries are about; contacts that were looked up at their own connection are stored first."""
    contacts = _load_contacts(session, set(map(attrgetter("contact_id"), rows)) - {None})
    looked_up: dict[int, Contact] = {}
    current: dict[int, Contact] = {}
    for row in rows if lookups else ():
        contact_id, contact = row.contact_id or 0, lookups.get(row.id or 0)
        if isinstance(contact, Contact):
            looked_up[row.id or 0] = contact
            if contact.connection == contacts[contact_id].connection:
                current[contact_id] = contact
    if current:
        stored = upsert_contacts(session, current.values(), ctx.clock())
        loaded = _load_contacts(session, set(map(attrgetter("id"), stored.values())))
        for contact_id, contact in current.items():
            contacts[contact_id] = loaded[stored[contact.connection, contact.id].id]
    response_ids = set(map(attrgetter("response_id"), rows)) - {None}
    responses = load_columns(session, ResponseRow, response_ids, without=UNUSED_RESPONSE_COLUMNS)
    contact_ids = set(map(attrgetter("id"), contacts.values()))
    histories = _load_histories(session, contact_ids, responses) if responses else {}
    return PreparationBatch(ctx, session, connection, rows, contacts, responses, histories, looked_up)


def stored_contact(batch: PreparationBatch, row: DeliveryRow) -> ContactRow:
    """Return the contact of a delivery.

    Raises:
        ValueError: it has none, or the stored one cannot be read.
    """
    contact = batch.contacts.get(row.contact_id or 0)
    if contact is None:
        raise ValueError(f"delivery {row.id} has no readable contact")
    return contact


def contact_response(batch: PreparationBatch, row: DeliveryRow) -> ContactResponse:
    """Return the confirmed response of a delivery with its contact and the contact's earlier responses.

    Raises:
        ValueError: one of them is missing or cannot be read.
    """
    contact, response = stored_contact(batch, row), batch.responses.get(row.response_id or 0)
    if response is None:
        raise ValueError(f"delivery {row.id} has no readable response")
    history: list[EarlierResponse] = []
    for earlier in batch.histories.get(contact.id or 0, ()):
        if earlier.id != response.id and len(history) < MAX_HISTORY:
            history.append(build_earlier_response(earlier))
    return ContactResponse(contact=build_contact(contact), response=build_response(response), history=tuple(history))


def prepare_batch(
    spec: ActionSpec, batch: PreparationBatch, lookups: Mapping[int, LookupResult]
) -> dict[int, PreparationResult]:
    """Return what the hook receives for each delivery, or why there is no call, by delivery id."""
    results: dict[int, PreparationResult] = {}
    ready: list[DeliveryRow] = []
    for row in batch.deliveries:
        result = _block(spec, batch, row) or lookups.get(row.id or 0)
        if isinstance(result, DeliveryError | NotAttempted):
            results[row.id or 0] = result
        else:
            ready.append(row)
    batch = replace(batch, deliveries=ready)
    if spec.customer_facing and ready:
        mailboxes = dict(map(attrgetter("id", "mailbox"), batch.contacts.values()))
        people = load_people(batch.session, mailboxes, batch.ctx.erasure_keys)
        batch = replace(batch, people=people, invitations=load_invitations(batch.session, ready))
    for row in ready:
        try:
            contact = stored_contact(batch, row) if spec.customer_facing else None
            blocked = check_contact(batch.ctx, contact, batch.people[contact.id or 0]) if contact is not None else None
            results[row.id or 0] = blocked or spec.handler.build(batch, row)
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
    contact_ids = list(set(map(attrgetter("contact_id"), rows)) - {None})
    claimed_ids = list(map(attrgetter("id"), rows))
    parameters = {"contact_ids": contact_ids, "claimed_ids": claimed_ids, "queue_name": rows[0].queue_name}
    first_ids: dict[int | None, int] = {}
    for row_id, contact_id, started_at, lease_token in session.connection().execute(_COMPETING_ROWS, parameters):
        has_started = started_at is not None and lease_token != token
        first_ids[contact_id] = 0 if has_started else min(row_id, first_ids.get(contact_id, row_id))
    late: set[int] = set()
    for row_id, contact_id in sorted(map(attrgetter("id", "contact_id"), rows)):
        first_ids[contact_id] = min(row_id, first_ids.get(contact_id, row_id))
        if first_ids[contact_id] < row_id and contact_id is not None:
            late.add(row_id)
    return late


def contacts_to_look_up(spec: ActionSpec, batch: PreparationBatch) -> dict[int, Contact]:
    """Return the contacts that a vendor must be asked for before the start, by delivery id."""
    if spec.contact_lookup == "none":
        return {}
    contacts: dict[int, Contact] = {}
    for row in batch.deliveries:
        contact = batch.contacts.get(row.contact_id or 0)
        if contact is None:
            continue
        is_needed = contact.connection != batch.connection
        if spec.contact_lookup == "own":
            is_needed = batch.ctx.has(contact.connection, "nps_find_contacts")
        if is_needed and _block(spec, batch, row) is None:
            with suppress(ValueError, TypeError):  # a damaged contact fails in the preparation
                contacts[row.id or 0] = build_contact(contact)
    return contacts


def look_up_contacts(
    ctx: Context, spec: ActionSpec, connection: str, contacts: Mapping[int, Contact]
) -> tuple[dict[int, LookupResult], VendorAnswers]:
    """Ask vendors for contacts; no transaction may be open.

    Contacts of other connections are found by their address. One that its own connection does not find is deleted.

    Returns:
        The results by delivery id, and what each vendor that was asked answered.
    """
    by_email = spec.contact_lookup == "target"
    if by_email and not ctx.has(connection, "nps_find_contacts"):
        return dict.fromkeys(contacts, NotAttempted.skipped(f"{connection} does not know this person")), {}
    results: dict[int, LookupResult] = {}
    answers: dict[str, DeliveryError | None] = {}
    keys_by_connection: dict[str, dict[int, ContactKey]] = defaultdict(dict)
    for row_id, contact in contacts.items():
        if not by_email:
            keys_by_connection[contact.connection][row_id] = ContactKey(kind="id", value=contact.id)
        elif contact.email:
            keys_by_connection[connection][row_id] = ContactKey(kind="email", value=contact.email)
        else:
            results[row_id] = NotAttempted.skipped("the contact has no address to be found by")
    for name, keys in keys_by_connection.items():
        matches = try_find_contacts(ctx, name, list(dict.fromkeys(keys.values())))
        answers[name] = matches if isinstance(matches, DeliveryError) else None
        for row_id, key in keys.items():
            if isinstance(matches, DeliveryError):
                results[row_id] = matches
            elif len(matches[key]) == 1:
                results[row_id] = matches[key][0]
            elif by_email:  # no contact is created only to hold a score
                problem = "knows several people with this address" if matches[key] else "does not know this person"
                results[row_id] = NotAttempted.skipped(f"{name} {problem}")
            else:
                results[row_id] = contacts[row_id].model_copy(update={"deleted": True})
    return results, answers


def _block(spec: ActionSpec, batch: PreparationBatch, row: DeliveryRow) -> NotAttempted | None:
    """Return why a delivery may not start now: an erasure, which comes first, a conflict of scores, or quiet hours."""
    contact = batch.contacts.get(row.contact_id or 0)
    if contact is not None and contact.erased_at is not None and not spec.erases:
        return CONTACT_ERASED
    response = batch.responses.get(row.response_id or 0)
    if response is not None and response.conflicting_at is not None:
        return NotAttempted.held(HoldCode.CONFLICTING_SCORES)
    if contact is None or not spec.customer_facing or row.options.get(EXPEDITED_OPTION):
        return None
    now, core, timezone = batch.ctx.clock(), batch.ctx.settings.core, (contact.record or {}).get("timezone")
    allowed_at = next_allowed_time(now, batch.ctx.settings.limits, contact_zone(timezone, core.zone))
    if allowed_at <= now:
        return None
    return NotAttempted.deferred(HoldCode.QUIET_HOURS, allowed_at, f"{allowed_at.astimezone(core.zone):%a %H:%M}")


def load_invitations(session: Session, rows: Sequence[DeliveryRow]) -> dict[int, InvitationRow]:
    """Return the survey invitations of deliveries by id, for changes."""
    ids, row_id = set(map(attrgetter("invitation_id"), rows)) - {None}, col(InvitationRow.id)
    return dict(session.execute(select(row_id, InvitationRow).where(row_id.in_(ids))).all())


def _load_contacts(session: Session, ids: Collection[int]) -> dict[int, ContactRow]:
    """Read contacts set-wise and follow their merges."""
    loaded: dict[int, ContactRow] = {}
    missing = set(ids)
    while missing:
        targets = load_columns(session, ContactRow, missing)
        loaded |= targets
        missing = set(map(attrgetter("merged_into"), targets.values())) - {None, *loaded}
    survivors: dict[int, ContactRow] = {}
    for contact_id in ids:
        contact, seen = loaded.get(contact_id), {contact_id}
        while contact is not None and contact.merged_into in loaded and contact.merged_into not in seen:
            seen.add(contact.merged_into)
            contact = loaded[contact.merged_into]
        if contact is not None:
            survivors[contact_id] = contact
    return survivors


def _load_histories(
    session: Session, contact_ids: Collection[int], responses: Mapping[int, ResponseRow]
) -> dict[int, list[ResponseRow]]:
    parameters = {"contact_ids": list(contact_ids), "loaded_ids": list(responses)}
    histories: dict[int, list[ResponseRow]] = {}
    for response in responses.values():
        if is_confirmed(response) and response.scale == NPS_SCALE:
            histories.setdefault(response.contact_id, []).append(response)
    for response in session.connection().execute(_EARLIER_RESPONSES, parameters):  # type: ignore[assignment]
        histories.setdefault(response.contact_id, []).append(response)
    for history in histories.values():
        history.sort(key=attrgetter("answered_at"), reverse=True)
    return histories
