"""A note on the contact's timeline for each response, found again by its reference.

HubSpot takes no idempotency key for notes and does not deduplicate them. The reference in the note's text tells a
resend: the same response never gets a second note, a changed answer changes its note.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from nps_connect import (
    Connection,
    DeliveryError,
    DeliveryView,
    OutcomeUnknown,
    Receipt,
    Rejected,
    ScoreUpdate,
    hookimpl,
)
from nps_connect_hubspot.api import Api, JsonObject
from nps_connect_hubspot.contact_records import properties_of, record_url
from nps_connect_hubspot.contact_updates import ENDPOINT_GONE_STATUSES, UpdateOutcome
from nps_connect_hubspot.errors import error_in_batch
from nps_connect_hubspot.labels import translate
from nps_connect_hubspot.score_properties import comment_of, format_moment
from nps_connect_hubspot.texts import MAX_TEXT_LENGTH, to_html

NOTE_TO_CONTACT_TYPE_ID = 202
"""HubSpot's own association type (https://developers.hubspot.com/docs/api-reference/crm-notes-v3/guide)."""


def note_reference(update: ScoreUpdate) -> str:
    """What marks the note of a response, over all its revisions."""
    return f"nps-response:{update.response.id}"


def render_note(update: ScoreUpdate, language: str) -> str:
    """The note as HTML, at most as long as HubSpot takes. Whatever the customer wrote is escaped."""
    response = update.response
    head = (
        f"<p><strong>NPS {response.score}</strong> ({translate(response.segment, language)}), "
        f"{html.escape(response.touchpoint)}</p>"
    )
    foot = (
        f"<p>{translate('reference', language)}: {html.escape(note_reference(update))} / {response.revision}</p>"
    )
    comment = comment_of(update)
    frame = len("<p></p>")
    told = f"<p>{to_html(comment, MAX_TEXT_LENGTH - len(head) - len(foot) - frame)}</p>" if comment else ""
    return head + told + foot


def write_notes(api: Api, connection: Connection, updates: Sequence[ScoreUpdate]) -> dict[str, UpdateOutcome]:
    """Leave a note per update; gives what became of each, by contact id. Later revisions change the note that is there.

    An unclear creation is in_doubt: `nps_find_existing` then looks before anything is sent again.
    """
    known = _find_notes(api, [update for update in updates if update.response.revision > 1])
    outcomes: dict[str, UpdateOutcome] = {}
    for update in updates:
        note = known.get(update.response.id)
        if note is not None:
            outcomes[update.contact.id] = _update_note(api, note, update, connection.default_language)
    fresh = [update for update in updates if update.response.id not in known]
    return outcomes | (_create(api, fresh, connection.default_language) if fresh else {})


@hookimpl
def nps_find_existing(connection: Connection, delivery: DeliveryView) -> Receipt | None:
    """Look for a response's note. Without notes there is nothing to look for: writing properties again does no harm."""
    update = delivery.payload
    api = Api(connection, delivery.action)
    if not isinstance(update, ScoreUpdate) or not api.settings.notes:
        return None
    note = _find_notes(api, [update]).get(update.response.id)
    if note is None or not _is_revision(note, update):
        return None
    return Receipt(id=update.contact.id, link=record_url(api.settings, {"id": update.contact.id}))


def _create(api: Api, updates: Sequence[ScoreUpdate], language: str) -> dict[str, UpdateOutcome]:
    inputs = [_note_input(update, language) for update in updates]
    try:
        answer = api.batch(api.paths.batch("notes", "create"), {"inputs": inputs}, idempotent=False)
    except Rejected as refused:  # surely nothing was made, so that smaller batches do no harm
        if len(updates) == 1 or refused.status in ENDPOINT_GONE_STATUSES:
            return {update.contact.id: refused for update in updates}
        middle = len(updates) // 2
        return _create(api, updates[:middle], language) | _create(api, updates[middle:], language)
    except DeliveryError as error:
        return {update.contact.id: error for update in updates}
    texts = [properties_of(result).get("hs_note_body") or "" for result in answer.results]
    refusals = [error_in_batch(told) for told in answer.errors]
    unclear = refusals[0] if refusals else OutcomeUnknown("HubSpot did not tell whether it took the note")
    return {
        update.contact.id: None if any(f"{note_reference(update)} /" in text for text in texts) else unclear
        for update in updates
    }


def _note_input(update: ScoreUpdate, language: str) -> dict[str, Any]:
    return {
        "properties": {
            "hs_timestamp": format_moment(update.response.answered_at),
            "hs_note_body": render_note(update, language),
        },
        "associations": [
            {
                "to": {"id": update.contact.id},
                "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": NOTE_TO_CONTACT_TYPE_ID}],
            }
        ],
        "objectWriteTraceId": note_reference(update),
    }


def _update_note(api: Api, note: JsonObject, update: ScoreUpdate, language: str) -> UpdateOutcome:
    if _is_revision(note, update):
        return None
    body = {"properties": {"hs_note_body": render_note(update, language)}}
    try:
        api.send("PATCH", api.paths.record("notes", str(note["id"])), body, idempotent=True)
    except DeliveryError as error:
        return error
    return None


def _find_notes(api: Api, updates: Sequence[ScoreUpdate]) -> dict[str, JsonObject]:
    """Notes that are there already, by response id."""
    if not updates:
        return {}
    links = api.associated("contacts", "notes", [update.contact.id for update in updates])
    ids = [str(link.get("toObjectId")) for found in links.values() for link in found]
    notes = api.read("notes", ids, {"hs_note_body"}) if ids else []
    found = {}
    for update in updates:
        for note in notes:
            if f"{note_reference(update)} /" in (properties_of(note).get("hs_note_body") or ""):
                found[update.response.id] = note
    return found


def _is_revision(note: JsonObject, update: ScoreUpdate) -> bool:
    text = properties_of(note).get("hs_note_body") or ""
    return f"{note_reference(update)} / {update.response.revision}</p>" in text
