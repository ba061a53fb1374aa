"""Check routes: every one is reachable and has a capable connection, and review policies are followed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from nps_connect.app.checks.context import CheckContext
from nps_connect.records.connectors import ConnectorInfo, ReviewPolicy
from nps_connect.rules.review_policy import ReviewGating, find_review_gating, response_categories, route_covers
from nps_connect.settings.key_paths import KeyPath, nearest
from nps_connect.settings.model import Route, RoutedAction


def check_routes(context: CheckContext) -> None:
    """Check every route against its connection, the routes before it, and the platform's review policy."""
    routes = context.settings.routes
    if not routes:
        context.add_mistake(
            ("routes",), "there is no route, so responses would have no effect", fix="add at least one [[routes]] table"
        )
    for index, route in enumerate(routes):
        check_route_names(context, index, route)
        _check_labels(context, route, ("routes", index))
        _check_reachable(context, routes, index)
    for gap in find_review_gating(routes, review_policies(context)):
        if gap.accepted is None:
            _add_gap_mistake(context, gap)


def check_route_names(context: CheckContext, index: int, route: Route) -> None:
    """Check that the connection and the surveys of a route exist."""
    key_path: KeyPath = ("routes", index)
    context.connection(
        route.via,
        (*key_path, "via"),
        is_supported=_supports(route.do),
        problem_text=f"cannot {route.do.replace('_', ' ')}",
    )
    for number, survey in enumerate(route.surveys):
        context.survey(survey, (*key_path, "surveys", number))


def review_policies(context: CheckContext) -> Mapping[str, ReviewPolicy]:
    """Return the review policy of each review platform, by connection."""
    policies = {}
    for name, parsed in context.parsed.items():
        info = context.info(name)
        if info is not None and info.review_policy is not None:
            policies[name] = info.review_policy(parsed)
    return policies


def _supports(action: RoutedAction) -> Callable[[ConnectorInfo], bool]:
    if action == "invite_review":
        return lambda info: info.review_policy is not None
    return lambda info: info.action(action) is not None


def _check_reachable(context: CheckContext, routes: Sequence[Route], index: int) -> None:
    """Check that an earlier route does not match first everything that this route matches."""
    route = routes[index]
    earlier_routes = [
        (number, other) for number, other in enumerate(routes[:index]) if (other.do, other.via) == (route.do, route.via)
    ]
    shadowing = set()
    for category in response_categories([route, *(other for _, other in earlier_routes)]):
        for score in route.accepted_scores if route_covers(route, category) else ():
            first = next(
                (
                    number
                    for number, other in earlier_routes
                    if score in other.accepted_scores and route_covers(other, category)
                ),
                None,
            )
            if first is None:
                return
            shadowing.add(first)
    names = " and ".join(f"routes.{number + 1}" for number in sorted(shadowing))
    context.add_mistake(
        ("routes", index),
        f"is never used: {names} matches the same responses for {route.do} via {route.via!r}",
        fix="remove one of them, or give them different segments, scores, surveys, touchpoints or languages",
    )


def _check_labels(context: CheckContext, route: Route, key_path: KeyPath) -> None:
    """Check that the route's touchpoints and languages exist."""
    settings = context.settings
    touchpoints = {survey.touchpoint or name for name, survey in settings.surveys.items()}
    touchpoints |= {trigger.touchpoint for trigger in settings.triggers if trigger.touchpoint}
    for number, touchpoint in enumerate(route.touchpoints):
        if touchpoint not in touchpoints:
            similar = nearest(touchpoint, sorted(touchpoints))
            problem = f"no survey and no trigger has the touchpoint {touchpoint!r}"
            context.add_mistake(
                (*key_path, "touchpoints", number), problem, allowed=sorted(touchpoints), nearest=similar
            )
    for number, language in enumerate(route.languages):
        if not any(tag == language or tag.startswith(f"{language}-") for tag in settings.core.languages):
            problem = f"no response is in {language!r}, which is not one of core.languages"
            context.add_mistake((*key_path, "languages", number), problem, allowed=settings.core.languages)


def _add_gap_mistake(context: CheckContext, gap: ReviewGating) -> None:
    policy = review_policies(context)[gap.via]
    if gap.never:
        effect = f"goes to some customers only, never to {gap.description}"
        segments = ", ".join(f'"{segment}"' for segment in gap.missing)
        remedy = f'add a route with on = [{segments}], do = "invite_review", via = "{gap.via}", lead = "help"'
    else:
        effect = f"goes to {gap.description} less often than to happier customers"
        remedy = "give the platform the same weight, with the same other platforms, for every score"
    context.add_mistake(
        ("routes", gap.routes[0]),
        f"the review link of {gap.via!r} {effect}, which the platform forbids: "
        f"{policy.reason.rstrip('.')} ({policy.source})",
        fix=f'either {remedy}, or give a reason: accept_selective_invitation = "<reason>"',
    )
