"""The people of a proof: for every trigger, everybody whose case the configuration treats differently."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from nps_connect.records.base import FieldValue
from nps_connect.records.responses import segment_of
from nps_connect.rules.filter_examples import TooManyCombinations, find_field_values
from nps_connect.rules.filters import Filter
from nps_connect.sandbox.population import COMMENTS, FIRST_NAMES, LAST_NAMES, Customer, Persona
from nps_connect.settings.model import Route, ScheduleTrigger, Settings, Trigger
from nps_connect.simulation import SimulatedPerson

Role = Literal["respondent", "silent", "opted_out", "opts_out_before_mail", "unsubscribes", "control"]
"""What a person does: responds; does nothing; opted out at the vendor before the event, or between event and mail;
unsubscribes by the link of the mail; does nothing, and has an event with the account's own values, whatever the filter
says: what differs from it explains why an event of the others is not reported."""

Choices = Mapping[str, Sequence[FieldValue]]
"""The values that fields of an event can have in the account, by field; others can have any."""

EMAIL_DOMAIN_FIELD, LANGUAGE_FIELD = "contact.email_domain", "contact.language"
NAME_FIELD = "contact.name"
EMAIL_DOMAIN = "example.com"

NEW_PERSON: Choices = {
    "contact.timezone": (),
    "history.answers": (0,),
    "history.last_score": (),
    "history.last_answered_at": (),
    "history.last_surveyed_at": (),
}
"""What filters see of a person who was never surveyed before, as the people of a proof."""

RESPONSE_WAITS = (timedelta(hours=1), timedelta(hours=20), timedelta(hours=44))
"""How long people take to respond."""

NOTICEABLE_DELAY = timedelta(hours=3)
"""Delay of a trigger from which on somebody can opt out between the event and the mail."""


@dataclass(frozen=True)
class Player:
    """One person of a proof.

    Attributes:
        number: 1 for the first.
        trigger: the trigger whose event happens to the person.
        fields: values of the event's fields.
        role: what the person does.
        customer: the person with score and comment.
        response_wait: from the mail to the response.
    """

    number: int
    trigger: Trigger
    fields: Mapping[str, FieldValue]
    role: Role
    customer: Customer
    response_wait: timedelta = RESPONSE_WAITS[0]

    @property
    def email(self) -> str:
        """The person's address."""
        return self.customer.email

    @property
    def score(self) -> int:
        """The score of a respondent.

        Raises:
            ValueError: the person does not respond.
        """
        if self.customer.persona.score is None:
            raise ValueError(f"person {self.number} gives no score")
        return self.customer.persona.score


@dataclass
class Cast:
    """Everybody who takes part.

    Attributes:
        players: the people, in order.
        impossible: filter of each trigger that no event can pass, by label.
        untested: why a trigger is not played, by label.
    """

    players: list[Player] = field(default_factory=list)
    impossible: dict[str, Filter] = field(default_factory=dict)
    untested: dict[str, str] = field(default_factory=dict)


def build_cast(settings: Settings, filters: Mapping[str, Filter], choices: Mapping[str, Choices], seed: int) -> Cast:
    """Return the people of a proof.

    Args:
        settings: the configuration.
        filters: compiled filters by trigger label.
        choices: possible values of fields, by trigger label.
        seed: of names, comments and waiting times.
    """
    cast, rng = Cast(), random.Random(f"cast:{seed}")  # noqa: S311  # repeatable
    for trigger in settings.all_triggers:
        compiled = filters.get(trigger.label)
        try:
            if compiled is not None and find_field_values(compiled, choices=choices.get(trigger.label)) is None:
                cast.impossible[trigger.label] = compiled
                continue
            if isinstance(trigger, ScheduleTrigger):
                cast.untested[trigger.label] = "its filter can hold; the people of its population are not played"
                continue
            rivals = rival_filters(settings, trigger, filters)
            options = choices.get(trigger.label, {})
            fields_by_language = dict(_fields_by_language(settings, compiled, options, rivals))
        except TooManyCombinations as error:
            cast.untested[trigger.label] = str(error)
            continue
        if not fields_by_language:
            cast.untested[trigger.label] = "its filter accepts only people who were surveyed before"
            continue
        parts = list(_parts(settings, trigger, list(fields_by_language)))
        if any(isinstance(value, str) for value in event_fields(next(iter(fields_by_language.values()))).values()):
            parts.append((next(iter(fields_by_language)), "control", None))
        for language, role, score in parts:
            number = len(cast.players) + 1
            fields = fields_by_language[language] if role != "control" else {}
            cast.players.append(_build_player(number, trigger, fields, language, role, score, rng))
    return cast


def event_fields(fields: Mapping[str, FieldValue]) -> dict[str, FieldValue]:
    """Return the values of the event itself, without those of the contact and of the history."""
    return {name: value for name, value in fields.items() if not name.startswith(("contact.", "history."))}


def rival_filters(settings: Settings, trigger: Trigger, filters: Mapping[str, Filter]) -> list[Filter]:
    """Return the filters of the triggers that win an event over this one."""
    ranked = sorted(settings.triggers, key=lambda other: -other.priority)
    winners = ranked[: [other.label for other in ranked].index(trigger.label)]
    return [
        filters[other.label]
        for other in winners
        if (other.source, other.on) == (trigger.source, trigger.on) and other.label in filters
    ]


def _fields_by_language(
    settings: Settings, compiled: Filter | None, choices: Choices, rivals: Sequence[Filter]
) -> Iterator[tuple[str, dict[str, FieldValue]]]:
    """Yield the languages in which the filter accepts new people, each with values that it accepts.

    If possible, they are values that the filters of its rivals refuse.
    """
    for language in settings.core.languages:
        options = {**choices, **NEW_PERSON, LANGUAGE_FIELD: (language,)}
        values = find_field_values(compiled, choices=options, refusing=rivals)
        if values is None:
            values = find_field_values(compiled, choices=options)
        if values is not None:
            yield language, values


def _parts(settings: Settings, trigger: Trigger, languages: Sequence[str]) -> Iterator[tuple[str, Role, int | None]]:
    """Yield language, role and score of each person of a trigger: every language with every group of scores."""
    for language in languages:
        for scores in score_groups(settings.routes):
            yield language, "respondent", scores[len(scores) // 2]
    yield languages[0], "silent", None
    yield languages[-1], "opted_out", None
    yield languages[0], "unsubscribes", None
    if trigger.delay.wait >= NOTICEABLE_DELAY or trigger.delay.day is not None:
        yield languages[0], "opts_out_before_mail", None


def score_groups(routes: Sequence[Route]) -> list[tuple[int, ...]]:
    """Return the scores in groups that the routes treat alike, lowest first."""
    groups: dict[tuple[object, ...], list[int]] = {}
    for score in range(11):
        key = segment_of(score), *(index for index, route in enumerate(routes) if score in route.accepted_scores)
        groups.setdefault(key, []).append(score)
    return [tuple(scores) for scores in groups.values()]


def _build_player(
    number: int,
    trigger: Trigger,
    fields: Mapping[str, FieldValue],
    language: str,
    role: Role,
    score: int | None,
    rng: random.Random,
) -> Player:
    texts = language.partition("-")[0] if language.partition("-")[0] in COMMENTS else "en"
    name = fields.get(NAME_FIELD) or f"{rng.choice(FIRST_NAMES[texts])} {rng.choice(LAST_NAMES[texts])} {number}"
    domain = fields.get(EMAIL_DOMAIN_FIELD) or EMAIL_DOMAIN
    comment = rng.choice(COMMENTS[texts][segment_of(score)]) if score is not None else None
    person = SimulatedPerson(
        email=f"person-{number:03d}@{domain}", name=str(name), language=language, opted_out=role == "opted_out"
    )
    return Player(
        number=number,
        trigger=trigger,
        fields=event_fields(fields),
        role=role,
        customer=Customer(person, Persona(score, "send" if score is not None else "ignore"), comment),
        response_wait=RESPONSE_WAITS[number % len(RESPONSE_WAITS)],
    )
