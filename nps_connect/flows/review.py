"""Review pages: the same link for everybody, on the thank-you page and in the mail."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from nps_connect.errors import DeliveryError, PluginError
from nps_connect.flows.answers import as_response, is_confirmed
from nps_connect.flows.context import Context
from nps_connect.flows.people import as_contact
from nps_connect.ledger.tables import ContactRow, ResponseRow, VisitRow
from nps_connect.records.contacts import Contact
from nps_connect.records.deliveries import ReviewDestination, ReviewInvitation
from nps_connect.records.pages import VisitInfo
from nps_connect.records.responses import Response

log = logging.getLogger(__name__)


def platforms(ctx: Context) -> list[str]:
    """The review platforms that routes name, in the order of the routes."""
    return list(dict.fromkeys(route.via for route in ctx.settings.routes if route.do == "invite_review"))


def destination(ctx: Context, platform: str, contact: Contact, response: Response) -> ReviewDestination | None:
    """The public review page for this person, or none if the platform has no page for them."""
    if not ctx.has(platform, "nps_review_destination"):
        return None
    invitation = ReviewInvitation(idempotency_key=response.id, contact=contact, response=response, lead="help")
    try:
        found: ReviewDestination = ctx.plugins.call(
            ctx.plugin_of(platform),
            "nps_review_destination",
            connection=ctx.connections[platform],
            invitation=invitation,
        )
    except (DeliveryError, PluginError) as error:
        log.error("no review page connection=%s: %s", platform, ctx.redact(str(error)))
        return None
    return found


def destinations(ctx: Context, contact: Contact, response: Response) -> Iterator[tuple[str, ReviewDestination]]:
    """Every review page that is shown to this person; does not depend on the score."""
    for platform in platforms(ctx):
        found = destination(ctx, platform, contact, response)
        if found is not None:
            yield platform, found


def review_target(ctx: Context, token: str, visit: VisitInfo) -> str | None:
    """Where a review link leads; notes the visit. None if the link is not ours or the person was erased."""
    link = ctx.links.read_review(token)
    if link is None:
        return None
    with ctx.ledger.write() as session:
        row = session.get(ResponseRow, link.response_id)
        contact = session.get(ContactRow, row.contact_id) if row else None
        if row is None or contact is None or contact.erased_at is not None or not is_confirmed(row):
            return None
        session.add(
            VisitRow(
                purpose="review",
                response_id=row.id,
                platform=link.platform,
                method=visit.method,
                at=visit.at,
                address=visit.address,
                agent=visit.agent,
            )
        )
        person = as_contact(contact)
        found = destination(ctx, link.platform, person, as_response(row))
    return found.url if found else None
