"""Effects of changed recurring surveys: who is asked, how often, and what that means for people asked before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nps_connect.rules.config_effects.effect import Effect
from nps_connect.rules.schedule import spacing
from nps_connect.settings.intervals import Interval, format_interval
from nps_connect.settings.model import Population, Settings
from nps_connect.settings.surveys import Survey

Recurring = tuple[Interval, Population]


def find_schedule_effects(old: Settings, new: Settings) -> Iterator[Effect]:
    """Yield what changes for the people of recurring surveys."""
    before, after = _recurring(old.surveys), _recurring(new.surveys)
    for name in dict.fromkeys([*before, *after]):
        if name not in after:
            yield Effect("survey", f"{name} no longer asks anybody by every")
        elif name not in before:
            every, population = after[name]
            people = _describe_population(population)
            text = f"{name} asks {people} every {format_interval(every)}, after an operator has released it"
            yield Effect("survey", text)
        else:
            yield from _find_changes(name, before[name], after[name])


def _find_changes(name: str, before: Recurring, after: Recurring) -> Iterator[Effect]:
    every, population = after
    if every != before[0]:
        half = max(1, round(spacing(every).total_seconds() / 86_400))
        text = f"{name} asks every {format_interval(every)} instead of every {format_interval(before[0])}: new slots, "
        text += f"those that have passed are spread over the rest of the period, nobody within {half} days of the last"
        yield Effect("survey", text)
    if population.source != before[1].source:
        text = f"{name} asks {_describe_population(population)} instead of {_describe_population(before[1])}, "
        yield Effect("survey", text + "after an operator has released it")
    elif population.where != before[1].where:
        text = f"{name} asks {_describe_population(population)} instead of {_describe_population(before[1])}; "
        yield Effect("survey", text + "more than twice as many people are held until an operator releases them")


def _recurring(surveys: Mapping[str, Survey]) -> dict[str, Recurring]:
    return {
        name: (survey.every, survey.population)
        for name, survey in surveys.items()
        if survey.every is not None and survey.population is not None
    }


def _describe_population(population: Population) -> str:
    condition = f" with {population.where}" if population.where is not None else ""
    return f"the contacts of {population.source}{condition}"
