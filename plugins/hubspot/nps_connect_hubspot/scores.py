"""Writing of scores to contact records: up to 100 contacts in one call, one outcome per contact."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from nps_connect import Connection, DeliveryError, Receipt, Rejected, ScoreUpdate, TargetGone, hookimpl, is_outdated
from nps_connect_hubspot.api import Api
from nps_connect_hubspot.contact_records import properties_of, record_url, records_by_id
from nps_connect_hubspot.contact_updates import UpdateOutcome, update_contacts
from nps_connect_hubspot.engagements import NOTE, write_engagements
from nps_connect_hubspot.notes import note_reference, score_note
from nps_connect_hubspot.score_properties import parse_moment, score_values
from nps_connect_hubspot.settings import HubSpotSettings

RECENT_RESPONSE_AGE = timedelta(minutes=5)
"""A younger response cannot be older than the one at HubSpot, because the ledger cancels the older of two pending ones;
it is written without a read, so that 100 scores cost one call."""

SUPERSEDED = "a later response is already there"


@hookimpl
def nps_write_scores(
    connection: Connection[HubSpotSettings], updates: Sequence[ScoreUpdate]
) -> Sequence[Receipt | DeliveryError]:
    """Write the newest response of each contact. A late one is written only if HubSpot has no later response."""
    api = Api(connection, "write_score")
    newest = _newest(updates)
    superseded = _contacts_with_later_response(
        api, [update for update in newest.values() if _is_late(update, connection)]
    )
    rows = {
        contact_id: score_values(api.settings, update)
        for contact_id, update in newest.items()
        if contact_id not in superseded
    }
    written = update_contacts(api, rows, id_property=api.settings.property_prefix + "response_id")
    remarks = dict.fromkeys(superseded, SUPERSEDED)
    if api.settings.notes:
        remarks |= _write_notes(api, connection, newest, written)
    return [_build_outcome(api, update, newest, written, remarks) for update in updates]


def _write_notes(
    api: Api, connection: Connection[HubSpotSettings], newest: dict[str, ScoreUpdate], written: dict[str, UpdateOutcome]
) -> dict[str, str]:
    """Write notes for the written scores. A rejected note is only a remark, because the score is written."""
    remarks = {}
    done = [newest[contact_id] for contact_id, error in written.items() if error is None]
    outcomes = write_engagements(api, NOTE, [score_note(update, connection.default_language) for update in done])
    for update in done:
        contact_id, error = update.contact.id, outcomes.get(note_reference(update))
        if isinstance(error, Rejected | TargetGone):
            remarks[contact_id] = f"the score is written, its note is not: {error.message}"
        elif error is not None:
            written[contact_id] = error
    return remarks


def _newest(updates: Sequence[ScoreUpdate]) -> dict[str, ScoreUpdate]:
    """Return one update per contact: the later one of two responses in a batch."""
    newest: dict[str, ScoreUpdate] = {}
    for update in updates:
        other = newest.get(update.contact.id)
        if other is None or _order(update) > _order(other):
            newest[update.contact.id] = update
    return newest


def _order(update: ScoreUpdate) -> tuple[object, int]:
    return update.response.answered_at, update.response.revision


def _is_late(update: ScoreUpdate, connection: Connection[HubSpotSettings]) -> bool:
    return connection.clock() - update.response.answered_at > RECENT_RESPONSE_AGE


def _contacts_with_later_response(api: Api, late: Sequence[ScoreUpdate]) -> set[str]:
    """Return the ids of contacts whose record already has a later response."""
    if not late:
        return set()
    name = api.settings.property_prefix + "answered_at"
    records = records_by_id(
        api.read("contacts", [update.contact.id for update in late], {name, "hs_merged_object_ids"})
    )
    contact_ids = set()
    for update in late:
        raw = records.get(update.contact.id)
        written_at = parse_moment(properties_of(raw).get(name)) if raw else None
        if is_outdated(update.response.answered_at, written_at):
            contact_ids.add(update.contact.id)
    return contact_ids


def _build_outcome(
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
