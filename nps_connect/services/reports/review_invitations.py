"""Review invitations of a period: how many were sent and opened, by platform."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, case, func, select
from sqlmodel import Session, col

from nps_connect.ledger.review_report import ReviewLinkStateRow
from nps_connect.ledger.tables import ResponseRow


@dataclass(frozen=True)
class ReviewInvitationCounts:
    """Responses that led to a review invitation on one platform.

    Attributes:
        platform: name of the connection.
        sent: the invitation was sent by mail.
        opened: somebody opened the link, in the mail or on the thank-you page.
    """

    platform: str
    sent: int
    opened: int


def load_review_invitations(
    session: Session, conditions: Sequence[ColumnElement[bool]]
) -> list[ReviewInvitationCounts]:
    """Count the review invitations that responses led to, in the order of the platforms; none where nothing was sent.

    Args:
        session: to read with.
        conditions: on `ResponseRow`.
    """
    is_sent, is_opened = col(ReviewLinkStateRow.sent).is_(True), col(ReviewLinkStateRow.opened).is_(True)
    platform = col(ReviewLinkStateRow.platform)
    query = (
        select(platform, func.count(case((is_sent, 1))), func.count(case((is_opened, 1))))
        .join(ResponseRow, col(ResponseRow.id) == col(ReviewLinkStateRow.response_id))
        .where(*conditions, is_sent | is_opened)
        .group_by(platform)
        .order_by(platform)
    )
    return [ReviewInvitationCounts(*row) for row in session.execute(query)]
