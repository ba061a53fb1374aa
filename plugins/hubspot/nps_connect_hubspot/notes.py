"""A note on the contact's timeline for each response; a changed response updates its note."""

from __future__ import annotations

import html

from nps_connect import Connection, DeliveryView, Receipt, ScoreUpdate, hookimpl
from nps_connect_hubspot.api import Api
from nps_connect_hubspot.contact_records import record_url
from nps_connect_hubspot.engagements import (
    NOTE,
    RESPONSE_PREFIX,
    Engagement,
    find_engagements,
    has_revision,
    render_reference,
)
from nps_connect_hubspot.labels import translate
from nps_connect_hubspot.score_properties import comment_of, format_moment
from nps_connect_hubspot.settings import HubSpotSettings
from nps_connect_hubspot.texts import MAX_TEXT_LENGTH, to_html


def score_note(update: ScoreUpdate, language: str) -> Engagement:
    """Return the note of a response. The first revision has none yet, unless its outcome is in doubt."""
    response = update.response
    return Engagement(
        contact_id=update.contact.id,
        reference=note_reference(update),
        revision=response.revision,
        body=render_note(update, language),
        new_properties={"hs_timestamp": format_moment(response.answered_at)},
        may_exist=response.revision > 1,
    )


def note_reference(update: ScoreUpdate) -> str:
    """Return the reference that identifies the note of a response, for all its revisions."""
    return f"{RESPONSE_PREFIX}{update.response.id}"


def render_note(update: ScoreUpdate, language: str) -> str:
    """Return the note as HTML within HubSpot's length limit. The customer's text is escaped."""
    response = update.response
    head = (
        f"<p><strong>NPS {response.score}</strong> ({translate(response.segment, language)}), "
        f"{html.escape(response.touchpoint)}</p>"
    )
    reference = render_reference(html.escape(note_reference(update)), response.revision)
    foot = f"<p>{translate('reference', language)}: {reference}"
    comment = comment_of(update)
    frame = len("<p></p>")
    paragraph = f"<p>{to_html(comment, MAX_TEXT_LENGTH - len(head) - len(foot) - frame)}</p>" if comment else ""
    return head + paragraph + foot


@hookimpl
def nps_find_existing(connection: Connection[HubSpotSettings], delivery: DeliveryView) -> Receipt | None:
    """Look for a response's note. Everything else is idempotent, so there is nothing to look for."""
    update = delivery.payload
    api = Api(connection, delivery.action)
    if not isinstance(update, ScoreUpdate) or not api.settings.notes:
        return None
    note = score_note(update, connection.default_language)
    record = find_engagements(api, NOTE, [note]).get(note.reference)
    if record is None or not has_revision(record, NOTE, note):
        return None
    return Receipt(id=update.contact.id, link=record_url(api.settings, {"id": update.contact.id}))
