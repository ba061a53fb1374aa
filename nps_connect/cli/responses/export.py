"""``nps-connect responses export``."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nps_connect.cli._support.completion import complete_survey
from nps_connect.cli._support.names import NameChoice, require_known
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import open_output, pluralize
from nps_connect.cli._support.periods import parse_period, period_options
from nps_connect.cli._support.table_output import export_options, write_rows
from nps_connect.cli.responses.list import SEGMENT_BOUNDS, text_options

if TYPE_CHECKING:
    from nps_connect.services.reports.filters import ResponseFilter
    from nps_connect.settings.model import Settings


@command
@click.option("--survey", help="Only this survey.", shell_complete=complete_survey)
@click.option("--segment", type=NameChoice(list(SEGMENT_BOUNDS)), help="Only this segment.")
@click.option(
    "--group",
    "groups",
    multiple=True,
    metavar="NAME=VALUE",
    help="Only this group: touchpoint, language, collected_by, team or a name of [core.dimensions]. Repeatable.",
)
@text_options
@period_options
@export_options
def export(
    options: Options,
    survey: str | None,
    segment: str | None,
    groups: tuple[str, ...],
    search: str | None,
    theme: str | None,
    tag: str | None,
    since: str | None,
    until: str | None,
    output: Path | None,
    as_json: bool,
    **form: Any,  # noqa: ANN401  # of the file
) -> None:
    """Export confirmed responses as CSV, JSON or JSON lines, oldest first, with contact data.

    Cells that a spreadsheet would interpret as formulas are prefixed with an apostrophe, unless --raw is given. For
    French Excel use --delimiter semicolon --excel. Only the owner of the file may read it. Another nps_connect takes
    the file with: nps-connect imports apply nps-connect FILE
    """
    from sqlmodel import col

    from nps_connect.ledger.tables import ResponseRow
    from nps_connect.services.responses import export

    with options.open_ledger() as (ledger, settings):
        grouped = replace(_parse_groups(settings, groups), text=search, theme=theme, tag=tag)
        start, end = parse_period(settings, since, until)
        with ledger.read() as session:
            survey = require_known(survey, settings.surveys, "survey", session, col(ResponseRow.survey))
        bounds = SEGMENT_BOUNDS[segment] if segment else None
        selection = export.select_responses(survey=survey, scores=bounds, since=start, until=end)
        selection += grouped.group_conditions()
        rows = export.export_responses(ledger, selection, options.zone(settings))
        with open_output(output) if output is not None else nullcontext(sys.stdout) as stream:
            count = write_rows(stream, rows, export.EXPORT_COLUMNS, as_json=as_json, **form)
    if output is not None:
        click.echo(f"{pluralize(count, 'response', 'responses')} written to {output}", err=True)


def _parse_groups(settings: Settings, groups: tuple[str, ...]) -> ResponseFilter:
    """Return the filter of the given groups.

    Raises:
        click.UsageError: there is no such group, or it is about single employees.
    """
    from nps_connect.rules.dimensions import OWNER
    from nps_connect.rules.staff_privacy import SMALL_TEAM_MEMBERS
    from nps_connect.services.reports.filters import ResponseFilter

    names = ("touchpoint", "language", "collected_by", "team", *(name for name in settings.core.dimensions))
    selected = ResponseFilter()
    for group in groups:
        name, separator, value = group.partition("=")
        if not separator or name not in names:
            raise click.UsageError(f"--group {group}: write NAME=VALUE; names are {', '.join(names)}")
        if name == "team" and value not in settings.teams:
            raise click.UsageError(f"--group {group}: there is no [teams.{value}]")
        if name == OWNER or (name == "team" and len(settings.teams[value].members) < SMALL_TEAM_MEMBERS):
            raise click.UsageError(
                f"--group {group}: responses by owner, or of a team with fewer than {SMALL_TEAM_MEMBERS} members, are "
                "figures about single employees and are not exported"
            )
        selected = selected.with_group(name, value)
    return selected
