"""Scores onto contact records: up to 100 contacts in one call, one outcome per contact."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from nps_connect import Connection, DeliveryError, Receipt, Rejected, ScoreUpdate, TargetGone, hookimpl
from nps_connect_hubspot.api import Api
from nps_connect_hubspot.batches import Outcome, update_contacts
from nps_connect_hubspot.notes import leave_notes
from nps_connect_hubspot.people import by_id, link_to, properties_of
from nps_connect_hubspot.properties import read_moment, values

FRESH = timedelta(minutes=5)
"""An answer younger than this cannot have been overtaken at HubSpot, for the ledger cancels the older of two waiting
ones; it is written without a look, so that 100 scores cost one call."""

SUPERSEDED = "a later answer is already there"


@hookimpl
def nps_write_scores(connection: Connection, updates: Sequence[ScoreUpdate]) -> Sequence[Receipt | DeliveryError]:
    """Write the newest answer of each contact. A late one is written only if HubSpot holds no later answer."""
    api = Api(connection, "write_score")
    newest = _newest(updates)
    overtaken = _overtaken(api, [update for update in newest.values() if _late(update, connection)])
    rows = {
        contact_id: values(api.settings, update) for contact_id, update in newest.items() if contact_id not in overtaken
    }
    written = update_contacts(api, rows, mark=api.settings.property_prefix + "response_id")
    remarks = dict.fromkeys(overtaken, SUPERSEDED)
    if api.settings.notes:
        remarks |= _add_notes(api, connection, newest, written)
    return [_outcome(api, update, newest, written, remarks) for update in updates]


def _add_notes(
    api: Api, connection: Connection, newest: dict[str, ScoreUpdate], written: dict[str, Outcome]
) -> dict[str, str]:
    """Leave notes for what was written. A refused note is only a remark: the score is there."""
    remarks = {}
    done = [newest[contact_id] for contact_id, error in written.items() if error is None]
    for contact_id, error in leave_notes(api, connection, done).items():
        if isinstance(error, Rejected | TargetGone):
            remarks[contact_id] = f"the score is written, its note is not: {error.message}"
        elif error is not None:
            written[contact_id] = error
    return remarks


def _newest(updates: Sequence[ScoreUpdate]) -> dict[str, ScoreUpdate]:
    """One update per contact: of two answers in one batch, the later one."""
    newest: dict[str, ScoreUpdate] = {}
    for update in updates:
        known = newest.get(update.contact.id)
        if known is None or _order(update) > _order(known):
            newest[update.contact.id] = update
    return newest


def _order(update: ScoreUpdate) -> tuple[object, int]:
    return update.response.answered_at, update.response.revision


def _late(update: ScoreUpdate, connection: Connection) -> bool:
    return connection.clock() - update.response.answered_at > FRESH


def _overtaken(api: Api, late: Sequence[ScoreUpdate]) -> set[str]:
    """Contacts on whose record a later answer stands already."""
    if not late:
        return set()
    name = api.settings.property_prefix + "answered_at"
    records = by_id(api.read("contacts", [update.contact.id for update in late], {name, "hs_merged_object_ids"}))
    found = set()
    for update in late:
        raw = records.get(update.contact.id)
        there = read_moment(properties_of(raw).get(name)) if raw else None
        if there is not None and there > update.response.answered_at:
            found.add(update.contact.id)
    return found


def _outcome(
    api: Api,
    update: ScoreUpdate,
    newest: dict[str, ScoreUpdate],
    written: dict[str, Outcome],
    remarks: dict[str, str],
) -> Receipt | DeliveryError:
    contact_id = update.contact.id
    link = update.contact.link or link_to(api.settings, {"id": contact_id})
    if newest[contact_id] is not update:
        return Receipt(id=contact_id, link=link, note=SUPERSEDED)
    error = written.get(contact_id)
    return error if error is not None else Receipt(id=contact_id, link=link, note=remarks.get(contact_id))
