"""Do the ticket fields exist that the filters of triggers name, and are they compared as what they are?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from nps_connect import Connection, Finding
from nps_connect_zendesk.api import load_rows

FieldType = Literal["text", "number", "boolean", "moment"]
TYPES: Mapping[str, FieldType] = {
    "text": "text",
    "textarea": "text",
    "regexp": "text",
    "tagger": "text",
    "multiselect": "text",
    "integer": "number",
    "decimal": "number",
    "checkbox": "boolean",
    "date": "moment",
}
"""Zendesk's types of custom fields as filters know them; another one is left alone."""

ATTRIBUTES: Mapping[str, FieldType] = {
    "allow_attachments": "boolean",
    "allow_channelback": "boolean",
    "created_at": "moment",
    "custom_status_id": "number",
    "description": "text",
    "due_at": "moment",
    "has_incidents": "boolean",
    "is_public": "boolean",
    "problem_id": "number",
    "raw_subject": "text",
    "recipient": "text",
    "requester_id": "number",
    "subject": "text",
    "submitter_id": "number",
    "ticket_form_id": "number",
    "updated_at": "moment",
    "url": "text",
}
"""What a ticket tells beside the fields that every event has; see Zendesk's reference of the Ticket object."""


def filter_findings(connection: Connection, *, action: str) -> Iterator[Finding]:
    """The list of ticket fields is read once, if a filter names a field of the account's own."""
    asked = [use for use in connection.filters if use.fields]
    if not asked:
        return
    own = {
        f"field_{row['id']}": TYPES.get(str(row.get("type")))
        for row in load_rows(connection, "/ticket_fields", "ticket_fields", action=action)
    }
    found = [finding for use in asked for finding in use.mismatches({**ATTRIBUTES, **own}, "Zendesk")]
    yield from found
    if not found:
        names = sorted({name for use in asked for name in use.fields})
        yield Finding(severity="ok", text=f"the ticket fields that filters name are there: {', '.join(names)}")
