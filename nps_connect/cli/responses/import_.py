"""``nps-connect responses import``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

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
from nps_connect.cli._support.output import pluralize, print_fields, print_json
from nps_connect.cli._support.progress import progress_bar

if TYPE_CHECKING:
    from nps_connect.rules.imports.row_errors import RowErrors
    from nps_connect.services.context import Context
    from nps_connect.services.imports.dedup_store import DedupStore
    from nps_connect.services.imports.import_file import ImportFile
    from nps_connect.services.imports.response_rows import ImportedResponse, ResponseParser
    from nps_connect.services.imports.store_responses import ImportTotals, ResponseImport

BATCH = 500
PRESETS = ("plain", "nps-connect", "asknicely", "delighted", "surveymonkey", "typeform")
EFFECT_LABELS = {
    "write_score": "scores",
    "open_ticket": "tickets",
    "send_alert": "alerts",
    "invite_review": "review invitations",
}


@click.command("import", cls=Command)
@file_options
@click.option("--survey", required=True, metavar="NAME", help="Which survey of the configuration they answer.")
@click.option("--preset", type=click.Choice(PRESETS), default="plain", show_default=True, help="Whose export it is.")
@click.option("--connection", metavar="NAME", help="Which knows these people; the one that can look them up.")
@click.option("--timezone", metavar="ZONE", help="Of moments without one; the company's if not given.")
@click.option(
    "--dates", type=click.Choice(["day-first", "month-first"]), help="How 03/04/2026 is meant; found out if possible."
)
@click.option("--write-scores", is_flag=True, help="Write each person's newest score back, by the routes that do.")
@click.option("--route", is_flag=True, help="Let each person's newest answer take every route: tickets, reviews ...")
@click.option("--dry-run", is_flag=True, help="Say what would be taken, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask before the answers lead to anything.")
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
    preset: str,
    connection: str | None,
    timezone: str | None,
    dates: str | None,
    write_scores: bool,
    route: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Take in answers from another tool, from a CSV file.

    They count in every figure, and lead to nothing by themselves. The same file again adds nothing. Fields for
    --column: email, score, answered_at, id, comment, name, first_name, language, touchpoint, contact_id.
    """
    from nps_connect.services.imports.dedup_store import DedupStore
    from nps_connect.services.imports.route_responses import estimate_actions, with_import_routes

    with options.application() as application:
        ctx = application.ctx
        history = _build_history(ctx, survey, connection)
        acting = with_import_routes(ctx, route=route, write_scores=write_scores)
        if write_scores and not any(one.do == "write_score" for one in acting.settings.routes):
            raise click.UsageError("no route of the configuration does write_score")
        source = open_csv(file, encoding, delimiter)
        reading = _build_reading(ctx, history, source, preset, given, timezone, dates)
        with DedupStore() as scratch, collect_line_errors(refused) as faults:
            work = _ImportRun(ctx, acting, history, source, reading, scratch, hidden=as_json)
            looked = work.look(faults)
            print_line_errors(faults, refused)
            if not looked.answers:
                raise CommandError("no line of the file can be used")
            effects = estimate_actions(acting, history, scratch)
            told = looked.told(reading, timezone)
            click.echo(told, err=True)
            if effects and not as_json:
                click.echo(f"Would lead to, at most: {_format_effects(effects)}.")
            stored, done = None, Counter[str]()
            if not dry_run:
                if effects:
                    confirm("Go on?", yes=yes)
                stored = work.store(faults)
                done = work.carry_out() if effects else done
                if faults.total > looked.refused:
                    print_line_errors(faults, refused)
    if as_json:
        facts = {"survey": survey, "answers": looked.answers, "taken_before": looked.known}
        would = {"would_lead_to": dict(effects), "led_to": dict(done), "not_taken": line_errors_json(faults)}
        print_json({**facts, "taken": stored.told() if stored else None, **would})
    elif stored is not None:
        print_fields(stored.told().items())
        if done:
            click.echo(f"Led to: {_format_effects(done)}.")


def _build_history(ctx: Context, survey: str, connection: str | None) -> ResponseImport:
    from nps_connect.services.imports.people import AmbiguousConnection, choose_connection
    from nps_connect.services.imports.store_responses import ResponseImport
    from nps_connect.settings.key_paths import nearest

    if survey not in ctx.settings.surveys:
        near = nearest(survey, list(ctx.settings.surveys))
        raise click.UsageError(f"there is no survey {survey!r}" + (f"; did you mean {near!r}?" if near else ""))
    try:
        knows = choose_connection(ctx, connection, survey)
    except AmbiguousConnection as error:
        raise click.BadParameter(str(error), param_hint="--connection") from None
    return ResponseImport(survey, knows, ctx.has(knows, "nps_find_contacts"))


def _build_reading(
    ctx: Context,
    history: ResponseImport,
    source: ImportFile,
    preset: str,
    given: tuple[str, ...],
    timezone: str | None,
    dates: str | None,
) -> ResponseParser:
    from nps_connect.rules.imports import columns
    from nps_connect.services.imports.response_rows import ResponseParser, detect_day_order

    who = ("email", "contact_id") if history.lookup_enabled else ("email",)
    needed = [who, ("score",), ("answered_at",)]
    found = resolve_columns(source, columns.RESPONSE_FIELDS, given, needed=needed, preset=columns.PRESETS[preset])
    order: Any = dates
    return ResponseParser(
        columns=found,
        tool=preset,
        survey=history.survey,
        order=order or detect_day_order(source.rows(), found),
        zone=_zone(timezone or columns.PRESET_ZONES.get(preset)) or ctx.settings.core.zone,
        now=ctx.clock(),
        allow_ids=history.lookup_enabled,
    )


def _zone(name: str | None) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError):
        raise click.BadParameter("an IANA time zone such as Europe/Paris", param_hint="--timezone") from None


@dataclass
class _DryRunCounts:
    """What a first reading found."""

    answers: int = 0
    known: int = 0
    zoneless: int = 0
    refused: int = 0

    def told(self, reading: ResponseParser, timezone: str | None) -> str:
        told = f"{pluralize(self.answers, 'answer', 'answers')}, {self.known} of them taken before"
        if not self.zoneless:
            return told
        hint = "" if timezone else "; another one: --timezone"
        return f"{told}. {self.zoneless} moments without a time zone are read as {reading.zone}{hint}"


@dataclass
class _ImportRun:
    """The readings of one file."""

    ctx: Context
    acting: Context
    history: ResponseImport
    source: ImportFile
    reading: ResponseParser
    scratch: DedupStore
    hidden: bool

    def look(self, faults: RowErrors) -> _DryRunCounts:
        """Read everything once; change nothing."""
        from nps_connect.services.imports.import_file import iter_batches
        from nps_connect.services.imports.store_responses import load_existing_ids

        found = _DryRunCounts()
        with progress_bar("reading", hidden=self.hidden) as told:
            for batch in iter_batches(self._answers(faults, told), BATCH):
                found.answers += len(batch)
                found.zoneless += sum(answer.zoneless for answer in batch)
                for answer in batch:
                    self.scratch.record_score(answer.person.fingerprint, answer.answered_at, answer.score)
                with self.ctx.ledger.read() as session:
                    found.known += len(load_existing_ids(session, batch))
        found.refused = faults.total
        return found

    def store(self, faults: RowErrors) -> ImportTotals:
        """Take everything in, batch by batch; says how far it came if it is interrupted."""
        from nps_connect.services.imports.import_file import iter_batches
        from nps_connect.services.imports.store_responses import ImportTotals, store_responses

        stored, line = ImportTotals(), 1
        try:
            with progress_bar("importing", hidden=self.hidden) as told:
                for batch in iter_batches(self._again(told), BATCH):
                    store_responses(self.ctx, self.history, batch, stored, faults)
                    line = batch[-1].line
        except BaseException:
            told_ = pluralize(stored.counts["new"], "answer is", "answers are")
            click.echo(f"Stopped after line {line}: {told_} taken. Run the same command again for the rest.", err=True)
            raise
        return stored

    def carry_out(self) -> Counter[str]:
        """Plan what the answers lead to, batch by batch."""
        from nps_connect.services.imports.import_file import iter_batches
        from nps_connect.services.imports.route_responses import route_imported_responses

        done: Counter[str] = Counter()
        try:
            with progress_bar("planning", hidden=self.hidden) as told:
                for batch in iter_batches(self._again(told), BATCH):
                    done += route_imported_responses(self.acting, batch)
        except BaseException:
            click.echo(
                f"Stopped; planned so far: {_format_effects(done) or 'nothing'}. Run the same command again.", err=True
            )
            raise
        return done

    def _answers(self, faults: RowErrors, told: Callable[[int, int], object]) -> Iterator[ImportedResponse]:
        from nps_connect.services.imports.response_rows import read_responses

        return read_responses(self.source.rows(told), self.reading, self.scratch, faults)

    def _again(self, told: Callable[[int, int], object]) -> Iterator[ImportedResponse]:
        """The same answers once more; their bad lines were told."""
        from nps_connect.rules.imports.row_errors import RowErrors

        return self._answers(RowErrors(), told)


def _format_effects(effects: Counter[str]) -> str:
    return ", ".join(f"{EFFECT_LABELS.get(action, action)} {number}" for action, number in sorted(effects.items()))
