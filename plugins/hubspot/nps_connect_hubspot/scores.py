"""Scores onto contact records: up to 100 contacts in one call, one outcome per contact."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from nps_connect import Connection, DeliveryError, Receipt, Rejected, ScoreUpdate, TargetGone, hookimpl
from nps_connect_hubspot.api import Api
from nps_connect_hubspot.contact_records import properties_of, record_url, records_by_id
from nps_connect_hubspot.contact_updates import UpdateOutcome, update_contacts
from nps_connect_hubspot.notes import write_notes
from nps_connect_hubspot.score_properties import parse_moment, score_values

RECENT_RESPONSE_AGE = timedelta(minutes=5)
"""An answer younger than this cannot have been overtaken at HubSpot, for the ledger cancels the older of two waiting
ones; it is written without a look, so that 100 scores cost one call."""

SUPERSEDED = "a later answer is already there"


@hookimpl
def nps_write_scores(connection: Connection, updates: Sequence[ScoreUpdate]) -> Sequence[Receipt | DeliveryError]:
    """Write the newest answer of each contact. A late one is written only if HubSpot holds no later answer."""
    api = Api(connection, "write_score")
    newest = _newest(updates)
    overtaken = _contacts_with_later_response(
        api, [update for update in newest.values() if _is_late(update, connection)]
    )
    rows = {
        contact_id: score_values(api.settings, update)
        for contact_id, update in newest.items()
        if contact_id not in overtaken
    }
    written = update_contacts(api, rows, mark=api.settings.property_prefix + "response_id")
    remarks = dict.fromkeys(overtaken, SUPERSEDED)
    if api.settings.notes:
        remarks |= _write_notes(api, connection, newest, written)
    return [_outcome(api, update, newest, written, remarks) for update in updates]


def _write_notes(
    api: Api, connection: Connection, newest: dict[str, ScoreUpdate], written: dict[str, UpdateOutcome]
) -> dict[str, str]:
    """Leave notes for what was written. A refused note is only a remark: the score is there."""
    remarks = {}
    done = [newest[contact_id] for contact_id, error in written.items() if error is None]
    for contact_id, error in write_notes(api, connection, done).items():
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


def _is_late(update: ScoreUpdate, connection: Connection) -> bool:
    return connection.clock() - update.response.answered_at > RECENT_RESPONSE_AGE


def _contacts_with_later_response(api: Api, late: Sequence[ScoreUpdate]) -> set[str]:
    """Contacts on whose record a later answer stands already."""
    if not late:
        return set()
    name = api.settings.property_prefix + "answered_at"
    records = records_by_id(
        api.read("contacts", [update.contact.id for update in late], {name, "hs_merged_object_ids"})
    )
    found = set()
    for update in late:
        raw = records.get(update.contact.id)
        there = parse_moment(properties_of(raw).get(name)) if raw else None
        if there is not None and there > update.response.answered_at:
            found.add(update.contact.id)
    return found


def _outcome(
    api: Api,
    update: ScoreUpdate,
    newest: dict[str, ScoreUpdate],
    written: dict[str, UpdateOutcome],
    remarks: dict[str, str],
) -> Receipt | DeliveryError:
    contact_id = update.contact.id
    link = update.contact.link or record_url(api.settings, {"id": contact_id})
    if newest[contact_id] is not update:
        return Receipt(id=contact_id, link=link, note=SUPERSEDED)
    error = written.get(contact_id)
    return error if error is not None else Receipt(id=contact_id, link=link, note=remarks.get(contact_id))
