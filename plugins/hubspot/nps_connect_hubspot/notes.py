"""A note on the contact's timeline for each response, found again by its reference.

HubSpot takes no idempotency key for notes and does not deduplicate them. The reference in the note's text tells a
resend: the same response never gets a second note, a changed answer changes its note.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from nps_connect import Connection, DeliveryError, DeliveryView, Doubtful, Receipt, Rejected, ScoreUpdate, hookimpl
from nps_connect_hubspot.api import Api, Raw
from nps_connect_hubspot.batches import ENDPOINT_GONE, Outcome
from nps_connect_hubspot.errors import error_in_batch
from nps_connect_hubspot.people import link_to, properties_of
from nps_connect_hubspot.properties import comment_of, moment_text
from nps_connect_hubspot.texts import LIMIT, as_html
from nps_connect_hubspot.wording import words

NOTE_TO_CONTACT = 202
"""HubSpot's own association type (https://developers.hubspot.com/docs/api-reference/crm-notes-v3/guide)."""


def reference(update: ScoreUpdate) -> str:
    """What marks the note of a response, over all its revisions."""
    return f"nps-response:{update.response.id}"


def body_of(update: ScoreUpdate, language: str) -> str:
    """The note as HTML, at most as long as HubSpot takes. Whatever the customer wrote is escaped."""
    response = update.response
    head = (
        f"<p><strong>NPS {response.score}</strong> ({words(response.segment, language)}), "
        f"{html.escape(response.touchpoint)}</p>"
    )
    foot = f"<p>{words('reference', language)}: {html.escape(reference(update))} / {response.revision}</p>"
    comment = comment_of(update)
    frame = len("<p></p>")
    told = f"<p>{as_html(comment, LIMIT - len(head) - len(foot) - frame)}</p>" if comment else ""
    return head + told + foot


def leave_notes(api: Api, connection: Connection, updates: Sequence[ScoreUpdate]) -> dict[str, Outcome]:
    """Leave a note per update; gives what became of each, by contact id. Later revisions change the note that is there.

    An unclear creation is doubtful: `nps_find_existing` then looks before anything is sent again.
    """
    known = _existing(api, [update for update in updates if update.response.revision > 1])
    outcomes: dict[str, Outcome] = {}
    for update in updates:
        note = known.get(update.response.id)
        if note is not None:
            outcomes[update.contact.id] = _change(api, note, update, connection.default_language)
    fresh = [update for update in updates if update.response.id not in known]
    return outcomes | (_create(api, fresh, connection.default_language) if fresh else {})


@hookimpl
def nps_find_existing(connection: Connection, delivery: DeliveryView) -> Receipt | None:
    """Look for a response's note. Without notes there is nothing to look for: writing properties again does no harm."""
    update = delivery.payload
    api = Api(connection, delivery.action)
    if not isinstance(update, ScoreUpdate) or not api.settings.notes:
        return None
    note = _existing(api, [update]).get(update.response.id)
    if note is None or not _is_revision(note, update):
        return None
    return Receipt(id=update.contact.id, link=link_to(api.settings, {"id": update.contact.id}))


def _create(api: Api, updates: Sequence[ScoreUpdate], language: str) -> dict[str, Outcome]:
    inputs = [_input(update, language) for update in updates]
    try:
        answer = api.batch(api.paths.batch("notes", "create"), {"inputs": inputs}, idempotent=False)
    except Rejected as refused:  # surely nothing was made, so that smaller batches do no harm
        if len(updates) == 1 or refused.status in ENDPOINT_GONE:
            return {update.contact.id: refused for update in updates}
        middle = len(updates) // 2
        return _create(api, updates[:middle], language) | _create(api, updates[middle:], language)
    except DeliveryError as error:
        return {update.contact.id: error for update in updates}
    texts = [properties_of(result).get("hs_note_body") or "" for result in answer.results]
    refusals = [error_in_batch(told) for told in answer.errors]
    unclear = refusals[0] if refusals else Doubtful("HubSpot did not tell whether it took the note")
    return {
        update.contact.id: None if any(f"{reference(update)} /" in text for text in texts) else unclear
        for update in updates
    }


def _input(update: ScoreUpdate, language: str) -> dict[str, Any]:
    return {
        "properties": {
            "hs_timestamp": moment_text(update.response.answered_at),
            "hs_note_body": body_of(update, language),
        },
        "associations": [
            {
                "to": {"id": update.contact.id},
                "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": NOTE_TO_CONTACT}],
            }
        ],
        "objectWriteTraceId": reference(update),
    }


def _change(api: Api, note: Raw, update: ScoreUpdate, language: str) -> Outcome:
    if _is_revision(note, update):
        return None
    body = {"properties": {"hs_note_body": body_of(update, language)}}
    try:
        api.send("PATCH", api.paths.record("notes", str(note["id"])), body, idempotent=True)
    except DeliveryError as error:
        return error
    return None


def _existing(api: Api, updates: Sequence[ScoreUpdate]) -> dict[str, Raw]:
    """Notes that are there already, by response id."""
    if not updates:
        return {}
    links = api.associated("contacts", "notes", [update.contact.id for update in updates])
    ids = [str(link.get("toObjectId")) for found in links.values() for link in found]
    notes = api.read("notes", ids, {"hs_note_body"}) if ids else []
    found = {}
    for update in updates:
        for note in notes:
            if f"{reference(update)} /" in (properties_of(note).get("hs_note_body") or ""):
                found[update.response.id] = note
    return found


def _is_revision(note: Raw, update: ScoreUpdate) -> bool:
    text = properties_of(note).get("hs_note_body") or ""
    return f"{reference(update)} / {update.response.revision}</p>" in text
