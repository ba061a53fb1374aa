"""Plan the actions that the routes of the configuration lead to for a response, and name their deliveries."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Literal, NamedTuple

from nps_connect.records.deliveries import CommentPolicy
from nps_connect.records.responses import Response
from nps_connect.settings.model import Route, RoutedAction

_NOT_READABLE = re.compile(r"[^a-z0-9]+")
_READABLE_LENGTH = 24
_encode_json = json.JSONEncoder(ensure_ascii=False).encode


class PlannedAction(NamedTuple):
    """One action that a response leads to.

    Attributes:
        route: index of the route in the configuration, for ``explain``.
        action: name of the action.
        via: name of the connection that carries it out.
        delay: from the response to the action.
        lead: for `invite_review`: what the mail leads with.
        weight: for `invite_review`: its share where several platforms can be chosen.
        comment: for `write_score`: whether the comment is written.
    """

    route: int
    action: RoutedAction
    via: str
    delay: timedelta
    lead: Literal["review", "help"]
    comment: CommentPolicy
    weight: int = 1


def plan_actions(
    routes: Sequence[Route], *, response: Response, grace_periods: Mapping[str, timedelta]
) -> tuple[PlannedAction, ...]:
    """Return the actions of a confirmed response in the order of the routes.

    A delay set by a route replaces the grace period. The first of several routes to one action on one connection wins:
    one response never gives two tickets or two mails. A customer who asked not to be contacted about the response gets
    no review invitation.

    Args:
        routes: all routes of the configuration.
        response: the newest revision.
        grace_periods: how long actions wait for a second click or a comment, by name; empty once Send was pressed.
    """
    planned: dict[tuple[str, str], PlannedAction] = {}
    for index, route in enumerate(routes):
        if response.score not in route.accepted_scores or (route.do, route.via) in planned:
            continue
        if (response.do_not_contact and route.do == "invite_review") or not _matches_response(route, response):
            continue
        planned[route.do, route.via] = PlannedAction(
            route=index,
            action=route.do,
            via=route.via,
            delay=route.delay if route.delay is not None else grace_periods.get(route.do, timedelta(0)),
            lead=route.lead,
            comment=route.comment,
            weight=route.weight,
        )
    return tuple(planned.values())


def review_platforms(routes: Sequence[Route], response: Response) -> list[str]:
    """Return the review platforms whose routes match a response, whatever its score, in the order of the routes."""
    matching = []
    for route in routes:
        if route.do == "invite_review" and route.via not in matching and _matches_response(route, response):
            matching.append(route.via)
    return matching


def route_matches(route: Route, *, survey: str | None, touchpoint: str | None, language: str | None) -> bool:
    """Return whether a route matches responses like this, whatever the score; None matches routes without that filter.

    Args:
        route: the route.
        survey: name of the survey.
        touchpoint: label of the touchpoint.
        language: BCP 47 tag; a route for ``fr`` matches ``fr-CA`` too.
    """
    if (route.surveys and survey not in route.surveys) or (route.touchpoints and touchpoint not in route.touchpoints):
        return False
    tag = (language or "").casefold()
    return not route.languages or any(
        tag == name.casefold() or tag.startswith(f"{name.casefold()}-") for name in route.languages
    )


def _matches_response(route: Route, response: Response) -> bool:
    return route_matches(route, survey=response.survey, touchpoint=response.touchpoint, language=response.language)


def delivery_key(*, action: str, subject: str, revision: int | None, route: str | None) -> str:
    """Return the idempotency key of a delivery; the same arguments give the same key in every process and release.

    At most 103 characters of ``a-z 0-9 _ -``, so that it fits into a header.

    Args:
        action: name of the action.
        subject: public id of what is delivered; its beginning is readable in the key, so never an address.
        revision: revision of the response; ignored for `open_ticket`: one ticket per response.
        route: stable name of the route, such as its connection (not its index, which changes with the configuration).
    """
    number = "null" if revision is None or action == "open_ticket" else revision
    name = "null" if route is None else _encode_json(route)
    # A JSON list written by hand: encoding the whole list takes ten times as long.
    facts = f"[{_encode_json(action)}, {_encode_json(subject)}, {number}, {name}]"
    digest = hashlib.sha256(facts.encode("utf-8", "surrogatepass")).hexdigest()
    readable = _NOT_READABLE.sub("-", subject.lower())[:_READABLE_LENGTH].strip("-")
    return f"{action}-{readable}-{digest}"
