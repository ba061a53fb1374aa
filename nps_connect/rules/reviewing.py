"""Review policy: who must be asked, and which platform a contact is asked for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import log

from nps_connect.records.connectors import ReviewPolicy
from nps_connect.records.responses import SEGMENTS, Segment
from nps_connect.rules.sampling import point
from nps_connect.settings.model import Route


@dataclass(frozen=True)
class Gap:
    """Routes that ask some segments only, on a platform that demands that everybody is asked.

    Attributes:
        via: the platform's connection.
        missing: segments that are never asked.
        routes: indexes of the routes that ask the others.
        accepted: the operator's written reason for it, or none: then it is a mistake of the configuration.
    """

    via: str
    missing: tuple[Segment, ...]
    routes: tuple[int, ...]
    accepted: str | None


def gaps(routes: Sequence[Route], policies: Mapping[str, ReviewPolicy]) -> list[Gap]:
    """Find selective invitations on platforms whose rule is `ask-everyone`.

    Routes that are limited to some surveys are judged survey by survey: asking the promoters of one survey and the
    detractors of another is asking neither in full.

    Args:
        routes: all routes of the configuration.
        policies: by connection name, for the review platforms among the connections.
    """
    found: dict[Gap, None] = {}
    for via, policy in policies.items():
        if policy.rule != "ask-everyone":
            continue
        inviting = [(index, route) for index, route in enumerate(routes) if _invites(route, via)]
        named = sorted({survey for _, route in inviting for survey in route.surveys})
        for survey in (None, *named):
            gap = _gap(via, [(index, route) for index, route in inviting if _covers(route, survey)])
            if gap is not None:
                found[gap] = None
    return list(found)


def _invites(route: Route, via: str) -> bool:
    return route.do == "invite_review" and route.via == via


def _covers(route: Route, survey: str | None) -> bool:
    """Whether a route takes answers of a survey; none stands for every survey that no route names."""
    return not route.surveys or survey in route.surveys


def _gap(via: str, inviting: Sequence[tuple[int, Route]]) -> Gap | None:
    asked = {segment for _, route in inviting for segment in route.on}
    missing = tuple(segment for segment in SEGMENTS if segment not in asked)
    if not asked or not missing:
        return None
    reasons = [route.accept_selective_invitation for _, route in inviting if route.accept_selective_invitation]
    return Gap(via, missing, tuple(index for index, _ in inviting), reasons[0] if reasons else None)


def choose_platform(
    platforms: Sequence[str], weights: Mapping[str, int], asked: Collection[str], contact: str
) -> str | None:
    """Choose the platform to ask a contact for, or none when all have been asked for.

    Over many contacts the shares follow the weights; one contact gets the same answer every time, and the next
    platform once the first has been asked for. Adding a platform moves only those who now belong to it.

    Args:
        platforms: connections that may be chosen.
        weights: by connection; 1 where not given, 0 means never.
        asked: connections that this contact has already been asked for.
        contact: a stable id of the person.
    """
    open_to = [name for name in platforms if name not in asked and weights.get(name, 1) > 0]
    return max(open_to, key=lambda name: (_rank(name, weights.get(name, 1), contact), name), default=None)


def _rank(platform: str, weight: int, contact: str) -> float:
    """Weighted rendezvous hashing: the highest ``-weight / ln(u)`` wins, with a chance in proportion to its weight."""
    chance = ((point("platform", platform, contact) >> 12) + 0.5) / 2**52  # never 0 nor 1, also as a float
    return -weight / log(chance)
