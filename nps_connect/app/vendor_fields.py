"""Fields of vendors that the configuration names: compiled filters, and what plugins are asked to read and check."""

from __future__ import annotations

from collections.abc import Mapping

from nps_connect.connection import ConnectionSettings
from nps_connect.plugins import Plugins
from nps_connect.records.connectors import EventKind
from nps_connect.records.contact_fields import ContactFieldUse
from nps_connect.records.filters import FilterUse
from nps_connect.rules.filters import Filter, compile_filter
from nps_connect.settings.model import Settings, Trigger


def compile_filters(
    settings: Settings, plugins: Plugins, connection_settings: Mapping[str, ConnectionSettings]
) -> dict[str, Filter]:
    """Return the compiled filters, by trigger label."""
    filters = {}
    for trigger in settings.triggers:
        if trigger.where is not None:
            event_kind = _trigger_event_kind(trigger, plugins, connection_settings)
            filters[trigger.label] = compile_filter(
                trigger.where, event_kind.fields, open_fields=event_kind.open_fields
            )
    for schedule in settings.schedule_triggers:
        population = settings.surveys[schedule.survey].population
        if population is not None and population.where is not None:
            filters[schedule.label] = compile_filter(population.where, {}, open_fields=True)
    return filters


def _trigger_event_kind(
    trigger: Trigger, plugins: Plugins, connection_settings: Mapping[str, ConnectionSettings]
) -> EventKind:
    """Return the declaration of the event kind that a trigger of a valid configuration listens to."""
    settings = connection_settings[trigger.source]
    return next(kind for kind in plugins.infos[settings.plugin].event_kinds(settings) if kind.name == trigger.on)


def build_filter_uses(
    settings: Settings,
    plugins: Plugins,
    connection_settings: Mapping[str, ConnectionSettings],
    filters: Mapping[str, Filter],
) -> dict[str, tuple[FilterUse, ...]]:
    """Return, by connection, the fields that filters use and the plugin does not declare."""
    uses: dict[str, tuple[FilterUse, ...]] = {}
    for trigger in settings.triggers:
        trigger_filter = filters.get(trigger.label)
        if trigger_filter is None:
            continue
        declared = _trigger_event_kind(trigger, plugins, connection_settings).fields
        undeclared = sorted(trigger_filter.names - declared.keys())
        fields = {name: tuple(sorted(trigger_filter.compared_types.get(name, ()))) for name in undeclared}
        use = FilterUse(trigger=trigger.label, on=trigger.on, fields=fields)
        uses[trigger.source] = (*uses.get(trigger.source, ()), use)
    for schedule in settings.schedule_triggers:
        population_filter = filters.get(schedule.label)
        if population_filter is not None:
            types = population_filter.compared_types
            fields = {name: tuple(sorted(types.get(name, ()))) for name in sorted(population_filter.names)}
            use = FilterUse(trigger=schedule.label, on=schedule.on, fields=fields)
            uses[schedule.source] = (*uses.get(schedule.source, ()), use)
    return uses


def contact_field_uses(settings: Settings) -> tuple[ContactFieldUse, ...]:
    """Return the contact fields that the settings name, for every connection, each once.

    The field of a dimension or of a fact may be one of events instead.
    """
    cases = settings.cases
    is_only_source = len({trigger.source for trigger in settings.triggers}) <= 1
    required = {"cases.owner_field": cases.owner_field, "cases.phone_field": cases.phone_field}
    optional = {f"core.dimensions.{name}": source for name, source in settings.core.dimensions.items()}
    optional |= {f"cases.facts.{label}": source for label, source in cases.facts.items()}
    uses: dict[str, ContactFieldUse] = {}
    for setting, name in (required | optional).items():
        if name is not None and name not in uses:
            is_only = is_only_source and setting in required
            uses[name] = ContactFieldUse(setting=setting, field=name, is_only_source=is_only)
    return tuple(uses.values())
