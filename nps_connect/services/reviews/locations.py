"""Locations: the shop, agency or city that a person reviews, told by a property of the event or the contact."""

from __future__ import annotations

from sqlmodel import Session

from nps_connect.ledger.tables import EventRow, InvitationRow
from nps_connect.records.base import FieldValue
from nps_connect.records.contacts import Contact
from nps_connect.records.events import Event
from nps_connect.services.context import Context


def location_fields(ctx: Context) -> set[str]:
    """The properties that the configured review platforms choose a place by."""
    named = {location_field_name(ctx, route.via) for route in ctx.settings.routes if route.do == "invite_review"}
    return {name for name in named if name is not None}


def location_field_name(ctx: Context, platform: str) -> str | None:
    """The property that a platform chooses a place by, or none."""
    declared = ctx.connector_info(platform).location_field if platform in ctx.connections else None
    return declared(ctx.connections[platform].settings) if declared else None


def resolve_location(ctx: Context, session: Session, platform: str, contact: Contact, invitation_id: int) -> str | None:
    """The place that the answer is about: as the event told it, else the contact at that time, else the contact now.

    The event comes first, because a customer may buy in one shop today and in another tomorrow.
    """
    field = location_field_name(ctx, platform)
    if field is None:
        return None
    event = _load_event(session, invitation_id)
    told = [event.fields, *(one.fields for one in event.contacts)] if event else []
    for fields in (*told, contact.fields):
        location = format_location(fields.get(field))
        if location:
            return location
    return None


def format_location(value: FieldValue) -> str | None:
    """A field as the name of a place: whole numbers without a fraction, blanks are nothing."""
    if value is None:
        return None
    return str(int(value) if isinstance(value, float) and value.is_integer() else value).strip() or None


def _load_event(session: Session, invitation_id: int) -> Event | None:
    invitation = session.get(InvitationRow, invitation_id)
    row = session.get(EventRow, invitation.event_id) if invitation is not None and invitation.event_id else None
    return Event.model_validate(row.record) if row is not None and row.record else None
