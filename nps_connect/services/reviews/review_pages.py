"""Public review pages: the same link for everybody, on the thank-you page and in the mail, whatever the score.

A platform with several locations (shop, agency, city) chooses the page by a field of the event or the contact.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from urllib.parse import urlsplit

from sqlmodel import Session

from nps_connect.errors import DeliveryError, PluginError
from nps_connect.ledger import review_report
from nps_connect.ledger.tables import EventRow, InvitationRow
from nps_connect.records.base import is_loopback
from nps_connect.records.contacts import Contact
from nps_connect.records.deliveries import ReviewDestination, ReviewInvitation
from nps_connect.records.events import Event
from nps_connect.records.responses import Response
from nps_connect.rules.routing import review_platforms
from nps_connect.services.context import Context

log = logging.getLogger(__name__)


def resolve_review_page(
    ctx: Context, session: Session, platform: str, response: Response, contact: Contact, invitation_id: int
) -> ReviewDestination | str:
    """Return the review page for this contact, or the reason why there is none.

    Args:
        ctx: the context.
        session: to read the event of the survey.
        platform: name of the connection.
        response: the response; its score makes no difference.
        contact: the contact.
        invitation_id: the answered survey invitation.
    """
    if not ctx.has(platform, "nps_review_destination"):
        return "the platform is not configured any more"
    invitation = ReviewInvitation(
        contact=contact,
        response=response,
        idempotency_key=response.id,
        lead="help",
        location=_resolve_location(ctx, session, platform, contact, invitation_id),
    )
    connection = ctx.connections[platform]
    try:
        page: ReviewDestination = ctx.plugins.call(
            connection.settings.plugin, "nps_review_destination", connection=connection, invitation=invitation
        )
    except DeliveryError as error:
        return ctx.redact(error.message)
    except PluginError as error:
        log.error("review_page_failed connection=%s error=%s", platform, ctx.redact(str(error)))
        return "the plugin broke its contract"
    except Exception as error:  # page and mail work without the link
        log.exception("review_page_failed connection=%s", platform)
        return f"the plugin failed ({type(error).__name__})"
    if not is_safe_url(page.url):
        log.error("review_page_failed connection=%s error=address is not HTTPS", platform)
        return "its address is not HTTPS"
    return page


def resolve_review_pages(
    ctx: Context, session: Session, response: Response, contact: Contact, invitation_id: int
) -> Iterator[tuple[str, ReviewDestination]]:
    """Yield every review page for this contact with its platform."""
    for platform in review_platforms(ctx.settings.routes, response):
        page = resolve_review_page(ctx, session, platform, response, contact, invitation_id)
        if isinstance(page, ReviewDestination):
            yield platform, page


def record_review_pages_shown(
    ctx: Context, session: Session, response_id: int, response: Response, contact: Contact, invitation_id: int
) -> None:
    """Record that the thank-you page with its review links was shown."""
    for platform, _ in resolve_review_pages(ctx, session, response, contact, invitation_id):
        review_report.record_review_link_event(session, response_id, platform, "shown")


def is_safe_url(url: str) -> bool:
    """Return whether customers may be redirected to a URL: HTTPS to a named host, or HTTP to loopback (sandbox)."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        return False
    if not url.isascii() or not url.isprintable() or set(' "<>\\^`{|}') & set(url) or parts.username is not None:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)))


def location_fields(ctx: Context) -> set[str]:
    """Return the fields by which the configured review platforms choose a location."""
    platforms = {route.via for route in ctx.settings.routes if route.do == "invite_review"}
    return {field for platform in platforms if (field := location_field_name(ctx, platform)) is not None}


def location_field_name(ctx: Context, platform: str) -> str | None:
    """Return the field by which a platform chooses a location, or None."""
    declared = ctx.connector_info(platform).location_field if platform in ctx.connections else None
    return declared(ctx.connections[platform].settings) if declared else None


def location_field_key(ctx: Context, platform: str) -> str:
    """Return the key of the configuration that names the field by which a platform chooses a location."""
    field, settings = location_field_name(ctx, platform), ctx.connections[platform].settings
    keys = [key for key in type(settings).model_fields if getattr(settings, key) == field]
    return ".".join(("connections", platform, *keys[:1]))


def _resolve_location(
    ctx: Context, session: Session, platform: str, contact: Contact, invitation_id: int
) -> str | None:
    """Return the location from the event, else from its contacts at that time, else from the contact now.

    The event comes first, because a customer may buy in one shop today and in another tomorrow.
    """
    field = location_field_name(ctx, platform)
    if field is None:
        return None
    invitation = session.get(InvitationRow, invitation_id)
    row = session.get(EventRow, invitation.event_id) if invitation is not None and invitation.event_id else None
    event = Event.model_validate(row.record) if row is not None and row.record else None
    sources = [event.fields, *(person.fields for person in event.contacts)] if event else []
    for fields in (*sources, contact.fields):
        value = fields.get(field)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if value is not None and (location := str(value).strip()):
            return location
    return None
