"""Check recurring surveys: their interval, the connection and the filter of their population."""

from __future__ import annotations

from nps_connect.app.checks.context import CheckContext
from nps_connect.records.connectors import ConnectorInfo
from nps_connect.rules.filters import PERSON_FIELDS, FilterError, compile_filter
from nps_connect.settings.durations import format_duration
from nps_connect.settings.intervals import Interval, format_interval
from nps_connect.settings.key_paths import KeyPath
from nps_connect.settings.model import Population
from nps_connect.settings.triggers import SCHEDULE_EVENT_KIND


def check_schedules(context: CheckContext) -> None:
    """Check every recurring survey, and that no written trigger takes the place of the one that `every` implies."""
    for name, survey in context.settings.surveys.items():
        if survey.every is not None and survey.population is not None:
            _check_interval(context, ("surveys", name, "every"), survey.every)
            _check_population(context, ("surveys", name, "population"), survey.population)
    labels = {trigger.label: trigger.survey for trigger in context.settings.schedule_triggers}
    for index, trigger in enumerate(context.settings.triggers):
        if trigger.on == SCHEDULE_EVENT_KIND:
            problem = f"{SCHEDULE_EVENT_KIND!r} leads to the survey whose schedule makes it, without a trigger"
            fix = f"remove this trigger, and set surveys.{trigger.survey}.every and its population"
            context.add_mistake(("triggers", index, "on"), problem, fix=fix)
        elif trigger.label in labels:
            problem = f"{trigger.label!r} is the name of the trigger that surveys.{labels[trigger.label]}.every implies"
            context.add_mistake(("triggers", index, "name"), problem, fix="give this trigger another name")


def _has_contacts(info: ConnectorInfo) -> bool:
    """Return whether contacts may belong to a connection; people of imports without a CRM are those of a channel."""
    return info.channel or info.webhooks or info.polling


def _check_interval(context: CheckContext, key_path: KeyPath, every: Interval) -> None:
    cooldown = context.settings.limits.cooldown
    if every.length < cooldown:
        problem = f"{format_interval(every)} is shorter than limits.cooldown ({format_duration(cooldown)})"
        fix = f'set it to "{format_duration(cooldown)}" or longer, or shorten limits.cooldown'
        context.add_mistake(key_path, problem, fix=fix)


def _check_population(context: CheckContext, key_path: KeyPath, population: Population) -> None:
    context.connection(
        population.source,
        (*key_path, "from"),
        is_supported=_has_contacts,
        problem_text="has no contacts: it neither receives events nor carries messages",
    )
    if population.where is None:
        return
    where_path = (*key_path, "where")
    try:
        compiled = compile_filter(population.where, {}, open_fields=True)
    except FilterError as error:
        context.add_mistake(where_path, str(error), shown=error.render_excerpt(population.where))
        return
    history = sorted(name for name in compiled.person_fields if name.startswith("history."))
    if history:
        allowed = [name for name in PERSON_FIELDS if not name.startswith("history.")]
        problem = f"{history[0]!r} cannot be used here: a schedule knows the contact, not the history of surveys"
        context.add_mistake(where_path, problem, allowed=[*allowed, "fields of the contact at the vendor"])
