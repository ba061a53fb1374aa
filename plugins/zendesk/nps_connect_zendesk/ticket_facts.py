"""One ticket, as events tell of it: its filterable fields, whether it is our own, and why it may not be surveyed. Pure.

Webhooks (two shapes), the export and the ticket itself name things a little differently; here they become the same.
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
"""Field of an event that holds the reason why it never leads to a survey."""

MERGED_TAG = "closed_by_merge"
"""Zendesk puts this tag on tickets that it closes because they were merged into another one."""

FieldValue = str | int | float | bool | None


@dataclass(frozen=True)
class TicketFacts:
    """What is known of a ticket.

    Attributes:
        fields: scalars for filters; holds nothing personal.
        tags: all of them.
        external_id, subject, channel, group_id, form_id: as far as known.
        requester_role: `end-user`, `agent`, `admin`, if known.
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
        """Whether we opened the ticket."""
        return is_own_ticket(self.tags, self.external_id)


def parse_ticket_facts(ticket: Mapping[str, Any], requester_role: str | None = None) -> TicketFacts:
    """What a ticket record tells: of the API, of an event's `detail`, or of our trigger's template."""
    tags = parse_tags(ticket.get("tags"))
    via = ticket.get("via")
    channel = via.get("channel") if isinstance(via, Mapping) else ticket.get("channel")
    form_id = _number(ticket.get("ticket_form_id") or ticket.get("form_id"))
    external_id = str(ticket.get("external_id") or "") or None
    known: dict[str, FieldValue] = {
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
    fields: dict[str, FieldValue] = {name: value for name, value in known.items() if value is not None}
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
    """Why this ticket's events never lead to a survey; none if they may.

    Args:
        exclude: the setting.
        facts: what is known of the ticket.
        groups, forms: numbers of the excluded groups and forms.
    """
    if facts.opened_by_us:
        return "the ticket is our own, opened for an unhappy answer"
    if exclude.merged and MERGED_TAG in facts.tags:
        return "the ticket was only merged into another one"
    wanted = {tag.lower() for tag in exclude.tags}
    hit = next((tag for tag in facts.tags if tag.lower() in wanted), None)
    if hit is not None:
        return f"the ticket has the excluded tag {hit!r}"
    if facts.group_id in groups:
        return f"the ticket belongs to an excluded group ({facts.group_id})"
    if facts.form_id in forms:
        return f"the ticket has an excluded form ({facts.form_id})"
    if facts.channel is not None and facts.channel in {channel.lower() for channel in exclude.channels}:
        return f"the ticket came by an excluded channel ({facts.channel})"
    if exclude.agents and facts.requester_role in STAFF_ROLES:
        return "a member of the staff asked for the ticket"
    subject = (facts.subject or "").strip().casefold()
    if subject and any(subject.startswith(start.casefold()) for start in exclude.subjects if start):
        return "the ticket is an automatic reply"
    return None


def exclusion_reason_by_id(exclude: Exclusions, facts: TicketFacts) -> str | None:
    """`exclusion_reason` as far as it can be told without asking Zendesk for names."""
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
    """An event about a ticket; the key is the same however we heard of it."""
    requester = _number(requester_id)
    key = ContactKey(kind="id", value=str(requester)) if requester else ContactKey(kind="ticket", value=ticket_id)
    return Event(
        key=fact_key(kind, ticket_id, moment),
        kind=kind,
        object_id=ticket_id,
        occurred_at=moment,
        contact_key=key,
        fields={**fields, **({EXCLUSION_FIELD: reason} if reason else {})},
    )


def contact_event(kind: str, user_id: str, moment: datetime) -> Event:
    """An event about a user."""
    return Event(
        key=fact_key(kind, user_id, moment),
        kind=kind,
        object_id=user_id,
        occurred_at=moment,
        contact_key=ContactKey(kind="id", value=user_id),
    )


def parse_tags(value: object) -> tuple[str, ...]:
    """Tags from a list, or from a text with spaces between (as placeholders give them)."""
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
