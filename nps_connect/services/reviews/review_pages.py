"""Review pages: the same link for everybody, on the thank-you page and in the mail."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.errors import DeliveryError, PluginError
from nps_connect.ledger import review_report
from nps_connect.ledger.tables import ContactRow, ResponseRow
from nps_connect.records.contacts import Contact
from nps_connect.records.deliveries import ReviewDestination, ReviewInvitation
from nps_connect.records.pages import PageView
from nps_connect.records.responses import Response
from nps_connect.rules.routing import route_matches
from nps_connect.services.contacts.response_records import build_response, confirmed_clause
from nps_connect.services.contacts.store import build_contact
from nps_connect.services.context import Context
from nps_connect.services.reviews.link_visits import is_safe_url, record_link_visit
from nps_connect.services.reviews.locations import resolve_location

log = logging.getLogger(__name__)


def has_review_routes(ctx: Context) -> bool:
    """Whether any route leads to a review platform."""
    return any(route.do == "invite_review" for route in ctx.settings.routes)


def review_platforms(ctx: Context, response: Response) -> list[str]:
    """The review platforms whose routes are about answers like this one, whatever its score; in their order."""
    return list(
        dict.fromkeys(
            route.via
            for route in ctx.settings.routes
            if route.do == "invite_review"
            and route_matches(route, survey=response.survey, touchpoint=response.touchpoint, language=response.language)
        )
    )


def resolve_review_page(
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
        location=resolve_location(ctx, session, platform, contact, invitation_id),
    )
    try:
        found: ReviewDestination = ctx.plugins.call(
            ctx.plugin_name(platform),
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
    if not is_safe_url(found.url):
        log.error("no review page connection=%s: its address is not HTTPS", platform)
        return "its address is not HTTPS"
    return found


def resolve_review_pages(
    ctx: Context, session: Session, row: ResponseRow, contact: ContactRow
) -> Iterator[tuple[str, ReviewDestination]]:
    """Every review page that is shown to this person; does not depend on the score."""
    response, person = build_response(row), build_contact(contact)
    for platform in review_platforms(ctx, response):
        found = resolve_review_page(ctx, session, platform, response, person, row.invitation_id)
        if isinstance(found, ReviewDestination):
            yield platform, found


def record_review_pages_shown(ctx: Context, session: Session, response: ResponseRow, contact: ContactRow) -> None:
    """The thank-you page with its links was shown."""
    for platform, _ in resolve_review_pages(ctx, session, response, contact):
        review_report.record_review_link_event(session, response.id or 0, platform, "shown")


def resolve_review_link(ctx: Context, token: str, visit: PageView) -> str | None:
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
                confirmed_clause(),
                col(ContactRow.erased_at).is_(None),
            )
        ).first()
        if found is None:
            return None
        row, contact = found
        record_link_visit(ctx, session, row, link, visit)
        page = resolve_review_page(
            ctx, session, link.platform, build_response(row), build_contact(contact), row.invitation_id
        )
    if isinstance(page, ReviewDestination):
        return page.url
    log.warning("review link leads nowhere connection=%s: %s", link.platform, page)
    return None
