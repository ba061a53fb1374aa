"""A note on the contact's timeline for each response, identified by its reference.

HubSpot takes no idempotency key for notes and does not deduplicate them. The reference in the note's text identifies a
resend: the same response never gets a second note, and a changed response updates its note.
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
from nps_connect_hubspot.errors import error_in_batch, write_trace_ids
from nps_connect_hubspot.labels import translate
from nps_connect_hubspot.score_properties import comment_of, format_moment
from nps_connect_hubspot.texts import MAX_TEXT_LENGTH, to_html

NOTE_TO_CONTACT_TYPE_ID = 202
"""HubSpot's own association type (https://developers.hubspot.com/docs/api-reference/crm-notes-v3/guide)."""


REFERENCE_PREFIX = "nps-response:"


def note_reference(update: ScoreUpdate) -> str:
    """Return the reference that identifies the note of a response, for all its revisions."""
    return f"{REFERENCE_PREFIX}{update.response.id}"


def render_note(update: ScoreUpdate, language: str) -> str:
    """Return the note as HTML within HubSpot's length limit. The customer's text is escaped."""
    response = update.response
    head = (
        f"<p><strong>NPS {response.score}</strong> ({translate(response.segment, language)}), "
        f"{html.escape(response.touchpoint)}</p>"
    )
    foot = f"<p>{translate('reference', language)}: {html.escape(note_reference(update))} / {response.revision}</p>"
    comment = comment_of(update)
    frame = len("<p></p>")
    paragraph = f"<p>{to_html(comment, MAX_TEXT_LENGTH - len(head) - len(foot) - frame)}</p>" if comment else ""
    return head + paragraph + foot


def write_notes(api: Api, connection: Connection, updates: Sequence[ScoreUpdate]) -> dict[str, UpdateOutcome]:
    """Create or update one note per update; returns an outcome per contact id.

    An unclear creation is in doubt: `nps_find_existing` then looks for the note before it is sent again.
    """
    existing = _find_notes(api, [update for update in updates if update.response.revision > 1])
    outcomes: dict[str, UpdateOutcome] = {}
    for update in updates:
        note = existing.get(update.response.id)
        if note is not None:
            outcomes[update.contact.id] = _update_note(api, note, update, connection.default_language)
    new = [update for update in updates if update.response.id not in existing]
    return outcomes | (_create_notes(api, new, connection.default_language) if new else {})


@hookimpl
def nps_find_existing(connection: Connection, delivery: DeliveryView) -> Receipt | None:
    """Look for a response's note. Without notes there is nothing to look for: writing the properties is idempotent."""
    update = delivery.payload
    api = Api(connection, delivery.action)
    if not isinstance(update, ScoreUpdate) or not api.settings.notes:
        return None
    note = _find_notes(api, [update]).get(update.response.id)
    if note is None or not _is_revision(note, update):
        return None
    return Receipt(id=update.contact.id, link=record_url(api.settings, {"id": update.contact.id}))


def _create_notes(api: Api, updates: Sequence[ScoreUpdate], language: str) -> dict[str, UpdateOutcome]:
    inputs = [_note_input(update, language) for update in updates]
    try:
        result = api.batch(api.paths.batch("notes", "create"), {"inputs": inputs}, idempotent=False)
    except Rejected as error:  # no note was created, so smaller batches create no duplicates
        if len(updates) == 1 or error.status in ENDPOINT_GONE_STATUSES:
            return {update.contact.id: error for update in updates}
        middle = len(updates) // 2
        return _create_notes(api, updates[:middle], language) | _create_notes(api, updates[middle:], language)
    except DeliveryError as error:
        return {update.contact.id: error for update in updates}
    texts = [properties_of(note).get("hs_note_body") or "" for note in result.results]
    errors = {trace: error_in_batch(entry) for entry in result.errors for trace in write_trace_ids(entry)}
    unnamed = [error_in_batch(entry) for entry in result.errors if not write_trace_ids(entry)]
    unclear = unnamed[0] if unnamed else OutcomeUnknown("HubSpot did not report whether it created the note")
    return {
        update.contact.id: None
        if any(f"{note_reference(update)} /" in text for text in texts)
        else errors.get(note_reference(update), unclear)
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
    """Return existing notes by response id."""
    if not updates:
        return {}
    notes = find_own_notes(api, [update.contact.id for update in updates])
    note_by_response = {}
    for update in updates:
        for note in notes:
            if f"{note_reference(update)} /" in (properties_of(note).get("hs_note_body") or ""):
                note_by_response[update.response.id] = note
    return note_by_response


def find_own_notes(api: Api, contact_ids: Sequence[str]) -> list[JsonObject]:
    """Return the notes of contacts that hold the reference of a response."""
    links_by_contact = api.associated("contacts", "notes", contact_ids)
    ids = [str(link.get("toObjectId")) for links in links_by_contact.values() for link in links]
    notes = api.read("notes", ids, {"hs_note_body"}) if ids else []
    return [note for note in notes if REFERENCE_PREFIX in (properties_of(note).get("hs_note_body") or "")]


def _is_revision(note: JsonObject, update: ScoreUpdate) -> bool:
    text = properties_of(note).get("hs_note_body") or ""
    return f"{note_reference(update)} / {update.response.revision}</p>" in text
