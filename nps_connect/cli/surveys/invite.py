"""``nps-connect surveys invite``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nps_connect.cli._support.confirm import confirm
from nps_connect.cli._support.csv_input import (
    collect_line_errors,
    file_options,
    line_errors_json,
    open_csv,
    print_line_errors,
    resolve_columns,
)
from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.lazy_group import Command
from nps_connect.cli._support.options import Options, json_option, pass_options
from nps_connect.cli._support.output import format_time, pluralize, print_json, print_table
from nps_connect.cli._support.progress import progress_bar

if TYPE_CHECKING:
    from nps_connect.rules.imports.row_errors import RowErrors
    from nps_connect.services.context import Context
    from nps_connect.services.imports.campaign import Campaign
    from nps_connect.services.imports.dry_run import DryRunResult
    from nps_connect.services.imports.people import ImportedPerson

    People = Callable[[RowErrors, Callable[[int, int], object]], Iterator[ImportedPerson]]

BATCH = 500


@click.command(cls=Command)
@file_options
@click.option("--survey", required=True, metavar="NAME", help="What they are asked.")
@click.option("--campaign", metavar="NAME", help="The same name never asks a person twice; the file's if not given.")
@click.option("--connection", metavar="NAME", help="Which knows these people; the one that can look them up.")
@click.option("--per-day", type=click.IntRange(1), help="So many a day at most; half of surveys_per_day if not given.")
@click.option("--dry-run", is_flag=True, help="Say who would be reached, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@pass_options
def invite(
    options: Options,
    file: Path,
    given: tuple[str, ...],
    encoding: str | None,
    delimiter: str | None,
    refused: Path | None,
    survey: str,
    campaign: str | None,
    connection: str | None,
    per_day: int | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Ask the people of a CSV file, as a campaign.

    Everybody becomes an event and is decided on by the same rules as all others: cooldown, opt-outs, suppression,
    quiet time, surveys_per_day. Before anybody is reached, it says how many would be, and asks. The same file again
    reaches nobody twice. Fields for --column: email, name, first_name, language, id.
    """
    from nps_connect.rules.imports.columns import PEOPLE_FIELDS
    from nps_connect.services.imports.dedup_store import DedupStore
    from nps_connect.services.imports.dry_run import run_dry_run
    from nps_connect.services.imports.people import read_people

    with options.application() as application:
        plan = _build_campaign(application.ctx, file, survey, campaign, connection, per_day)
        source = open_csv(file, encoding, delimiter)
        needed = [("email", "id")] if plan.lookup_enabled else [("email",)]
        columns = resolve_columns(source, PEOPLE_FIELDS, given, needed=needed)
        with DedupStore() as scratch, collect_line_errors(refused) as faults:

            def people(faults: RowErrors, told: Callable[[int, int], object]) -> Iterator[ImportedPerson]:
                return read_people(source.rows(told), columns, scratch, faults, allow_ids=plan.lookup_enabled)

            with progress_bar("deciding", hidden=as_json) as told:
                found = run_dry_run(application.ctx, plan, people(faults, told), scratch, faults.told)
            _print_dry_run(application.ctx, plan, found, faults, refused, as_json=as_json)
            taken = 0
            if found.people > found.already_imported and not dry_run:
                confirm(_confirmation_prompt(plan, found), yes=yes)
                taken = _import_people(application.ctx, plan, people, hidden=as_json)
    if as_json:
        print_json(_result_json(plan, found, faults, taken))
    elif not dry_run:
        click.echo(_result_text(plan, taken))


def _build_campaign(
    ctx: Context, file: Path, survey: str, campaign: str | None, connection: str | None, per_day: int | None
) -> Campaign:
    from nps_connect.services.imports.campaign import MAX_CAMPAIGN_NAME_LENGTH, plan_campaign
    from nps_connect.services.imports.people import AmbiguousConnection, choose_connection
    from nps_connect.settings.key_paths import nearest

    if survey not in ctx.settings.surveys:
        near = nearest(survey, list(ctx.settings.surveys))
        raise click.UsageError(f"there is no survey {survey!r}" + (f"; did you mean {near!r}?" if near else ""))
    name = campaign or re.sub(r"[^\w.-]+", "-", file.stem).strip("-")
    if not re.fullmatch(rf"[\w.-]{{1,{MAX_CAMPAIGN_NAME_LENGTH}}}", name):
        raise click.UsageError(
            f"name the campaign with --campaign: letters, digits, dots and dashes, {MAX_CAMPAIGN_NAME_LENGTH} at most"
        )
    try:
        knows = choose_connection(ctx, connection, survey)
    except AmbiguousConnection as error:
        raise click.BadParameter(str(error), param_hint="--connection") from None
    cap = ctx.settings.limits.surveys_per_day
    if per_day is not None and per_day > cap:
        click.echo(f"--per-day {per_day} is more than limits.surveys_per_day allows: {cap} a day.", err=True)
    return plan_campaign(ctx, name=name, survey=survey, connection=knows, per_day=per_day)


def _print_dry_run(
    ctx: Context, plan: Campaign, found: DryRunResult, faults: RowErrors, refused: Path | None, *, as_json: bool
) -> None:
    from nps_connect.services.imports.campaign import MAX_CAMPAIGN_DAYS

    print_line_errors(faults, refused)
    if not found.people:
        raise CommandError("no line of the file can be used")
    if not as_json:
        rows = sorted(found.reasons.items(), key=lambda row: -row[1])
        before = [("imported before", found.already_imported)] if found.already_imported else []
        print_table(["decision", "people"], [*rows, *before], empty="nobody")
        last = format_time(found.last_due_at, ctx.settings.core.zone)
        until = f", the last on {last[:10]}" if last else ""
        later = f"; {found.deferred} of them wait for a free day" if found.deferred else ""
        told = pluralize(found.reachable, "person", "people")
        click.echo(f"Would reach {told}, at most {plan.per_day} a day{until}{later}.")
    if plan.days(found.reachable) > MAX_CAMPAIGN_DAYS:
        raise CommandError(f"at {plan.per_day} a day this takes {plan.days(found.reachable)} days; give --per-day")


def _confirmation_prompt(plan: Campaign, found: DryRunResult) -> str:
    what = "Record what would become of" if plan.shadow else "Ask"
    mode = " (mode is shadow: nothing is sent)" if plan.shadow else ""
    return f"{what} {pluralize(found.reachable, 'person', 'people')} by survey {plan.survey!r}{mode}?"


def _import_people(ctx: Context, plan: Campaign, people: People, *, hidden: bool) -> int:
    """Take everybody in, batch by batch; says how far it came if it is interrupted."""
    from nps_connect.rules.imports.row_errors import RowErrors
    from nps_connect.services.imports.campaign import add_to_campaign
    from nps_connect.services.imports.import_file import iter_batches

    taken, line = 0, 1
    try:
        with progress_bar("importing", hidden=hidden) as told:
            for batch in iter_batches(people(RowErrors(), told), BATCH):
                taken += add_to_campaign(ctx, plan, batch)
                line = batch[-1].line
    except BaseException:
        click.echo(
            f"Stopped after line {line}: {pluralize(taken, 'person is', 'people are')} in campaign {plan.name!r}. "
            "Run the same command again for the rest: nobody is asked twice.",
            err=True,
        )
        raise
    return taken


def _result_text(plan: Campaign, taken: int) -> str:
    if not taken:
        return f"Nobody is new in campaign {plan.name!r}; another --campaign begins anew."
    told = pluralize(taken, "person waits", "people wait")
    return f"{told} to be decided, by a running worker; then see: nps-connect explain ADDRESS"


def _result_json(plan: Campaign, found: DryRunResult, faults: RowErrors, taken: int) -> dict[str, Any]:
    return {
        "campaign": plan.name,
        "survey": plan.survey,
        "connection": plan.connection,
        "mode": "shadow" if plan.shadow else "live",
        "per_day": plan.per_day,
        "people": found.people,
        "imported_before": found.already_imported,
        "would_reach": found.reachable,
        "later": found.deferred,
        "last_due": found.last_due_at,
        "reasons": dict(found.reasons),
        "not_taken": line_errors_json(faults),
        "taken": taken,
    }
