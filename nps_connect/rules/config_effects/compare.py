"""Compare two configurations: all effects of a change, one sentence each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from nps_connect.rules.config_effects.effect import Effect
from nps_connect.rules.config_effects.routes import find_route_effects
from nps_connect.rules.config_effects.schedules import find_schedule_effects
from nps_connect.rules.config_effects.triggers import find_trigger_effects
from nps_connect.rules.config_effects.values import find_value_effects
from nps_connect.rules.filters import Filter
from nps_connect.settings.model import Settings


@dataclass(frozen=True)
class ComparedConfig:
    """One side of a comparison.

    Attributes:
        settings: the configuration.
        filters: compiled filters by trigger label.
        values: its effective values, see `settings.effective.effective_tree`; secrets as `ConcealedSecret`.
    """

    settings: Settings
    filters: Mapping[str, Filter]
    values: Mapping[str, Any]


def compare_configs(
    old: ComparedConfig, new: ComparedConfig, *, grace_periods: Mapping[str, timedelta], now: datetime
) -> list[Effect]:
    """Return what differs in effect; empty for changes of comments, order, spelling and whatever has no effect.

    Args:
        old: the configuration before the change.
        new: the one after it.
        grace_periods: default delays of actions, by name.
        now: the moment at which events and responses are compared.
    """
    return [
        *find_value_effects(old.values, new.values),
        *find_schedule_effects(old.settings, new.settings),
        *find_trigger_effects((old.settings, old.filters), (new.settings, new.filters), now),
        *find_route_effects(old.settings, new.settings, grace_periods, now),
    ]
