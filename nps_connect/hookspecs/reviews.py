"""Hooks for review invitations: the platform and its link."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nps_connect.connection import Connection
from nps_connect.hookspecs.markers import hookspec
from nps_connect.records.contacts import Contact
from nps_connect.records.deliveries import ReviewDestination, ReviewInvitation
from nps_connect.records.responses import Response


@hookspec
def nps_choose_review_platform(contact: Contact, response: Response, platforms: Sequence[str]) -> str | None:
    """Choose one of the connections in `platforms` (those that may still invite this contact); None for no choice.

    Each plugin is called separately; the built-in implementation (weights and rotation) comes last.
    Not called if there is only one connection, unless its weight is 0.

    Raises:
        Nothing: an exception is logged and counts as None.
    """


@hookspec
def nps_review_destination(connection: Connection[Any], invitation: ReviewInvitation) -> ReviewDestination:  # type: ignore[empty-body]
    """Return the public review page of a platform. CPU only: also called while the thank-you page is rendered.

    Raises:
        Rejected: the location is unknown.
    """
