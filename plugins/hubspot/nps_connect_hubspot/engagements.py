"""Notes and tasks on the timelines of contacts, each identified by a reference in its text.

HubSpot takes no idempotency key for them and does not deduplicate them. The reference identifies a resend: the same
subject never gets a second one, and a changed subject updates its own.

Sources: https://developers.hubspot.com/docs/api-reference/crm-notes-v3/guide,
https://developers.hubspot.com/docs/api-reference/latest/crm/activities/tasks/guide (scopes: those of contacts).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nps_connect import DeliveryError, OutcomeUnknown, Rejected
from nps_connect_hubspot.api import Api, JsonObject
from nps_connect_hubspot.contact_records import properties_of
from nps_connect_hubspot.contact_updates import ENDPOINT_GONE_STATUSES, UpdateOutcome
from nps_connect_hubspot.errors import error_in_batch, write_trace_ids

RESPONSE_PREFIX, CASE_PREFIX = "nps-response:", "nps-case:"
"""Beginnings of references: of the note of a response, and of the note and the task of a case."""


@dataclass(frozen=True)
class EngagementKind:
    """Notes, or tasks.

    Attributes:
        objects: HubSpot's object type.
        body_property: the property that holds the text.
        association_type_id: HubSpot's own type of the association to a contact.
    """

    objects: str
    body_property: str
    association_type_id: int


NOTE = EngagementKind("notes", "hs_note_body", 202)
TASK = EngagementKind("tasks", "hs_task_body", 204)


@dataclass(frozen=True)
class Engagement:
    """A note or task to be written.

    Attributes:
        contact_id: the contact.
        reference: identifies it for all its revisions.
        revision: of what it tells.
        body: HTML that ends with `render_reference`.
        new_properties: further properties when it is created.
        changed_properties: further properties when an existing one is updated.
        may_exist: an earlier revision or attempt may have created it.
        may_create: it is created if it does not exist.
    """

    contact_id: str
    reference: str
    revision: int
    body: str
    new_properties: Mapping[str, str]
    changed_properties: Mapping[str, str] = field(default_factory=dict)
    may_exist: bool = True
    may_create: bool = True


def render_reference(reference: str, revision: int) -> str:
    """Return the end of the text by which a note or task is found again."""
    return f"{reference} / {revision}</p>"


def write_engagements(api: Api, kind: EngagementKind, engagements: Sequence[Engagement]) -> dict[str, UpdateOutcome]:
    """Create or update notes or tasks; return an outcome for each reference. An unclear creation is in doubt."""
    existing = find_engagements(api, kind, [engagement for engagement in engagements if engagement.may_exist])
    outcomes: dict[str, UpdateOutcome] = {}
    new: list[Engagement] = []
    for engagement in engagements:
        record = existing.get(engagement.reference)
        if record is not None:
            outcomes[engagement.reference] = _update(api, kind, record, engagement)
        elif engagement.may_create:
            new.append(engagement)
    return outcomes | (_create(api, kind, new) if new else {})


def find_engagements(api: Api, kind: EngagementKind, engagements: Sequence[Engagement]) -> dict[str, JsonObject]:
    """Return existing notes or tasks by reference."""
    if not engagements:
        return {}
    records = find_own_engagements(api, kind, [engagement.contact_id for engagement in engagements])
    return {
        engagement.reference: record
        for engagement in engagements
        for record in records
        if f"{engagement.reference} /" in _text_of(record, kind)
    }


def find_own_engagements(api: Api, kind: EngagementKind, contact_ids: Sequence[str]) -> list[JsonObject]:
    """Return the notes or tasks of contacts that hold one of our references."""
    links_by_contact = api.associated("contacts", kind.objects, contact_ids)
    ids = [str(link.get("toObjectId")) for links in links_by_contact.values() for link in links]
    records = api.read(kind.objects, ids, {kind.body_property}) if ids else []
    return [
        record
        for record in records
        if any(prefix in _text_of(record, kind) for prefix in (RESPONSE_PREFIX, CASE_PREFIX))
    ]


def has_revision(record: JsonObject, kind: EngagementKind, engagement: Engagement) -> bool:
    """Return whether an existing note or task tells this revision."""
    return render_reference(engagement.reference, engagement.revision) in _text_of(record, kind)


def _create(api: Api, kind: EngagementKind, engagements: Sequence[Engagement]) -> dict[str, UpdateOutcome]:
    inputs = [_input(kind, engagement) for engagement in engagements]
    try:
        result = api.batch(api.paths.batch(kind.objects, "create"), {"inputs": inputs}, idempotent=False)
    except Rejected as error:  # nothing was created, so smaller batches create no duplicates
        if len(engagements) == 1 or error.status in ENDPOINT_GONE_STATUSES:
            return {engagement.reference: error for engagement in engagements}
        middle = len(engagements) // 2
        return _create(api, kind, engagements[:middle]) | _create(api, kind, engagements[middle:])
    except DeliveryError as error:
        return {engagement.reference: error for engagement in engagements}
    texts = [_text_of(record, kind) for record in result.results]
    errors = {trace: error_in_batch(entry) for entry in result.errors for trace in write_trace_ids(entry)}
    unnamed = [error_in_batch(entry) for entry in result.errors if not write_trace_ids(entry)]
    noun = kind.objects.removesuffix("s")
    unclear = unnamed[0] if unnamed else OutcomeUnknown(f"HubSpot did not report whether it created the {noun}")
    return {
        engagement.reference: None
        if any(f"{engagement.reference} /" in text for text in texts)
        else errors.get(engagement.reference, unclear)
        for engagement in engagements
    }


def _input(kind: EngagementKind, engagement: Engagement) -> dict[str, Any]:
    association = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": kind.association_type_id}
    return {
        "properties": {**engagement.new_properties, kind.body_property: engagement.body},
        "associations": [{"to": {"id": engagement.contact_id}, "types": [association]}],
        "objectWriteTraceId": engagement.reference,
    }


def _update(api: Api, kind: EngagementKind, record: JsonObject, engagement: Engagement) -> UpdateOutcome:
    if has_revision(record, kind, engagement):
        return None
    body = {"properties": {**engagement.changed_properties, kind.body_property: engagement.body}}
    try:
        api.send("PATCH", api.paths.record(kind.objects, str(record["id"])), body, idempotent=True)
    except DeliveryError as error:
        return error
    return None


def _text_of(record: JsonObject, kind: EngagementKind) -> str:
    return properties_of(record).get(kind.body_property) or ""
