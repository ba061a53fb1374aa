"""HubSpot's event kinds, and the events of each fact: webhook and poll build the same keys. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from nps_connect import ContactKey, Event, EventKind, fact_key
from nps_connect_hubspot.settings import HubSpotSettings

_DEAL_FIELDS = {"amount": "number", "dealstage": "text", "pipeline": "text", "dealname": "text", "closedate": "moment"}
_TICKET_FIELDS = {"hs_pipeline_stage": "text", "hs_pipeline": "text", "subject": "text", "hs_ticket_priority": "text"}

EVENT_KINDS = (
    EventKind(
        name="deal.won",
        description="A deal enters one of won_stages (not: any other edit of a won deal).",
        fields=_DEAL_FIELDS,
        open_fields=True,
    ),
    EventKind(name="deal.stage_entered", description="A deal enters a stage.", fields=_DEAL_FIELDS, open_fields=True),
    EventKind(
        name="ticket.closed",
        description="A ticket enters one of closed_ticket_stages.",
        fields=_TICKET_FIELDS,
        open_fields=True,
    ),
    EventKind(name="contact.created", description="A contact is created.", open_fields=True),
    EventKind(
        name="contact.property_changed",
        description="A contact property changes; value is unknown where HubSpot withholds it.",
        fields={"property": "text", "value": "text"},
        open_fields=True,
    ),
    EventKind(
        name="contact.merged",
        description="Contacts are merged; the event is about the surviving contact.",
        fields={"merged_ids": "text"},
        open_fields=True,
    ),
    EventKind(name="contact.deleted", description="A contact is deleted (and can be restored)."),
    EventKind(name="contact.privacy_deleted", description="A contact is erased permanently; we must erase it as well."),
)


def deal_stage_events(settings: HubSpotSettings, deal_id: str, stage: str, at: datetime) -> Iterator[Event]:
    """Yield the events of a deal that entered a stage: one, or two if the stage means "won"."""
    key = ContactKey(kind="deal", value=deal_id)
    for kind in ("deal.stage_entered", "deal.won"):
        if kind == "deal.stage_entered" or stage in settings.won_stages:
            yield Event(
                key=fact_key(kind, deal_id, at),
                kind=kind,
                object_id=deal_id,
                occurred_at=at,
                contact_key=key,
                fields={"dealstage": stage},
            )


def ticket_stage_events(settings: HubSpotSettings, ticket_id: str, stage: str, at: datetime) -> Iterator[Event]:
    """Yield the event of a ticket that entered a stage, if the stage means "closed"."""
    if stage in settings.closed_ticket_stages:
        yield Event(
            key=fact_key("ticket.closed", ticket_id, at),
            kind="ticket.closed",
            object_id=ticket_id,
            occurred_at=at,
            contact_key=ContactKey(kind="ticket", value=ticket_id),
            fields={"hs_pipeline_stage": stage},
        )


def property_changed_event(contact_id: str, name: str, value: str | None, at: datetime) -> Event:
    """Build the event of a changed property. One edit may change several properties; each has its own event."""
    return Event(
        key=fact_key("contact.property_changed", f"{contact_id}/{name}", at),
        kind="contact.property_changed",
        object_id=contact_id,
        occurred_at=at,
        contact_key=ContactKey(kind="id", value=contact_id),
        fields={"property": name, "value": value},
    )


def contact_event(kind: str, contact_id: str, at: datetime, merged_ids: tuple[str, ...] = ()) -> Event:
    """Build the event of a contact that was created, merged, deleted or erased."""
    return Event(
        key=fact_key(kind, contact_id, at),
        kind=kind,
        object_id=contact_id,
        occurred_at=at,
        contact_key=ContactKey(kind="id", value=contact_id),
        fields={"merged_ids": ";".join(merged_ids)} if kind == "contact.merged" else {},
    )
