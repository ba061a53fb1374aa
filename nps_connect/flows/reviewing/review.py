"""Review pages: the same link for everybody, on the thank-you page and in the mail."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.errors import DeliveryError, PluginError
from nps_connect.flows.contacts.people import as_contact
from nps_connect.flows.context import Context
from nps_connect.flows.responding.answers import as_response, confirmed
from nps_connect.flows.reviewing.locations import location_of
from nps_connect.flows.reviewing.visiting import note_visit, safe
from nps_connect.ledger import accounts
from nps_connect.ledger.tables import ContactRow, ResponseRow
from nps_connect.records.contacts import Contact
from nps_connect.records.deliveries import ReviewDestination, ReviewInvitation
from nps_connect.records.pages import VisitInfo
from nps_connect.records.responses import Response
from nps_connect.rules.routing import concerns

log = logging.getLogger(__name__)


def asks_for_reviews(ctx: Context) -> bool:
    """Whether any route leads to a review platform."""
    return any(route.do == "invite_review" for route in ctx.settings.routes)


def platforms(ctx: Context, response: Response) -> list[str]:
    """The review platforms whose routes are about answers like this one, whatever its score; in their order."""
    return list(
        dict.fromkeys(
            route.via
            for route in ctx.settings.routes
            if route.do == "invite_review"
            and concerns(route, survey=response.survey, touchpoint=response.touchpoint, language=response.language)
        )
    )


def page_of(
    ctx: Context, session: Session, platform: str, response: Response, contact: Contact, invitation_id: int
) -> ReviewDestination | str:
    """The public review page for this person, or why there is none; does not depend on the score.

    Args:
        ctx: the joined parts.
        session: to read what the survey was about.
        platform: the connection.
        response: the answer.
        contact: the person.
        invitation_id: of the survey invitation that was answered.
    """
    if not ctx.has(platform, "nps_review_destination"):
        return "the platform is not configured any more"
    invitation = ReviewInvitation(
        contact=contact,
        response=response,
        idempotency_key=response.id,
        lead="help",
        location=location_of(ctx, session, platform, contact, invitation_id),
    )
    try:
        found: ReviewDestination = ctx.plugins.call(
            ctx.plugin_of(platform),
            "nps_review_destination",
            connection=ctx.connections[platform],
            invitation=invitation,
        )
    except DeliveryError as error:
        return ctx.redact(error.message)
    except PluginError as error:
        log.error("no review page connection=%s: %s", platform, ctx.redact(str(error)))
        return "the plugin broke its contract"
    except Exception as error:  # the page and the mail do without the link
        log.exception("plugin failed to tell a review page connection=%s", platform)
        return f"the plugin failed ({type(error).__name__})"
    if not safe(found.url):
        log.error("no review page connection=%s: its address is not HTTPS", platform)
        return "its address is not HTTPS"
    return found


def destinations(
    ctx: Context, session: Session, row: ResponseRow, contact: ContactRow
) -> Iterator[tuple[str, ReviewDestination]]:
    """Every review page that is shown to this person; does not depend on the score."""
    response, person = as_response(row), as_contact(contact)
    for platform in platforms(ctx, response):
        found = page_of(ctx, session, platform, response, person, row.invitation_id)
        if isinstance(found, ReviewDestination):
            yield platform, found


def note_shown(ctx: Context, session: Session, response: ResponseRow, contact: ContactRow) -> None:
    """The thank-you page with its links was shown."""
    for platform, _ in destinations(ctx, session, response, contact):
        accounts.mark(session, response.id or 0, platform, "shown")


def review_target(ctx: Context, token: str, visit: VisitInfo) -> str | None:
    """Where a review link leads; notes the visit. None if the link is not ours or the person was erased."""
    link = ctx.links.read_review(token)
    if link is None:
        return None
    with ctx.ledger.write() as session:
        found = session.execute(
            select(ResponseRow, ContactRow)
            .join(ContactRow, col(ContactRow.id) == col(ResponseRow.contact_id))
            .where(
                col(ResponseRow.id) == link.response_id,
                confirmed(),
                col(ContactRow.erased_at).is_(None),
            )
        ).first()
        if found is None:
            return None
        row, contact = found
        note_visit(ctx, session, row, link, visit)
        page = page_of(ctx, session, link.platform, as_response(row), as_contact(contact), row.invitation_id)
    if isinstance(page, ReviewDestination):
        return page.url
    log.warning("review link leads nowhere connection=%s: %s", link.platform, page)
    return None
