"""Record the dimensions and teams of responses, in the transaction that first confirms them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import tzinfo
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger.bulk_sql import in_list
from nps_connect.ledger.daily_figures import CountedResponse, Figure, add_to_figures, response_figures
from nps_connect.ledger.response_dimensions import ResponseDimensionRow
from nps_connect.ledger.tables import ContactRow, EventRow, InvitationRow, ResponseRow
from nps_connect.ledger.upserts import insert_many
from nps_connect.rules.dimensions import TEAM_FILTER_FIELDS, DimensionRules, Group

_SELECT_GROUPS = select(ResponseDimensionRow.__table__).where(
    in_list(col(ResponseDimensionRow.response_id), "response_ids")
)
_SELECT_COUNTED = select(
    col(ResponseRow.id),
    *(ResponseRow.__table__.c[name] for name in CountedResponse._fields if name != "groups"),
).where(in_list(col(ResponseRow.id), "response_ids"))
_SELECT_FACTS = (
    select(
        col(ResponseRow.id),
        *(ResponseRow.__table__.c[name] for name in TEAM_FILTER_FIELDS),
        col(EventRow.record).label("event_record"),
        col(ContactRow.record).label("contact_record"),
    )
    .join(InvitationRow, col(InvitationRow.id) == col(ResponseRow.invitation_id))
    .join(ContactRow, col(ContactRow.id) == col(ResponseRow.contact_id))
    .outerjoin(EventRow, col(EventRow.id) == col(InvitationRow.event_id))
    .where(in_list(col(ResponseRow.id), "response_ids"))
)


def record_dimensions(
    rules: DimensionRules, session: Session, *, new_ids: Sequence[int], repeated_ids: Sequence[int] = ()
) -> dict[int, tuple[Group, ...]]:
    """Record the groups of new responses.

    They are known before the answer and stay: a revision of the response does not change them.

    Args:
        rules: of the configuration.
        session: the transaction that writes the responses.
        new_ids: responses that are confirmed for the first time.
        repeated_ids: responses that had a revision before.

    Returns:
        The groups by the id of the response, of those that have any.
    """
    if not rules:
        return {}
    groups: dict[int, tuple[Group, ...]] = load_groups(session, repeated_ids) if repeated_ids else {}
    new_groups = {
        response_id: (*values.items(), *teams) for response_id, values, teams in _read(rules, session, new_ids)
    }
    insert_groups(session, new_groups)
    return groups | new_groups


def count_new_responses(rules: DimensionRules, session: Session, zone: tzinfo, response_ids: Sequence[int]) -> None:
    """Record the groups of confirmed responses that are stored already, and count them in the daily figures."""
    groups = record_dimensions(rules, session, new_ids=response_ids)
    changes = Counter[Figure]()
    for response_id, *columns in session.connection().execute(_SELECT_COUNTED, {"response_ids": list(response_ids)}):
        counted = CountedResponse(*columns)._replace(groups=groups.get(response_id, ()))
        changes.update(response_figures(zone, counted))
    add_to_figures(session, changes)


def load_groups(session: Session, response_ids: Sequence[int]) -> dict[int, tuple[Group, ...]]:
    """Return the recorded groups of responses; those without any are absent."""
    groups: dict[int, list[Group]] = defaultdict(list)
    for response_id, name, value in session.connection().execute(_SELECT_GROUPS, {"response_ids": list(response_ids)}):
        groups[response_id].append((name, value))
    return {response_id: tuple(pairs) for response_id, pairs in groups.items()}


def insert_groups(session: Session, groups: Mapping[int, Iterable[Group]]) -> None:
    """Insert groups by the id of the response; those that exist stay."""
    rows = [
        {"response_id": response_id, "name": name, "value": value}
        for response_id, pairs in groups.items()
        for name, value in pairs
    ]
    insert_many(session, ResponseDimensionRow, rows, skip_existing=("response_id", "name", "value"))


def read_dimensions(rules: DimensionRules, session: Session, response_ids: Sequence[int]) -> dict[int, dict[str, str]]:
    """Return the dimensions of responses as their events and contacts say now."""
    return {response_id: values for response_id, values, _ in _read(rules, session, response_ids)}


def _read(
    rules: DimensionRules, session: Session, response_ids: Sequence[int]
) -> Iterable[tuple[int, dict[str, str], list[Group]]]:
    """Yield responses with their dimensions and teams, as events and contacts say now."""
    if not response_ids:
        return
    rows: Any = session.connection().execute(_SELECT_FACTS, {"response_ids": list(response_ids)})
    for row in rows:
        values = rules.read_dimensions(_fields(row.event_record), _fields(row.contact_record))
        facts = {name: getattr(row, name) for name in TEAM_FILTER_FIELDS}
        yield row.id, values, rules.find_teams({**facts, **values})


def _fields(record: Mapping[str, Any] | None) -> Mapping[str, Any]:
    return (record or {}).get("fields") or {}
