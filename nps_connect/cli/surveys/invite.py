"""``nps-connect surveys invite``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nps_connect.cli._support import csv_input, rejected_rows
from nps_connect.cli._support.actor import audit_command
from nps_connect.cli._support.completion import complete_survey
from nps_connect.cli._support.confirm import confirm
from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.options import Options, command, confirm_options
from nps_connect.cli._support.output import format_time, pluralize, print_json, print_table
from nps_connect.cli._support.progress import progress_bar

if TYPE_CHECKING:
    from nps_connect.rules.imports.row_errors import RowErrors
    from nps_connect.services.context import Context
    from nps_connect.services.imports.campaign import Campaign
    from nps_connect.services.imports.dry_run import DryRunResult
    from nps_connect.services.imports.people import ImportedPerson

    ReadPeople = Callable[[RowErrors, Callable[[int, int], object]], Iterator[ImportedPerson]]


@command
@csv_input.file_options
@click.option("--survey", required=True, metavar="NAME", help="The survey to send.", shell_complete=complete_survey)
@click.option(
    "--campaign", metavar="NAME", help="A person is invited once per campaign name; default: the file's name."
)
@click.option("--per-day", type=click.IntRange(1), help="Invitations per day; default: half of surveys_per_day.")
@confirm_options
def invite(
    options: Options,
    /,
    file: Path,
    refused: Path | None,
    connection: str | None,
    survey: str,
    campaign: str | None,
    per_day: int | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    **file_format: Any,  # noqa: ANN401  # texts
) -> None:
    """Send a survey to the people in a CSV file, as a campaign.

    Each person becomes an event and is subject to the usual rules: cooldown, opt-outs, suppressions, quiet hours,
    surveys_per_day. A dry run precedes the confirmation prompt. Importing the same file again reaches nobody twice.
    Fields for --column: email, name, first_name, language, id.
    """
    from nps_connect.rules.imports.fields import PEOPLE_FIELDS
    from nps_connect.services.imports.dedup_store import DedupStore
    from nps_connect.services.imports.dry_run import run_dry_run
    from nps_connect.services.imports.people import read_people

    with options.open_application() as application:
        ctx = application.ctx
        plan = _build_campaign(ctx, file, survey, campaign, connection, per_day)
        required = [("email", "id")] if plan.lookup_enabled else [("email",)]
        column_options = file_format.pop("column_options")
        source = csv_input.open_file(file, **file_format)
        source, columns = csv_input.find_file_columns(
            source, PEOPLE_FIELDS, required=required, preset={}, column_options=column_options
        )
        csv_input.print_unused(columns.unused)
        with DedupStore() as dedup_store, rejected_rows.collect_rejected(refused) as errors:

            def read(errors: RowErrors, on_progress: Callable[[int, int], object]) -> Iterator[ImportedPerson]:
                rows = source.rows(on_progress)
                return read_people(rows, columns, dedup_store, errors, allow_ids=plan.lookup_enabled)

            with progress_bar("dry run", hidden=as_json) as on_progress:
                result = run_dry_run(ctx, plan, read(errors, on_progress), dedup_store, errors.on_error)
            rejected_rows.print_rejected(errors, refused)
            _check_dry_run(ctx, plan, result, as_json=as_json)
            imported = 0
            if result.people > result.already_imported and not dry_run:
                confirm(_confirmation_prompt(plan, result), yes=yes)
                with ctx.ledger.write() as session:
                    audit_command(session, f"survey:{survey}, campaign:{plan.name}")
                imported = _import_people(ctx, plan, read, hidden=as_json)
    if as_json:
        print_json(_result_json(plan, result, errors, imported))
    elif not dry_run:
        click.echo(_result_text(plan, imported))


def _build_campaign(
    ctx: Context, file: Path, survey: str, campaign: str | None, connection: str | None, per_day: int | None
) -> Campaign:
    from nps_connect.services.imports.campaign import MAX_CAMPAIGN_NAME_LENGTH, plan_campaign

    source_connection = csv_input.select_connection(ctx, survey, connection)
    name = campaign or re.sub(r"[^\w.-]+", "-", file.stem).strip("-")
    if not re.fullmatch(rf"[\w.-]{{1,{MAX_CAMPAIGN_NAME_LENGTH}}}", name):
        raise click.UsageError(
            f"use --campaign with a name of letters, digits, dots and dashes, at most {MAX_CAMPAIGN_NAME_LENGTH} long"
        )
    cap = ctx.settings.limits.surveys_per_day
    if per_day is not None and per_day > cap:
        click.echo(f"--per-day {per_day} exceeds limits.surveys_per_day; using {cap}", err=True)
    return plan_campaign(ctx, name=name, survey=survey, connection=source_connection, per_day=per_day)


def _check_dry_run(ctx: Context, plan: Campaign, result: DryRunResult, *, as_json: bool) -> None:
    """Print the result of the dry run for people, and refuse a file that cannot be imported.

    Raises:
        CommandError: the file contains no usable line, or the campaign would take too long.
    """
    from nps_connect.services.imports.campaign import MAX_CAMPAIGN_DAYS

    if not result.people:
        raise CommandError("the file contains no usable line")
    if not as_json:
        rows = sorted(result.reasons.items(), key=lambda row: -row[1])
        already_imported = [("already imported", result.already_imported)] if result.already_imported else []
        print_table(["decision", "people"], [*rows, *already_imported], empty="nobody")
        last_due = format_time(result.last_due_at, ctx.settings.core.zone)
        until = f", the last on {last_due[:10]}" if last_due else ""
        later = f"; {result.deferred} of them deferred to a later day" if result.deferred else ""
        people = pluralize(result.reachable, "person", "people")
        click.echo(f"Would reach {people}, at most {plan.per_day} a day{until}{later}.")
    if plan.days(result.reachable) > MAX_CAMPAIGN_DAYS:
        raise CommandError(
            f"at {plan.per_day} a day this campaign takes {plan.days(result.reachable)} days; increase --per-day"
        )


def _confirmation_prompt(plan: Campaign, result: DryRunResult) -> str:
    people = pluralize(result.reachable, "person", "people")
    if plan.shadow:
        return f"Record decisions for {people}, survey {plan.survey!r} (shadow mode: nothing is sent)?"
    return f"Send survey {plan.survey!r} to {people}?"


def _import_people(ctx: Context, plan: Campaign, read: ReadPeople, *, hidden: bool) -> int:
    """Import all people in batches and return their number."""
    from nps_connect.rules.imports.row_errors import RowErrors
    from nps_connect.services.imports.campaign import add_to_campaign

    imported = 0

    def add(people: list[ImportedPerson]) -> None:
        nonlocal imported
        imported += add_to_campaign(ctx, plan, people)

    def stopped(line: int) -> str:
        return (
            f"Stopped after line {line}: {pluralize(imported, 'person', 'people')} imported into campaign "
            f"{plan.name!r}. Run the same command again to import the remaining lines; nobody is invited twice."
        )

    csv_input.process_batches("importing", partial(read, RowErrors()), add, stopped, hidden=hidden)
    return imported


def _result_text(plan: Campaign, imported: int) -> str:
    if not imported:
        return f"Campaign {plan.name!r} already contains everyone; use another --campaign to invite them again."
    people = pluralize(imported, "person", "people")
    return f"{people} imported, awaiting a decision by a running worker; then see: nps-connect explain ADDRESS"


def _result_json(plan: Campaign, result: DryRunResult, errors: RowErrors, imported: int) -> dict[str, Any]:
    return {
        "campaign": plan.name,
        "survey": plan.survey,
        "connection": plan.connection,
        "mode": "shadow" if plan.shadow else "live",
        "per_day": plan.per_day,
        "people": result.people,
        "imported_before": result.already_imported,
        "would_reach": result.reachable,
        "later": result.deferred,
        "last_due": result.last_due_at,
        "reasons": dict(result.reasons),
        "not_taken": rejected_rows.rejected_json(errors),
        "taken": imported,
    }
