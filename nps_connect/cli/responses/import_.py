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
    BATCH_SIZE,
    collect_line_errors,
    file_options,
    line_errors_json,
    open_csv,
    print_line_errors,
    resolve_columns,
    select_connection,
)
from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.options import Options, command, confirm_options
from nps_connect.cli._support.output import pluralize, print_fields, print_json
from nps_connect.cli._support.progress import progress_bar

if TYPE_CHECKING:
    from nps_connect.rules.imports.row_errors import RowErrors
    from nps_connect.services.context import Context
    from nps_connect.services.imports.dedup_store import DedupStore
    from nps_connect.services.imports.import_file import ImportFile
    from nps_connect.services.imports.response_rows import ImportedResponse, ResponseParser
    from nps_connect.services.imports.store_responses import ImportTotals, ResponseImport

PRESETS = ("plain", "nps-connect", "asknicely", "delighted", "surveymonkey", "typeform")
EFFECT_LABELS = {
    "write_score": "scores",
    "open_ticket": "tickets",
    "send_alert": "alerts",
    "invite_review": "review invitations",
}


@command
@file_options
@click.option("--survey", required=True, metavar="NAME", help="The configured survey that the responses belong to.")
@click.option("--preset", type=click.Choice(PRESETS), default="plain", show_default=True, help="Format of the export.")
@click.option(
    "--connection", metavar="NAME", help="Connection that knows these people; default: the one with a contact lookup."
)
@click.option("--timezone", metavar="ZONE", help="Zone of times without one; default: the company's time zone.")
@click.option(
    "--dates", type=click.Choice(["day-first", "month-first"]), help="How to read 03/04/2026; detected if possible."
)
@click.option("--write-scores", is_flag=True, help="Write each person's newest score back through write_score routes.")
@click.option("--route", is_flag=True, help="Apply all routes to each person's newest response: tickets, reviews, ...")
@confirm_options
def import_(
    options: Options,
    file: Path,
    column_options: tuple[str, ...],
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
    """Import responses from another tool, from a CSV file.

    Imported responses count in all reports and trigger nothing by default. Idempotent: importing the same file again
    adds nothing. Fields for --column: email, score, answered_at, id, comment, name, first_name, language, touchpoint,
    contact_id.
    """
    from nps_connect.services.imports.dedup_store import DedupStore
    from nps_connect.services.imports.route_responses import estimate_actions, with_import_routes

    with options.open_application() as application:
        ctx = application.ctx
        target = _build_target(ctx, survey, connection)
        routing_ctx = with_import_routes(ctx, route=route, write_scores=write_scores)
        if write_scores and not any(configured.do == "write_score" for configured in routing_ctx.settings.routes):
            raise click.UsageError("no configured route does write_score")
        source = open_csv(file, encoding, delimiter)
        parser = _build_parser(ctx, target, source, preset, column_options, timezone, dates)
        with DedupStore() as dedup_store, collect_line_errors(refused) as errors:
            run = _ImportRun(ctx, routing_ctx, target, source, parser, dedup_store, hidden=as_json)
            counts = run.dry_run(errors)
            print_line_errors(errors, refused)
            if not counts.responses:
                raise CommandError("the file contains no usable line")
            planned_effects = estimate_actions(routing_ctx, target, dedup_store)
            click.echo(counts.summary(parser, timezone), err=True)
            if planned_effects and not as_json:
                click.echo(f"Would create at most: {_format_effects(planned_effects)}.")
            totals, effects = None, Counter[str]()
            if not dry_run:
                if planned_effects:
                    confirm("Continue?", yes=yes)
                totals = run.store(errors)
                effects = run.route() if planned_effects else effects
                if errors.total > counts.rejected:
                    print_line_errors(errors, refused)
    if as_json:
        print_json(
            {
                "survey": survey,
                "answers": counts.responses,
                "taken_before": counts.already_imported,
                "taken": totals.as_dict() if totals else None,
                "would_lead_to": dict(planned_effects),
                "led_to": dict(effects),
                "not_taken": line_errors_json(errors),
            }
        )
    elif totals is not None:
        print_fields(totals.as_dict())
        if effects:
            click.echo(f"Created: {_format_effects(effects)}.")


def _build_target(ctx: Context, survey: str, connection: str | None) -> ResponseImport:
    from nps_connect.services.imports.store_responses import ResponseImport

    source_connection = select_connection(ctx, survey, connection)
    return ResponseImport(survey, source_connection, ctx.has(source_connection, "nps_find_contacts"))


def _build_parser(
    ctx: Context,
    target: ResponseImport,
    source: ImportFile,
    preset: str,
    column_options: tuple[str, ...],
    timezone: str | None,
    dates: str | None,
) -> ResponseParser:
    from nps_connect.rules.imports import columns
    from nps_connect.services.imports.response_rows import ResponseParser, detect_day_order

    person_fields = ("email", "contact_id") if target.lookup_enabled else ("email",)
    mapping = resolve_columns(
        source,
        columns.RESPONSE_FIELDS,
        column_options,
        required=[person_fields, ("score",), ("answered_at",)],
        preset=columns.PRESETS[preset],
    )
    order: Any = dates
    return ResponseParser(
        columns=mapping,
        tool=preset,
        survey=target.survey,
        day_order=order or detect_day_order(source.rows(), mapping),
        zone=_parse_zone(timezone or columns.PRESET_ZONES.get(preset)) or ctx.settings.core.zone,
        now=ctx.clock(),
        allow_ids=target.lookup_enabled,
    )


def _parse_zone(name: str | None) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError):
        raise click.BadParameter("an IANA time zone such as Europe/Paris", param_hint="--timezone") from None


@dataclass
class _DryRunCounts:
    """The result of the dry run.

    Attributes:
        responses: usable lines.
        already_imported: how many of them are in the ledger.
        zoneless: how many of them have a time without a zone.
        rejected: lines that cannot be used.
    """

    responses: int = 0
    already_imported: int = 0
    zoneless: int = 0
    rejected: int = 0

    def summary(self, parser: ResponseParser, timezone: str | None) -> str:
        """Return the counts in one sentence, with the time zone assumed for times without one."""
        text = f"{pluralize(self.responses, 'response', 'responses')}, {self.already_imported} already imported"
        if not self.zoneless:
            return text
        hint = "" if timezone else "; to change it: --timezone"
        return f"{text}. {self.zoneless} times without a time zone are read as {parser.zone}{hint}"


@dataclass
class _ImportRun:
    """The passes over one file: dry run, storing, routing."""

    ctx: Context
    routing_ctx: Context
    target: ResponseImport
    source: ImportFile
    parser: ResponseParser
    dedup_store: DedupStore
    hidden: bool

    def dry_run(self, errors: RowErrors) -> _DryRunCounts:
        """Read and count all responses; change nothing."""
        from nps_connect.services.imports.import_file import iter_batches
        from nps_connect.services.imports.store_responses import load_existing_ids

        counts = _DryRunCounts()
        with progress_bar("reading", hidden=self.hidden) as on_progress:
            for batch in iter_batches(self._read(errors, on_progress), BATCH_SIZE):
                counts.responses += len(batch)
                counts.zoneless += sum(response.zoneless for response in batch)
                for response in batch:
                    self.dedup_store.record_score(response.person.fingerprint, response.answered_at, response.score)
                with self.ctx.ledger.read() as session:
                    counts.already_imported += len(load_existing_ids(session, batch))
        counts.rejected = errors.total
        return counts

    def store(self, errors: RowErrors) -> ImportTotals:
        """Store all responses in batches and return the totals; report the progress if interrupted."""
        from nps_connect.services.imports.import_file import iter_batches
        from nps_connect.services.imports.store_responses import ImportTotals, store_responses

        totals, line = ImportTotals(), 1
        try:
            with progress_bar("importing", hidden=self.hidden) as on_progress:
                for batch in iter_batches(self._reread(on_progress), BATCH_SIZE):
                    store_responses(self.ctx, self.target, batch, totals, errors)
                    line = batch[-1].line
        except BaseException:
            imported = pluralize(totals.counts["new"], "response", "responses")
            click.echo(
                f"Stopped after line {line}: {imported} imported. "
                "Run the same command again to import the remaining lines.",
                err=True,
            )
            raise
        return totals

    def route(self) -> Counter[str]:
        """Create the deliveries of the stored responses in batches; return their number by action."""
        from nps_connect.services.imports.import_file import iter_batches
        from nps_connect.services.imports.route_responses import route_imported_responses

        effects: Counter[str] = Counter()
        try:
            with progress_bar("routing", hidden=self.hidden) as on_progress:
                for batch in iter_batches(self._reread(on_progress), BATCH_SIZE):
                    effects += route_imported_responses(self.routing_ctx, batch)
        except BaseException:
            created = _format_effects(effects) or "nothing"
            click.echo(f"Stopped; created so far: {created}. Run the same command again to continue.", err=True)
            raise
        return effects

    def _read(self, errors: RowErrors, on_progress: Callable[[int, int], object]) -> Iterator[ImportedResponse]:
        from nps_connect.services.imports.response_rows import read_responses

        return read_responses(self.source.rows(on_progress), self.parser, self.dedup_store, errors)

    def _reread(self, on_progress: Callable[[int, int], object]) -> Iterator[ImportedResponse]:
        """Read the same responses again; the dry run has reported rejected lines already."""
        from nps_connect.rules.imports.row_errors import RowErrors

        return self._read(RowErrors(), on_progress)


def _format_effects(effects: Counter[str]) -> str:
    return ", ".join(f"{EFFECT_LABELS.get(action, action)} {number}" for action, number in sorted(effects.items()))
