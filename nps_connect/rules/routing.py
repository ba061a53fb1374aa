"""Plan the actions that the routes of the configuration lead to for a response."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Literal, NamedTuple

from nps_connect.records.actions import CommentPolicy
from nps_connect.records.responses import Response
from nps_connect.settings.model import Route, RoutedAction


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
