"""Routes: every answer leads somewhere, no route is dead, and review platforms' rules are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from nps_connect.app.checks.context import CheckContext
from nps_connect.records.connectors import ConnectorInfo, ReviewPolicy
from nps_connect.rules.review_policy import ReviewGating, find_review_gating, response_categories, route_covers
from nps_connect.settings.key_paths import KeyPath, nearest
from nps_connect.settings.model import Route, RoutedAction


def check_routes(subject: CheckContext) -> None:
    """Check every route against its connection, the routes before it, and the platform's review policy."""
    routes = subject.settings.routes
    if not routes:
        subject.add_mistake(
            ("routes",), "there is no route, so answers would lead nowhere", fix="add at least one [[routes]] table"
        )
    for index, route in enumerate(routes):
        at: KeyPath = ("routes", index)
        subject.connection(
            route.via,
            (*at, "via"),
            is_supported=_supports(route.do),
            problem_text=f"cannot {route.do.replace('_', ' ')}",
        )
        for number, survey in enumerate(route.surveys):
            subject.survey(survey, (*at, "surveys", number))
        _check_labels(subject, route, at)
        _check_reachable(subject, routes, index)
    for gap in find_review_gating(routes, review_policies(subject)):
        if gap.accepted is None:
            _add_gap_mistake(subject, gap)


def review_policies(subject: CheckContext) -> Mapping[str, ReviewPolicy]:
    """What the review platforms among the connections demand, by connection."""
    found = {}
    for name, parsed in subject.parsed.items():
        info = subject.info(name)
        if info is not None and info.review_policy is not None:
            found[name] = info.review_policy(parsed)
    return found


def _supports(action: RoutedAction) -> Callable[[ConnectorInfo], bool]:
    if action == "invite_review":
        return lambda info: info.review_policy is not None
    return lambda info: info.action(action) is not None


def _check_reachable(subject: CheckContext, routes: Sequence[Route], index: int) -> None:
    """The first route to one action on one connection wins, so a later one for the same answers never happens."""
    route = routes[index]
    rivals = [
        (number, other) for number, other in enumerate(routes[:index]) if (other.do, other.via) == (route.do, route.via)
    ]
    taken_by = set()
    for cell in response_categories([route, *(other for _, other in rivals)]):
        for score in route.accepted_scores if route_covers(route, cell) else ():
            first = next(
                (number for number, other in rivals if score in other.accepted_scores and route_covers(other, cell)), None
            )
            if first is None:
                return
            taken_by.add(first)
    names = " and ".join(f"routes.{number + 1}" for number in sorted(taken_by))
    subject.add_mistake(
        ("routes", index),
        f"never happens: {names} already leads the same answers to {route.do} via {route.via!r}",
        fix="remove one of them, or give them different segments, scores, surveys, touchpoints or languages",
    )


def _check_labels(subject: CheckContext, route: Route, at: KeyPath) -> None:
    """Touchpoints and languages that no answer ever has make a route that never happens."""
    settings = subject.settings
    known = {survey.touchpoint or name for name, survey in settings.surveys.items()}
    known |= {trigger.touchpoint for trigger in settings.triggers if trigger.touchpoint}
    for number, touchpoint in enumerate(route.touchpoints):
        if touchpoint not in known:
            near = nearest(touchpoint, sorted(known))
            problem = f"no survey and no trigger has the touchpoint {touchpoint!r}"
            subject.add_mistake((*at, "touchpoints", number), problem, allowed=sorted(known), nearest=near)
    for number, language in enumerate(route.languages):
        if not any(one == language or one.startswith(f"{language}-") for one in settings.core.languages):
            problem = f"nobody answers in {language!r}, which is not one of core.languages"
            subject.add_mistake((*at, "languages", number), problem, allowed=settings.core.languages)


def _add_gap_mistake(subject: CheckContext, gap: ReviewGating) -> None:
    policy = review_policies(subject)[gap.via]
    if gap.never:
        how = f"goes to some customers only, never to {gap.description}"
        segments = ", ".join(f'"{segment}"' for segment in gap.missing)
        way = f'add a route with on = [{segments}], do = "invite_review", via = "{gap.via}", lead = "help"'
    else:
        how = f"goes to {gap.description} less often than to happier customers"
        way = "give the platform the same weight, beside the same other platforms, for every score"
    subject.add_mistake(
        ("routes", gap.routes[0]),
        f"the review link of {gap.via!r} {how}, which the platform forbids: "
        f"{policy.reason.rstrip('.')} ({policy.source})",
        fix=f'either {way}, or write down why not: accept_selective_invitation = "<reason>"',
    )
