"""Choosing: which platform a person is asked for, if any. Nobody is asked twice for one platform."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlmodel import Session

from nps_connect.ledger import review_requests
from nps_connect.ledger.review_requests import ReviewReservation
from nps_connect.ledger.subjects import contact_subjects
from nps_connect.ledger.tables import ContactRow
from nps_connect.records.contacts import Contact
from nps_connect.records.responses import Response
from nps_connect.rules.review_policy import choose_platform
from nps_connect.rules.routing import PlannedAction
from nps_connect.services.contacts.store import merged_contact_ids
from nps_connect.services.context import Context

log = logging.getLogger(__name__)


class NoReviewInvitation(Exception):
    """Nobody is asked, and why; never leaves this room."""


def review_subjects(session: Session, contact: ContactRow) -> list[str]:
    """The person, everybody who was merged into them, and the mailbox."""
    return sorted(
        {
            one
            for contact_id in merged_contact_ids(session, contact)
            for one in contact_subjects(contact_id, contact.mailbox)
        }
    )


def choose_invitation(
    ctx: Context,
    contact: Contact,
    response: Response,
    offers: Mapping[str, PlannedAction],
    others: Sequence[ReviewReservation],
) -> PlannedAction:
    """Choose one of the planned invitations: plugins are asked one by one, then the weights decide.

    Args:
        ctx: the joined parts.
        contact: the person.
        response: what they answered.
        offers: the planned invitations, by platform.
        others: the places that other answers of this person have.

    Raises:
        Declined: the person was asked before, or nothing is open to them.
    """
    before = review_requests.reserved_platforms(others)
    open_to = [name for name in offers if name not in before]
    if not open_to:
        raise NoReviewInvitation(asked_before_reason(before & set(offers)))
    until = review_requests.blocked_until(others, now=ctx.clock())
    if until is not None:
        raise NoReviewInvitation(cooldown_reason(until))
    chosen = _plugin_choice(ctx, contact, response, open_to) or choose_platform(
        open_to,
        {name: offers[name].weight for name in open_to},
        (),
        f"{contact.connection}:{contact.id}",
    )
    if chosen is None:
        raise NoReviewInvitation(f"no mail by choice: every weight of {', '.join(open_to)} is 0")
    return offers[chosen]


def asked_before_reason(platforms: Collection[str]) -> str:
    """Why nobody is asked for platforms that they were asked for already."""
    return f"asked for a review on {' and '.join(sorted(platforms))} before; nobody is asked twice"


def cooldown_reason(until: datetime) -> str:
    """Why nobody is asked for any platform soon after another one."""
    return f"asked for a review within the cooldown, which ends on {until.date().isoformat()}"


def _plugin_choice(ctx: Context, contact: Contact, response: Response, platforms: Sequence[str]) -> str | None:
    """What the first plugin with an opinion says; an exception or a foreign name counts as none."""
    for name, answer in ctx.plugins.call_each(
        "nps_choose_review_platform",
        contact=contact,
        response=response,
        platforms=list(platforms),
    ):
        if isinstance(answer, Exception):
            log.error("plugin %s failed to choose a review platform: %s", name, type(answer).__name__)
        elif answer in platforms:
            return str(answer)
        elif answer is not None:
            log.error("plugin %s chose a review platform that is not open to the person", name)
    return None
