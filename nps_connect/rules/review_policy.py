"""Review policy: whom a platform requires to be asked, and which platform a contact is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import log

from nps_connect.records.base import SEGMENTS, Segment
from nps_connect.records.connectors import ReviewPolicy
from nps_connect.records.responses import segment_of
from nps_connect.rules.routing import route_matches
from nps_connect.rules.sampling import stable_hash
from nps_connect.settings.model import Route


@dataclass(frozen=True)
class ReviewGating:
    """Routes that ask some customers less often than others, on a platform that requires asking everybody alike.

    Attributes:
        via: connection of the platform.
        scores: scores that are never asked, or less often than a higher score.
        routes: indexes of the routes that ask the others.
        accepted: the operator's written reason; None makes it a configuration error.
        never: nobody with these scores is asked at all.
    """

    via: str
    scores: tuple[int, ...]
    routes: tuple[int, ...]
    accepted: str | None
    never: bool = True

    @property
    def missing(self) -> tuple[Segment, ...]:
        """Return the segments that contain any of the scores."""
        return tuple(segment for segment in SEGMENTS if any(segment_of(score) == segment for score in self.scores))

    @property
    def description(self) -> str:
        """Return the scores in words: ``passive and detractor``, or ``scores 0 and 1`` for parts of a segment."""
        complete = [score for score in range(11) if segment_of(score) in self.missing]
        if complete == list(self.scores):
            return " and ".join(self.missing)
        return "scores " + " and ".join(str(score) for score in self.scores)


ResponseCategory = tuple[str | None, str | None, str | None]


def find_review_gating(routes: Sequence[Route], policies: Mapping[str, ReviewPolicy]) -> list[ReviewGating]:
    """Return the selective invitations on platforms whose rule is `ask-everyone`.

    Every combination of survey, touchpoint and language is checked on its own: asking the promoters of one survey and
    the detractors of another asks neither in full. Where several platforms share responses by weight, the share of a
    platform must not grow with the score.

    Args:
        routes: all routes of the configuration.
        policies: policies of the review platforms, by connection.
    """
    gaps: dict[ReviewGating, None] = {}
    inviting = [(index, route) for index, route in enumerate(routes) if route.do == "invite_review"]
    for via, policy in policies.items():
        if policy.rule != "ask-everyone":
            continue
        for category in response_categories([route for _, route in inviting]):
            gap = _find_gap(via, [(index, route) for index, route in inviting if route_covers(route, category)])
            if gap is not None:
                gaps[gap] = None
    return list(gaps)


def response_categories(routes: Sequence[Route]) -> Iterator[ResponseCategory]:
    """Yield each survey, touchpoint and language that the routes distinguish; None is one that no route names."""
    yield from product(
        (None, *sorted({survey for route in routes for survey in route.surveys})),
        (None, *sorted({touchpoint for route in routes for touchpoint in route.touchpoints})),
        (None, *sorted({language for route in routes for language in route.languages})),
    )


def route_covers(route: Route, category: ResponseCategory) -> bool:
    """Return whether a route matches responses of this category."""
    survey, touchpoint, language = category
    return route_matches(route, survey=survey, touchpoint=touchpoint, language=language)


def _find_gap(via: str, inviting: Sequence[tuple[int, Route]]) -> ReviewGating | None:
    shares = [_share(via, score, inviting) for score in range(11)]
    to_platform = [(index, route) for index, route in inviting if route.via == via]
    reasons = [route.accept_selective_invitation for _, route in to_platform if route.accept_selective_invitation]
    indexes, accepted = tuple(index for index, _ in to_platform), reasons[0] if reasons else None
    never = tuple(score for score, share in enumerate(shares) if not share)
    if never and any(shares):
        return ReviewGating(via, never, indexes, accepted)
    less = tuple(score for score, share in enumerate(shares) if share < max(shares[score:]))
    return ReviewGating(via, less, indexes, accepted, never=False) if less else None


def _share(via: str, score: int, inviting: Sequence[tuple[int, Route]]) -> Fraction:
    """Return the share (0 to 1) of the customers with this score that are asked for the platform."""
    weights: dict[str, int] = {}
    for _, route in inviting:
        if score in route.accepted_scores:
            weights.setdefault(route.via, route.weight)
    total = sum(weights.values())
    return Fraction(weights.get(via, 0), total) if total else Fraction(0)


def choose_platform(platforms: Sequence[str], weights: Mapping[str, int], contact: str) -> str | None:
    """Choose the platform that a contact is asked for; None if there is none with a weight.

    Over many contacts the shares follow the weights. One contact gets the same platform every time. A new platform
    moves only the contacts that now belong to it.

    Args:
        platforms: connections that may be chosen.
        weights: by connection; 1 where missing, 0 means never.
        contact: a stable id of the contact.
    """
    candidates = [name for name in platforms if weights.get(name, 1) > 0]
    if len(candidates) < 2:
        return candidates[0] if candidates else None
    return max(candidates, key=lambda name: (_rank(name, weights.get(name, 1), contact), name))


def _rank(platform: str, weight: int, contact: str) -> float:
    """Weighted rendezvous hashing: the highest ``-weight / ln(u)`` wins, in proportion to its weight."""
    uniform = ((stable_hash("platform", platform, contact) >> 12) + 0.5) / 2**52  # never 0 or 1, even as a float
    return -weight / log(uniform)
