"""Facts of a ticket: its filterable fields, whether it is our own, and why it is excluded from surveys. Pure.

Webhooks (two formats), the export and the ticket itself use different names; here they become the same.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nps_connect import ContactKey, Event, fact_key
from nps_connect_zendesk.markers import is_own_ticket
from nps_connect_zendesk.settings import Exclusions, NameOrId, numeric
from nps_connect_zendesk.users import STAFF_ROLES

EXCLUSION_FIELD = "zendesk_excluded"
"""Field of an event with the reason why it never triggers a survey."""

OTHER_USER_FIELD = "other_user_id"
"""Field of a merge event with the id of the second user."""

OPEN_STATUSES = ("new", "open", "pending", "hold")
SOLVED_KINDS = ("ticket.solved", "ticket.closed")

MERGED_TAG = "closed_by_merge"
"""Tag that Zendesk adds to tickets that it closes because they were merged into another one."""

FieldValue = str | int | float | bool | None


@dataclass(frozen=True)
class TicketFacts:
    """What is known of a ticket.

    Attributes:
        fields: scalars for filters; they contain nothing personal.
        tags: all tags.
        external_id, subject, channel, group_id, form_id: None if unknown.
        requester_role: `end-user`, `agent` or `admin`; None if unknown.
    """

    fields: dict[str, FieldValue]
    tags: tuple[str, ...] = ()
    external_id: str | None = None
    subject: str | None = None
    channel: str | None = None
    group_id: int | None = None
    form_id: int | None = None
    requester_role: str | None = None

    @property
    def opened_by_us(self) -> bool:
        """Return whether we opened the ticket."""
        return is_own_ticket(self.tags, self.external_id)


def parse_ticket_facts(ticket: Mapping[str, Any], requester_role: str | None = None) -> TicketFacts:
    """Return the facts of a ticket record: of the API, of an event's `detail`, or of our trigger template."""
    tags = parse_tags(ticket.get("tags"))
    via = ticket.get("via")
    channel = via.get("channel") if isinstance(via, Mapping) else ticket.get("channel")
    form_id = _number(ticket.get("ticket_form_id") or ticket.get("form_id"))
    external_id = str(ticket.get("external_id") or "") or None
    values: dict[str, FieldValue] = {
        "status": _lower(ticket.get("status")),
        "priority": _lower(ticket.get("priority")),
        "type": _lower(ticket.get("type")),
        "channel": _lower(channel),
        "external_id": external_id,
        "group_id": _number(ticket.get("group_id")),
        "form_id": form_id,
        "brand_id": _number(ticket.get("brand_id")),
        "assignee_id": _number(ticket.get("assignee_id")),
        "organization_id": _number(ticket.get("organization_id")),
    }
    fields: dict[str, FieldValue] = {name: value for name, value in values.items() if value is not None}
    if "tags" in ticket:
        fields["tags"] = " ".join(tags)
    fields["own"] = is_own_ticket(tags, external_id)
    return TicketFacts(
        fields=fields,
        tags=tags,
        external_id=external_id,
        subject=str(ticket["subject"]) if ticket.get("subject") else None,
        channel=_lower(channel),
        group_id=_number(ticket.get("group_id")),
        form_id=form_id,
        requester_role=requester_role,
    )


def exclusion_reason(
    exclude: Exclusions, facts: TicketFacts, *, groups: Collection[int], forms: Collection[int]
) -> str | None:
    """Return why this ticket's events never trigger a survey, or None if they may.

    Args:
        exclude: the setting.
        facts: what is known of the ticket.
        groups, forms: numbers of the excluded groups and forms.
    """
    if facts.opened_by_us:
        return "the ticket is our own, opened for a detractor"
    if exclude.merged and MERGED_TAG in facts.tags:
        return "the ticket was only merged into another one"
    excluded_tags = {tag.lower() for tag in exclude.tags}
    excluded_tag = next((tag for tag in facts.tags if tag.lower() in excluded_tags), None)
    if excluded_tag is not None:
        return f"the ticket has the excluded tag {excluded_tag!r}"
    if facts.group_id in groups:
        return f"the ticket belongs to an excluded group ({facts.group_id})"
    if facts.form_id in forms:
        return f"the ticket has an excluded form ({facts.form_id})"
    if facts.channel is not None and facts.channel in {channel.lower() for channel in exclude.channels}:
        return f"the ticket came by an excluded channel ({facts.channel})"
    if exclude.agents and facts.requester_role in STAFF_ROLES:
        return "the requester is a member of the staff"
    subject = (facts.subject or "").strip().casefold()
    if subject and any(subject.startswith(start.casefold()) for start in exclude.subjects if start):
        return "the ticket is an automatic reply"
    return None


def exclusion_reason_by_id(exclude: Exclusions, facts: TicketFacts) -> str | None:
    """Return `exclusion_reason` as far as it is known without loading names from Zendesk."""
    return exclusion_reason(exclude, facts, groups=_numbers(exclude.groups), forms=_numbers(exclude.forms))


def ticket_event(
    kind: str,
    ticket_id: str,
    moment: datetime,
    *,
    requester_id: object,
    fields: Mapping[str, FieldValue],
    reason: str | None,
) -> Event:
    """Build an event about a ticket; its key is the same by webhook and by poll.

    The key holds the minute of the fact, because Zendesk's placeholders for times have no seconds
    (https://support.zendesk.com/hc/en-us/articles/4408886858138).
    """
    requester = _number(requester_id)
    key = ContactKey(kind="id", value=str(requester)) if requester else ContactKey(kind="ticket", value=ticket_id)
    return Event(
        key=fact_key(kind, ticket_id, moment.replace(second=0, microsecond=0)),
        kind=kind,
        object_id=ticket_id,
        occurred_at=moment,
        contact_key=key,
        fields={**fields, **({EXCLUSION_FIELD: reason} if reason else {})},
    )


def contact_event(kind: str, user_id: str, moment: datetime, *, other_id: str | None = None) -> Event:
    """Build an event about a user; `other_id` is the second user of a merge."""
    return Event(
        key=fact_key(kind, user_id, moment.replace(second=0, microsecond=0)),
        kind=kind,
        object_id=user_id,
        occurred_at=moment,
        contact_key=ContactKey(kind="id", value=user_id),
        fields={} if other_id is None else {OTHER_USER_FIELD: other_id},
    )


def erasure_event(user_id: str, seen_at: datetime) -> Event:
    """Build the event of a permanently deleted user; Zendesk keeps no time for it, so its key has none either."""
    event = contact_event("contact.privacy_deleted", user_id, seen_at)
    return event.model_copy(update={"key": f"{event.kind}:{user_id}"})


def parse_tags(value: object) -> tuple[str, ...]:
    """Return tags from a list, or from a text separated by spaces (the form of placeholders)."""
    if isinstance(value, str):
        return tuple(value.split())
    return tuple(str(tag) for tag in value) if isinstance(value, list | tuple) else ()


def _lower(value: object) -> str | None:
    return value.strip().lower() if isinstance(value, str) and value.strip() else None


def _number(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    return numeric(value) or None


def _numbers(values: Collection[NameOrId]) -> set[int]:
    return {number for number in map(numeric, values) if number is not None}
