"""``nps-connect contacts import``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nps_connect.cli.asking import ask
from nps_connect.cli.guarding import Failure
from nps_connect.cli.importing import columns_of, faults_json, file_options, look_at, noting, print_faults
from nps_connect.cli.lazy import Command
from nps_connect.cli.options import Options, json_option, pass_options
from nps_connect.cli.output import counted, moment, print_json, print_table
from nps_connect.cli.progress import progress

if TYPE_CHECKING:
    from nps_connect.flows.context import Context
    from nps_connect.flows.importing.campaign import Campaign
    from nps_connect.flows.importing.people import FilePerson
    from nps_connect.flows.importing.rehearsing import Rehearsal
    from nps_connect.rules.importing.faults import Faults

    People = Callable[[Faults, Callable[[int, int], object]], Iterator[FilePerson]]

BATCH = 500


@click.command("import", cls=Command)
@file_options
@click.option("--survey", required=True, metavar="NAME", help="What they are asked.")
@click.option("--campaign", metavar="NAME", help="The same name never asks a person twice; the file's if not given.")
@click.option("--connection", metavar="NAME", help="Which knows these people; the one that can look them up.")
@click.option("--per-day", type=click.IntRange(1), help="So many a day at most; half of surveys_per_day if not given.")
@click.option("--dry-run", is_flag=True, help="Say who would be reached, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@pass_options
def import_(
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
    from nps_connect.flows.importing.people import read_people
    from nps_connect.flows.importing.rehearsing import rehearse
    from nps_connect.flows.importing.scratch import Scratch
    from nps_connect.rules.importing.columns import PEOPLE

    with options.application() as application:
        plan = _plan(application.ctx, file, survey, campaign, connection, per_day)
        source = look_at(file, encoding, delimiter)
        needed = [("email", "id")] if plan.looks_up else [("email",)]
        columns = columns_of(source, PEOPLE, given, needed=needed)
        with Scratch() as scratch, noting(refused) as faults:

            def people(faults: Faults, told: Callable[[int, int], object]) -> Iterator[FilePerson]:
                return read_people(source.rows(told), columns, scratch, faults, by_id=plan.looks_up)

            with progress("deciding", hidden=as_json) as told:
                found = rehearse(application.ctx, plan, people(faults, told), scratch, faults.told)
            _tell(application.ctx, plan, found, faults, refused, as_json=as_json)
            taken = 0
            if found.people > found.known and not dry_run:
                ask(_question(plan, found), yes=yes)
                taken = _enter(application.ctx, plan, people, hidden=as_json)
    if as_json:
        print_json(_facts(plan, found, faults, taken))
    elif not dry_run:
        click.echo(_done(plan, taken))


def _plan(
    ctx: Context, file: Path, survey: str, campaign: str | None, connection: str | None, per_day: int | None
) -> Campaign:
    from nps_connect.flows.importing.campaign import LONGEST_CAMPAIGN, plan_campaign
    from nps_connect.flows.importing.people import NoOneConnection, connection_for
    from nps_connect.settings.places import nearest

    if survey not in ctx.settings.surveys:
        near = nearest(survey, list(ctx.settings.surveys))
        raise click.UsageError(f"there is no survey {survey!r}" + (f"; did you mean {near!r}?" if near else ""))
    name = campaign or re.sub(r"[^\w.-]+", "-", file.stem).strip("-")
    if not re.fullmatch(rf"[\w.-]{{1,{LONGEST_CAMPAIGN}}}", name):
        raise click.UsageError(
            f"name the campaign with --campaign: letters, digits, dots and dashes, {LONGEST_CAMPAIGN} at most"
        )
    try:
        knows = connection_for(ctx, connection, survey)
    except NoOneConnection as error:
        raise click.BadParameter(str(error), param_hint="--connection") from None
    cap = ctx.settings.limits.surveys_per_day
    if per_day is not None and per_day > cap:
        click.echo(f"--per-day {per_day} is more than limits.surveys_per_day allows: {cap} a day.", err=True)
    return plan_campaign(ctx, name=name, survey=survey, connection=knows, per_day=per_day)


def _tell(
    ctx: Context, plan: Campaign, found: Rehearsal, faults: Faults, refused: Path | None, *, as_json: bool
) -> None:
    from nps_connect.flows.importing.campaign import LONGEST_DAYS

    print_faults(faults, refused)
    if not found.people:
        raise Failure("no line of the file can be used")
    if not as_json:
        rows = sorted(found.reasons.items(), key=lambda row: -row[1])
        before = [("imported before", found.known)] if found.known else []
        print_table(["decision", "people"], [*rows, *before], empty="nobody")
        last = moment(found.last_due, ctx.settings.core.zone)
        until = f", the last on {last[:10]}" if last else ""
        later = f"; {found.later} of them wait for a free day" if found.later else ""
        told = counted(found.reached, "person", "people")
        click.echo(f"Would reach {told}, at most {plan.per_day} a day{until}{later}.")
    if plan.days(found.reached) > LONGEST_DAYS:
        raise Failure(f"at {plan.per_day} a day this takes {plan.days(found.reached)} days; give --per-day")


def _question(plan: Campaign, found: Rehearsal) -> str:
    what = "Record what would become of" if plan.shadow else "Ask"
    mode = " (mode is shadow: nothing is sent)" if plan.shadow else ""
    return f"{what} {counted(found.reached, 'person', 'people')} by survey {plan.survey!r}{mode}?"


def _enter(ctx: Context, plan: Campaign, people: People, *, hidden: bool) -> int:
    """Take everybody in, batch by batch; says how far it came if it is interrupted."""
    from nps_connect.flows.importing.campaign import enter
    from nps_connect.flows.importing.source import batches
    from nps_connect.rules.importing.faults import Faults

    taken, line = 0, 1
    try:
        with progress("importing", hidden=hidden) as told:
            for batch in batches(people(Faults(), told), BATCH):
                taken += enter(ctx, plan, batch)
                line = batch[-1].line
    except BaseException:
        click.echo(
            f"Stopped after line {line}: {counted(taken, 'person is', 'people are')} in campaign {plan.name!r}. "
            "Run the same command again for the rest: nobody is asked twice.",
            err=True,
        )
        raise
    return taken


def _done(plan: Campaign, taken: int) -> str:
    if not taken:
        return f"Nobody is new in campaign {plan.name!r}; another --campaign begins anew."
    told = counted(taken, "person waits", "people wait")
    return f"{told} to be decided, by a running worker; then see: nps-connect explain ADDRESS"


def _facts(plan: Campaign, found: Rehearsal, faults: Faults, taken: int) -> dict[str, Any]:
    return {
        "campaign": plan.name,
        "survey": plan.survey,
        "connection": plan.connection,
        "mode": "shadow" if plan.shadow else "live",
        "per_day": plan.per_day,
        "people": found.people,
        "imported_before": found.known,
        "would_reach": found.reached,
        "later": found.later,
        "last_due": found.last_due,
        "reasons": dict(found.reasons),
        "not_taken": faults_json(faults),
        "taken": taken,
    }
