"""``nps-connect surveys list``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nps_connect.cli._support.list_options import ListFilters, list_options
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_list

if TYPE_CHECKING:
    from nps_connect.ledger.pauses import PauseRow
    from nps_connect.settings.model import Settings

COLUMNS = {
    "name": "name",
    "channel": "channel",
    "touchpoint": "touchpoint",
    "paused": "paused",
    "triggers": lambda row: ", ".join(row["triggers"]),
}


@command
@list_options(contact=False, period=False, pages=False)
def list_(options: Options, filters: ListFilters, as_json: bool) -> None:
    """List the configured surveys with their triggers and pauses; --connection selects by channel."""
    from nps_connect.ledger import pauses

    with options.open_ledger() as (ledger, settings), ledger.read() as session:
        channel, paused = filters.known_connection(session, settings), pauses.load_pauses(session)
    rows = [survey_json(settings, name, paused) for name in settings.surveys]
    chosen = [row for row in rows if channel is None or row["channel"] == channel]
    print_list(chosen, COLUMNS, empty="no surveys", as_json=as_json)


def survey_json(settings: Settings, name: str, paused: dict[str, PauseRow]) -> dict[str, Any]:
    """Return a survey for ``--json``: the keys of its table, its triggers, and why it is paused."""
    from nps_connect.ledger import pauses

    survey, pause = settings.surveys[name], paused.get(pauses.survey_scope(name))
    return {
        "name": name,
        **survey.model_dump(mode="json"),
        "touchpoint": survey.touchpoint or name,
        "reminders": survey.reminders if survey.reminder_after is not None else 0,
        "triggers": [trigger.label for trigger in settings.all_triggers if trigger.survey == name],
        "paused": pause.reason if pause is not None else None,
    }
