"""The settings with which daily figures were made: a change of them needs ``db check --figures --repair``."""

from __future__ import annotations

from datetime import tzinfo
from typing import Any

from sqlalchemy import exists, func, select
from sqlmodel import Session, col

from nps_connect.ledger.daily_figures import RESPONSE_DIMENSIONS, DailyFigureRow, FigureSettingsRow
from nps_connect.ledger.tables import ResponseRow
from nps_connect.ledger.upserts import insert_many
from nps_connect.rules.dimensions import DimensionRules
from nps_connect.services.contacts.store import confirmed_clause

_ONLY_ROW = 1


def load_recorded_dimensions(session: Session) -> set[str]:
    """Return the names of the dimensions that were recorded for all stored responses."""
    row = session.get(FigureSettingsRow, _ONLY_ROW)
    return set() if row is None else set(row.dimensions)


def record_figure_settings(session: Session, zone: tzinfo, rules: DimensionRules) -> None:
    """Record that the figures of all stored responses are made with these settings."""
    row = _describe(zone, rules).model_dump()
    insert_many(session, FigureSettingsRow, [row], on_conflict=_overwrite)  # several workers start at the same time


def _overwrite(statement: Any) -> Any:  # noqa: ANN401  # two dialects' Insert
    columns = ("zone", "dimensions", "teams")
    return statement.on_conflict_do_update(
        index_elements=["id"], set_={name: getattr(statement.excluded, name) for name in columns}
    )


def record_first_settings(session: Session, zone: tzinfo, rules: DimensionRules) -> None:
    """Record the settings while there is no response whose figures could have been made with others."""
    if not has_responses(session):
        record_figure_settings(session, zone, rules)


def find_changed_settings(session: Session, zone: tzinfo, rules: DimensionRules) -> list[str]:
    """Return what changed since the figures were made, such as ``core.timezone`` or ``teams.lyon``."""
    row, current = session.get(FigureSettingsRow, _ONLY_ROW), _describe(zone, rules)
    if row is None:
        row = FigureSettingsRow(id=_ONLY_ROW, zone=current.zone, dimensions={}, teams={})
    changed = ["core.timezone"] if row.zone != current.zone else []
    names = sorted(row.dimensions.keys() | current.dimensions.keys())
    changed += [f"core.dimensions.{name}" for name in names if row.dimensions.get(name) != current.dimensions.get(name)]
    teams = sorted(row.teams.keys() | current.teams.keys())
    changed += [f"teams.{name}" for name in teams if row.teams.get(name) != current.teams.get(name)]
    return [*changed, "the version of nps-connect"] if _lacks_families(session) else changed


def has_responses(session: Session) -> bool:
    """Return whether there is a confirmed response."""
    return bool(session.execute(select(exists().where(confirmed_clause(), col(ResponseRow.id) > 0))).scalar())


def _lacks_families(session: Session) -> bool:
    """Return whether an earlier version made figures, which had one dimension."""
    figures = DailyFigureRow.__table__.c
    first_days = [
        session.connection().execute(select(func.min(figures.day)).where(figures.dimension == dimension)).scalar()
        for dimension in RESPONSE_DIMENSIONS
    ]
    return len(set(first_days)) > 1


def _describe(zone: tzinfo, rules: DimensionRules) -> FigureSettingsRow:
    teams = {name: team.definition for name, team in rules.teams.items()}
    return FigureSettingsRow(id=_ONLY_ROW, zone=str(zone), dimensions=dict(rules.fields), teams=teams)
