"""Review policy: who must be asked, and which platform a contact is asked for."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import log

from nps_connect.records.connectors import ReviewPolicy
from nps_connect.records.responses import SEGMENTS, Segment, segment_of
from nps_connect.rules.routing import route_matches
from nps_connect.rules.sampling import stable_hash
from nps_connect.settings.model import Route


@dataclass(frozen=True)
class ReviewGating:
    """Routes that ask some customers less than others, on a platform that demands that everybody is asked alike.

    Attributes:
        via: the platform's connection.
        scores: those that are never asked, or less often than a higher score.
        routes: indexes of the routes that ask the others.
        accepted: the operator's written reason for it, or none: then it is a mistake of the configuration.
        never: nobody with these scores is ever asked; else they are asked less often.
    """

    via: str
    scores: tuple[int, ...]
    routes: tuple[int, ...]
    accepted: str | None
    never: bool = True

    @property
    def missing(self) -> tuple[Segment, ...]:
        """The segments that have any of the scores."""
        return tuple(segment for segment in SEGMENTS if any(segment_of(score) == segment for score in self.scores))

    @property
    def told(self) -> str:
        """The scores in words: ``passive and detractor``, or ``scores 0 and 1`` where a segment is not complete."""
        whole = [score for score in range(11) if segment_of(score) in self.missing]
        if whole == list(self.scores):
            return " and ".join(self.missing)
        return "scores " + " and ".join(str(score) for score in self.scores)


ResponseCategory = tuple[str | None, str | None, str | None]


def find_review_gating(routes: Sequence[Route], policies: Mapping[str, ReviewPolicy]) -> list[ReviewGating]:
    """Find selective invitations on platforms whose rule is `ask-everyone`.

    Routes that are limited to surveys, touchpoints or languages are judged one by one: asking the promoters of one
    survey and the detractors of another is asking neither in full. Where several platforms share the answers by weight,
    the share of a platform must not grow with the score.

    Args:
        routes: all routes of the configuration.
        policies: by connection name, for the review platforms among the connections.
    """
    found: dict[ReviewGating, None] = {}
    inviting = [(index, route) for index, route in enumerate(routes) if route.do == "invite_review"]
    for via, policy in policies.items():
        if policy.rule != "ask-everyone":
            continue
        for cell in response_categories([route for _, route in inviting]):
            gap = _gating_in(via, [(index, route) for index, route in inviting if route_covers(route, cell)])
            if gap is not None:
                found[gap] = None
    return list(found)


def response_categories(routes: Sequence[Route]) -> Iterator[ResponseCategory]:
    """Every kind of answer that some route tells apart: survey, touchpoint, language; none = one that none names."""
    yield from product(
        (None, *sorted({survey for route in routes for survey in route.surveys})),
        (None, *sorted({touchpoint for route in routes for touchpoint in route.touchpoints})),
        (None, *sorted({language for route in routes for language in route.languages})),
    )


def route_covers(route: Route, cell: ResponseCategory) -> bool:
    """Whether a route takes answers of this kind."""
    survey, touchpoint, language = cell
    return route_matches(route, survey=survey, touchpoint=touchpoint, language=language)


def _gating_in(via: str, inviting: Sequence[tuple[int, Route]]) -> ReviewGating | None:
    shares = [_share(via, score, inviting) for score in range(11)]
    here = [(index, route) for index, route in inviting if route.via == via]
    reasons = [route.accept_selective_invitation for _, route in here if route.accept_selective_invitation]
    indexes, accepted = tuple(index for index, _ in here), reasons[0] if reasons else None
    never = tuple(score for score, share in enumerate(shares) if not share)
    if never and any(shares):
        return ReviewGating(via, never, indexes, accepted)
    less = tuple(score for score, share in enumerate(shares) if share < max(shares[score:]))
    return ReviewGating(via, less, indexes, accepted, never=False) if less else None


def _share(via: str, score: int, inviting: Sequence[tuple[int, Route]]) -> Fraction:
    """Which part of those who give this score is asked for this platform."""
    weights: dict[str, int] = {}
    for _, route in inviting:
        if score in route.asked:
            weights.setdefault(route.via, route.weight)
    whole = sum(weights.values())
    return Fraction(weights.get(via, 0), whole) if whole else Fraction(0)


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
    if len(open_to) < 2:
        return open_to[0] if open_to else None
    return max(open_to, key=lambda name: (_rank(name, weights.get(name, 1), contact), name))


def _rank(platform: str, weight: int, contact: str) -> float:
    """Weighted rendezvous hashing: the highest ``-weight / ln(u)`` wins, with a chance in proportion to its weight."""
    chance = ((stable_hash("platform", platform, contact) >> 12) + 0.5) / 2**52  # never 0 nor 1, also as a float
    return -weight / log(chance)
