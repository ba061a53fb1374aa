"""``nps-connect triggers list``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nps_connect.cli._support.list_options import ListFilters, list_options
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_list

if TYPE_CHECKING:
    from nps_connect.settings.triggers import Trigger

COLUMNS = {
    "name": "name",
    "from": "from",
    "on": "on",
    "survey": "survey",
    "delay": "delay",
    "held": lambda row: row["held"] or None,
    "where": "where",
}


@command
@list_options(contact=False, period=False, pages=False)
def list_(options: Options, filters: ListFilters, as_json: bool) -> None:
    """List the configured triggers with the number of people that each holds, in the order of the file."""
    from nps_connect.ledger.current_counts import count_held

    with options.open_ledger() as (ledger, settings), ledger.read() as session:
        source, held = filters.known_connection(session, settings), count_held(session)
    rows = [trigger_json(trigger, held) for trigger in settings.all_triggers if source in (None, trigger.source)]
    print_list(rows, COLUMNS, empty="no triggers", as_json=as_json)


def trigger_json(trigger: Trigger, held: dict[str, int]) -> dict[str, Any]:
    """Return a trigger for ``--json``: the keys of its table, and how many people it holds."""
    table = trigger.model_dump(mode="json", by_alias=True)
    return {"name": trigger.label, **table | {"name": trigger.label}, "held": held.get(trigger.label, 0)}
