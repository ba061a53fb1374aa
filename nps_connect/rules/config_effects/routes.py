"""Effects of changed routes: `plan_actions` is asked for every kind of response, before and after the change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from fractions import Fraction
from typing import NamedTuple

from nps_connect.records.base import SEGMENTS
from nps_connect.records.responses import Response, segment_of
from nps_connect.rules.config_effects.effect import Effect, join_words
from nps_connect.rules.routing import PlannedAction, plan_actions
from nps_connect.settings.durations import format_duration
from nps_connect.settings.model import Settings

SCORES = range(11)
PREDICATES = {
    "write_score": "{adverb}have their score written to {via}",
    "invite_review": "are {adverb}invited to a review on {via}",
    "open_ticket": "{adverb}open a ticket in {via}",
    "send_alert": "{adverb}alert staff via {via}",
}
"""What each action is to customers, as the predicate of a sentence."""


class _Group(NamedTuple):
    """Responses that only differ in their score."""

    survey: str
    touchpoint: str
    language: str


class _Behaviour(NamedTuple):
    """What routes do for a response on one connection."""

    delay: timedelta
    lead: str
    comment: str
    share: Fraction


Plan = dict[tuple[str, str], _Behaviour]
"""By action and connection."""


def find_route_effects(
    old: Settings, new: Settings, grace_periods: Mapping[str, timedelta], now: datetime
) -> Iterator[Effect]:
    """Yield what changes for responses to the surveys of the new configuration."""
    changes: dict[str, set[tuple[_Group, int]]] = defaultdict(set)
    groups = set(_groups(new)) | {group for group in _groups(old) if group.survey in new.surveys}
    for group in sorted(groups):
        for score in reversed(SCORES):
            before = _plan(old, group, score, grace_periods, now) if group.survey in old.surveys else {}
            for text in _describe_change(before, _plan(new, group, score, grace_periods, now)):
                changes[text].add((group, score))
    for text, cells in changes.items():
        for subject in _describe_subjects(cells, groups):
            yield Effect("route", f"{subject} {text}")


def _groups(settings: Settings) -> Iterator[_Group]:
    for name, survey in settings.surveys.items():
        touchpoints = {survey.touchpoint or name}
        touchpoints |= {
            trigger.touchpoint for trigger in settings.triggers if trigger.touchpoint and trigger.survey == name
        }
        for touchpoint in touchpoints:
            for language in settings.core.languages:
                yield _Group(name, touchpoint, language)


def _plan(settings: Settings, group: _Group, score: int, grace_periods: Mapping[str, timedelta], now: datetime) -> Plan:
    response = Response(
        id="compared",
        revision=1,
        survey=group.survey,
        touchpoint=group.touchpoint,
        score=score,
        language=group.language,
        answered_at=now,
    )
    actions = plan_actions(settings.routes, response=response, grace_periods=grace_periods)
    weights = sum(action.weight for action in actions if action.action == "invite_review")
    return {
        (action.action, action.via): _Behaviour(action.delay, action.lead, action.comment, _share(action, weights))
        for action in actions
        if _share(action, weights)
    }


def _share(action: PlannedAction, weights: int) -> Fraction:
    if action.action != "invite_review":
        return Fraction(1)
    return Fraction(action.weight, weights) if weights else Fraction(0)


def _describe_change(old: Plan, new: Plan) -> Iterator[str]:
    """Yield what changes for one response, as the predicate of a sentence about customers."""
    for action, predicate in PREDICATES.items():
        lost = [via for name, via in old if name == action and (name, via) not in new]
        gained = [via for name, via in new if name == action and (name, via) not in old]
        if len(lost) == len(gained) == 1:
            yield f"{predicate.format(adverb='now ', via=gained[0])} instead of {lost[0]}"
        else:
            yield from (predicate.format(adverb="no longer ", via=via) for via in lost)
            for via in gained:
                yield predicate.format(adverb="now ", via=via) + _describe_behaviour(action, new[action, via])
        for via in [via for name, via in old if name == action and (name, via) in new]:
            before, after = old[action, via], new[action, via]
            if before != after:
                yield f"{predicate.format(adverb='', via=via)} {_describe_difference(before, after)}"


def _describe_behaviour(action: str, behaviour: _Behaviour) -> str:
    details = [f"after {format_duration(behaviour.delay)}"] if behaviour.delay else []
    if behaviour.share < 1:
        details.append(f"in {float(behaviour.share):.0%} of the cases")
    if action == "invite_review" and behaviour.lead == "help":
        details.append("in a mail that leads with help")
    return "".join(f" {detail}" for detail in details)


def _describe_difference(old: _Behaviour, new: _Behaviour) -> str:
    differences = []
    if old.delay != new.delay:
        differences.append(f"after {format_duration(new.delay)} instead of {format_duration(old.delay)}")
    if old.share != new.share:
        differences.append(f"in {float(new.share):.0%} instead of {float(old.share):.0%} of the cases")
    if old.lead != new.lead:
        differences.append(f'with lead "{new.lead}" instead of "{old.lead}"')
    if old.comment != new.comment:
        differences.append(f'with comment "{new.comment}" instead of "{old.comment}"')
    return join_words(differences)


def _describe_subjects(cells: Iterable[tuple[_Group, int]], groups: Iterable[_Group]) -> list[str]:
    """Return the customers of these responses in words, with as few distinctions as possible.

    An empty language, touchpoint or survey in a group stands for all of them.
    """
    scores: dict[_Group, set[int]] = defaultdict(set)
    for group, score in cells:
        scores[group].add(score)
    siblings = set(groups)
    for part in ("language", "touchpoint", "survey"):
        # Touchpoints belong to surveys: those of all surveys are never one.
        candidates = {group for group in siblings if part != "survey" or not group.touchpoint}
        _merge_equal(scores, candidates, part)
        siblings |= {group._replace(**{part: ""}) for group in candidates}
    surveys: dict[tuple[str, str, frozenset[int]], list[str]] = defaultdict(list)
    for group, values in sorted(scores.items()):
        surveys[group.touchpoint, group.language, frozenset(values)].append(group.survey)
    return [
        _describe_subject(touchpoint, language, values, [name for name in names if name])
        for (touchpoint, language, values), names in surveys.items()
    ]


def _merge_equal(scores: dict[_Group, set[int]], siblings: Iterable[_Group], part: str) -> None:
    """Replace groups that differ in one part only by one group, if they are all there, with the same scores."""
    families: dict[_Group, list[_Group]] = defaultdict(list)
    for group in siblings:
        families[group._replace(**{part: ""})].append(group)
    for merged, members in families.items():
        if all(scores.get(member) == scores.get(members[0], set()) for member in members) and members[0] in scores:
            values = scores[members[0]]
            for member in members:
                del scores[member]
            scores[merged] = values


def _describe_subject(touchpoint: str, language: str, scores: frozenset[int], surveys: list[str]) -> str:
    segments = [segment for segment in SEGMENTS if any(segment_of(score) == segment for score in scores)]
    if set(scores) == set(SCORES):
        subject = "customers"
    elif set(scores) == {score for score in SCORES if segment_of(score) in segments}:
        subject = join_words([f"{segment}s" for segment in segments])
    else:
        subject = f"customers with score {join_words([str(score) for score in sorted(scores)])}"
    subject += f" of {join_words(surveys)}" if surveys else ""
    subject += f" about {touchpoint}" if touchpoint else ""
    return subject + (f" in {language}" if language else "")
