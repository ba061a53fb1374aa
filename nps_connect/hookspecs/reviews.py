"""Reviewing: which platform, which link."""

from __future__ import annotations

from collections.abc import Sequence

from nps_connect.connection import Connection
from nps_connect.hookspecs.markers import hookspec
from nps_connect.records.contacts import Contact
from nps_connect.records.deliveries import ReviewDestination, ReviewInvitation
from nps_connect.records.responses import Response


@hookspec
def nps_choose_review_platform(contact: Contact, response: Response, platforms: Sequence[str]) -> str | None:
    """Choose one of the connections in `platforms` (those this contact may still be asked for), or none.

    Asked plugin by plugin; the built-in implementer (weights and rotation) is asked last.

    Raises:
        Nothing on purpose: an exception is logged and counts as none.
    """


@hookspec
def nps_review_destination(connection: Connection, invitation: ReviewInvitation) -> ReviewDestination:  # type: ignore[empty-body]
    """The public review page, for platforms that take a link. CPU only: also called while the thank-you page is made.

    Raises:
        Rejected: the location is not known.
    """
