"""Writing of what has become of detractors: contact properties, a note for each case, and a task for the owner.

The properties hold the newest case of a contact. Each case has its own note, and its own task if the contact has an
owner: the task is due at the promised deadline, and completed when the case is solved or the customer recovered.
"""

from __future__ import annotations

import html
from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from nps_connect import CaseOutcome, Connection, DeliveryError, Receipt, Rejected, TargetGone, hookimpl, one_line
from nps_connect_hubspot.api import Api
from nps_connect_hubspot.contact_records import properties_of, record_url, records_by_id
from nps_connect_hubspot.contact_updates import UpdateOutcome, update_contacts
from nps_connect_hubspot.engagements import (
    CASE_PREFIX,
    NOTE,
    TASK,
    Engagement,
    EngagementKind,
    render_reference,
    write_engagements,
)
from nps_connect_hubspot.labels import translate
from nps_connect_hubspot.score_properties import format_moment, parse_moment
from nps_connect_hubspot.settings import HubSpotSettings

ACTION = "write_case_outcome"
OWNER_PROPERTY = "hubspot_owner_id"
MAX_SUBJECT_LENGTH = 200
SUPERSEDED = "a newer state or case is already there"

CasePosition = tuple[datetime, int]
"""When the case was opened, and the revision of its outcome: the order of what a record holds."""


@hookimpl
def nps_write_case_outcomes(
    connection: Connection[HubSpotSettings], outcomes: Sequence[CaseOutcome]
) -> Sequence[Receipt | DeliveryError]:
    """Write the newest case of each contact, and the note and task of every case."""
    api = Api(connection, ACTION)
    reference_name = api.settings.property_prefix + "case_reference"
    names = {reference_name, OWNER_PROPERTY, "hs_merged_object_ids"}
    records = records_by_id(api.read("contacts", [outcome.contact.id for outcome in outcomes], names))
    written = {
        outcome.contact.id: parse_reference(properties_of(records[outcome.contact.id]).get(reference_name))
        for outcome in outcomes
        if outcome.contact.id in records
    }
    newest = _newest(outcomes, written)
    rows = {contact_id: case_values(api, outcome) for contact_id, outcome in newest.items()}
    errors: dict[str, UpdateOutcome] = dict(update_contacts(api, rows, id_property=reference_name)) if rows else {}
    alive = [outcome for outcome in outcomes if outcome.contact.id in records and not errors.get(outcome.contact.id)]
    current = [outcome for outcome in alive if _is_current(outcome, written[outcome.contact.id])]
    owners = {outcome.contact.id: properties_of(records[outcome.contact.id]).get(OWNER_PROPERTY) for outcome in current}
    remarks: dict[str, list[str]] = {}
    failures = _write_all(api, current, owners, remarks)
    return [_build_outcome(api, outcome, records, newest, errors, failures, remarks) for outcome in outcomes]


def case_values(api: Api, outcome: CaseOutcome) -> dict[str, str]:
    """Return the properties to write for an outcome."""
    score = outcome.recovered_score
    values = {
        "case_state": outcome.state,
        "case_opened_at": format_moment(outcome.opened_at),
        "case_changed_at": format_moment(outcome.changed_at),
        "case_handled_by": outcome.handled_by or "",
        "case_recovered_score": "" if score is None else str(score),
        "case_ticket": outcome.ticket_link or "",
        "case_reference": f"{format_moment(outcome.opened_at)} {outcome.response.id} {outcome.revision}",
    }
    return {api.settings.property_prefix + suffix: value for suffix, value in values.items()}


def parse_reference(text: str | None) -> tuple[CasePosition, str] | None:
    """Return the position and the response id of a stored reference; None if there is none or it was edited."""
    parts = (text or "").split()
    opened_at = parse_moment(parts[0]) if len(parts) == 3 else None
    if opened_at is None or not parts[2].isdigit():
        return None
    return (opened_at, int(parts[2])), parts[1]


def case_note(outcome: CaseOutcome, language: str) -> Engagement:
    """Return the note of a case."""
    return Engagement(
        contact_id=outcome.contact.id,
        reference=_reference(outcome),
        revision=outcome.revision,
        body=render_case(outcome, language),
        new_properties={"hs_timestamp": format_moment(outcome.opened_at)},
    )


def case_task(outcome: CaseOutcome, owner: str, language: str) -> Engagement:
    """Return the task of a case; only an open case gets a new one."""
    status = "NOT_STARTED" if outcome.state == "open" else "COMPLETED"
    name = outcome.contact.name or outcome.contact.email or outcome.contact.id
    subject = f"{translate('task', language)} (NPS {outcome.response.score}): {name}"
    return Engagement(
        contact_id=outcome.contact.id,
        reference=_reference(outcome),
        revision=outcome.revision,
        body=render_case(outcome, language),
        new_properties={
            "hs_timestamp": format_moment(outcome.deadline or outcome.opened_at),
            "hs_task_subject": one_line(subject, MAX_SUBJECT_LENGTH),
            "hs_task_status": status,
            "hs_task_priority": "HIGH",
            "hs_task_type": "TODO",
            OWNER_PROPERTY: owner,
        },
        changed_properties={"hs_task_status": status},
        may_create=outcome.state == "open",
    )


def render_case(outcome: CaseOutcome, language: str) -> str:
    """Return what a note or task says of a case, as HTML. Names and links are escaped."""
    state = translate(outcome.state, language)
    lines = [f"<strong>{translate('case', language)}: {state}</strong> (NPS {outcome.response.score})"]
    facts = [
        ("case_opened_at", _format_minute(outcome.opened_at)),
        ("case_changed_at", _format_minute(outcome.changed_at)),
        ("case_handled_by", outcome.handled_by),
        ("case_recovered_score", None if outcome.recovered_score is None else str(outcome.recovered_score)),
        ("case_ticket", outcome.ticket_link),
    ]
    lines += [f"{translate(label, language)}: {html.escape(value)}" for label, value in facts if value]
    reference = render_reference(html.escape(_reference(outcome)), outcome.revision)
    return f"<p>{'<br>'.join(lines)}</p><p>{translate('reference', language)}: {reference}"


def _reference(outcome: CaseOutcome) -> str:
    return f"{CASE_PREFIX}{outcome.response.id}"


def _format_minute(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _position(outcome: CaseOutcome) -> CasePosition:
    opened_at = outcome.opened_at  # HubSpot stores milliseconds
    return opened_at.replace(microsecond=opened_at.microsecond // 1000 * 1000), outcome.revision


def _newest(
    outcomes: Sequence[CaseOutcome], written: dict[str, tuple[CasePosition, str] | None]
) -> dict[str, CaseOutcome]:
    """Return what the properties of each contact are to hold, unless they hold something newer."""
    newest: dict[str, CaseOutcome] = {}
    for outcome in sorted(outcomes, key=_position):
        stored = written.get(outcome.contact.id)
        if outcome.contact.id in written and (stored is None or _position(outcome) >= stored[0]):
            newest[outcome.contact.id] = outcome
    return newest


def _is_current(outcome: CaseOutcome, stored: tuple[CasePosition, str] | None) -> bool:
    """Return whether the note of a case does not tell a newer revision already."""
    return stored is None or stored[1] != outcome.response.id or outcome.revision >= stored[0][1]


def _write_all(
    api: Api, outcomes: Sequence[CaseOutcome], owners: dict[str, str | None], remarks: dict[str, list[str]]
) -> dict[str, DeliveryError]:
    """Write notes and tasks; return errors by reference. A rejected one is a remark: the properties are written."""
    language = api.connection.default_language
    parts: list[tuple[EngagementKind, list[Engagement]]] = []
    if api.settings.notes:
        parts.append((NOTE, [case_note(outcome, language) for outcome in outcomes]))
    if api.settings.tasks:
        owned = [(outcome, owners[outcome.contact.id]) for outcome in outcomes]
        parts.append((TASK, [case_task(outcome, owner, language) for outcome, owner in owned if owner]))
    failures: dict[str, DeliveryError] = {}
    for kind, engagements in parts:
        for reference, error in write_engagements(api, kind, engagements).items():
            if isinstance(error, Rejected | TargetGone):
                text = f"the outcome is written, its {kind.objects.removesuffix('s')} is not: {error.message}"
                remarks.setdefault(reference, []).append(text)
            elif error is not None:
                failures.setdefault(reference, error)
    return failures


def _build_outcome(
    api: Api,
    outcome: CaseOutcome,
    records: Collection[str],
    newest: dict[str, CaseOutcome],
    errors: dict[str, UpdateOutcome],
    failures: dict[str, DeliveryError],
    remarks: dict[str, list[str]],
) -> Receipt | DeliveryError:
    contact_id, reference = outcome.contact.id, _reference(outcome)
    if contact_id not in records:
        return TargetGone("HubSpot does not know this contact, or has deleted it")
    error = errors.get(contact_id) or failures.get(reference)
    if error is not None:
        return error
    notes = [*([] if newest.get(contact_id) is outcome else [SUPERSEDED]), *remarks.get(reference, ())]
    link = outcome.contact.link or record_url(api.settings, {"id": contact_id})
    return Receipt(id=contact_id, link=link, note="; ".join(notes) or None)
