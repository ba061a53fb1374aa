"""Routes: every answer leads somewhere, no route is dead, and review platforms' rules are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from nps_connect.records.connectors import ConnectorInfo, ReviewPolicy
from nps_connect.rules.reviewing import Gap, gaps
from nps_connect.settings.model import Route, RoutedAction
from nps_connect.settings.places import At
from nps_connect.wiring.checks.subject import Subject


def check_routes(subject: Subject) -> None:
    """Check every route against its connection, the routes before it, and the platform's review policy."""
    routes = subject.settings.routes
    if not routes:
        subject.mistake(
            ("routes",), "there is no route, so answers would lead nowhere", fix="add at least one [[routes]] table"
        )
    for index, route in enumerate(routes):
        at: At = ("routes", index)
        subject.connection(route.via, (*at, "via"), able=_able(route.do), lack=f"cannot {route.do.replace('_', ' ')}")
        for number, survey in enumerate(route.surveys):
            subject.survey(survey, (*at, "surveys", number))
        _reached(subject, routes, index)
    for gap in gaps(routes, policies(subject)):
        if gap.accepted is None:
            _tell_gap(subject, gap)


def policies(subject: Subject) -> Mapping[str, ReviewPolicy]:
    """What the review platforms among the connections demand, by connection."""
    found = {}
    for name, parsed in subject.parsed.items():
        info = subject.info(name)
        if info is not None and info.review_policy is not None:
            found[name] = info.review_policy(parsed)
    return found


def _able(action: RoutedAction) -> Callable[[ConnectorInfo], bool]:
    if action == "invite_review":
        return lambda info: info.review_policy is not None
    return lambda info: info.action(action) is not None


def _reached(subject: Subject, routes: Sequence[Route], index: int) -> None:
    """The first route to one action on one connection wins, so a later one for the same answers never happens."""
    route = routes[index]
    rivals = [
        (number, other) for number, other in enumerate(routes[:index]) if (other.do, other.via) == (route.do, route.via)
    ]
    taken_by = set()
    for segment in route.on:
        for survey in route.surveys or (None,):
            first = next((number for number, other in rivals if _takes(other, segment, survey)), None)
            if first is None:
                return
            taken_by.add(first)
    names = " and ".join(f"routes.{number + 1}" for number in sorted(taken_by))
    subject.mistake(
        ("routes", index),
        f"never happens: {names} already leads the same answers to {route.do} via {route.via!r}",
        fix="remove one of them, or give them different segments or surveys",
    )


def _takes(route: Route, segment: str, survey: str | None) -> bool:
    return segment in route.on and (not route.surveys or survey in route.surveys)


def _tell_gap(subject: Subject, gap: Gap) -> None:
    policy = policies(subject)[gap.via]
    missing = " and ".join(gap.missing)
    others = ", ".join(f'"{segment}"' for segment in gap.missing)
    subject.mistake(
        ("routes", gap.routes[0]),
        f"the review link of {gap.via!r} goes to some customers only, never to {missing}, which the platform forbids: "
        f"{policy.reason.rstrip('.')} ({policy.source})",
        fix=f'either add a route with on = [{others}], do = "invite_review", via = "{gap.via}", lead = "help", '
        'or write down why not: accept_selective_invitation = "<reason>"',
    )
