"""``nps-connect responses import``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from nps_connect.cli._support import csv_input
from nps_connect.cli._support.actor import audit_command
from nps_connect.cli._support.confirm import confirm
from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.options import Options, command, confirm_options
from nps_connect.cli._support.output import pluralize, print_fields, print_json

if TYPE_CHECKING:
    from nps_connect.rules.imports.columns import ColumnMapping
    from nps_connect.rules.imports.row_errors import RowErrors
    from nps_connect.services.context import Context
    from nps_connect.services.imports.dedup_store import DedupStore
    from nps_connect.services.imports.import_file import ImportFile
    from nps_connect.services.imports.response_rows import ImportedResponse, ResponseParser
    from nps_connect.services.imports.store_responses import ResponseImport

    ReadResponses = Callable[[RowErrors, Callable[[int, int], object]], Iterator[ImportedResponse]]

PRESETS = ("plain", "nps-connect", "asknicely", "delighted", "qualtrics", "surveymonkey", "typeform")
EFFECT_LABELS = {
    "write_score": "scores",
    "open_ticket": "tickets",
    "send_alert": "alerts",
    "invite_review": "review invitations",
}


@command
@csv_input.file_options
@click.option("--survey", required=True, metavar="NAME", help="The configured survey that the responses belong to.")
@click.option("--preset", type=click.Choice(PRESETS), default="plain", show_default=True, help="Format of the export.")
@click.option("--timezone", metavar="ZONE", help="Zone of times without one; default: the company's time zone.")
@click.option(
    "--dates", type=click.Choice(["day-first", "month-first"]), help="How to read 03/04/2026; detected if possible."
)
@click.option("--write-scores", is_flag=True, help="Write each person's newest score back through write_score routes.")
@click.option("--route", is_flag=True, help="Apply all routes to each person's newest response: tickets, reviews, ...")
@confirm_options
def import_(
    options: Options,
    /,
    file: Path,
    refused: Path | None,
    connection: str | None,
    survey: str,
    preset: str,
    timezone: str | None,
    dates: str | None,
    write_scores: bool,
    route: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    **file_format: Any,  # noqa: ANN401  # texts
) -> None:
    """Import responses from another tool, from a CSV file.

    Imported responses count in all reports and trigger nothing by default. Idempotent: importing the same file again
    adds nothing. Fields for --column: email, score, answered_at, id, comment, name, first_name, language, touchpoint,
    contact_id, status, metric.
    """
    from nps_connect.rules.imports import columns
    from nps_connect.services.imports.dedup_store import DedupStore
    from nps_connect.services.imports.response_rows import read_responses
    from nps_connect.services.imports.route_responses import estimate_actions, with_import_routes
    from nps_connect.services.imports.store_responses import ResponseImport

    with options.open_application() as application:
        ctx = application.ctx
        source_connection = csv_input.select_connection(ctx, survey, connection)
        target = ResponseImport(survey, source_connection, ctx.has(source_connection, "nps_find_contacts"))
        routing_ctx = with_import_routes(ctx, route=route, write_scores=write_scores)
        if write_scores and not any(configured.do == "write_score" for configured in routing_ctx.settings.routes):
            raise click.UsageError("no configured route does write_score")
        person = ("email", "contact_id") if target.lookup_enabled else ("email",)
        required, preset_columns = [person, ("score",), ("answered_at",)], columns.PRESETS[preset]
        source, mapping = csv_input.open_csv(
            file, columns.RESPONSE_FIELDS, required=required, preset=preset_columns, **file_format
        )
        parser = _build_parser(ctx, target, source, mapping, preset, timezone, dates)
        with DedupStore() as dedup_store, csv_input.collect_line_errors(refused) as errors:

            def read(errors: RowErrors, on_progress: Callable[[int, int], object]) -> Iterator[ImportedResponse]:
                return read_responses(source.rows(on_progress), parser, dedup_store, errors)

            counts = _dry_run(ctx, read, dedup_store, errors, hidden=as_json)
            csv_input.print_line_errors(errors, refused)
            counts.check(errors)
            planned_effects = estimate_actions(routing_ctx, target, dedup_store)
            click.echo(counts.summary(parser, timezone), err=True)
            if planned_effects and not as_json:
                click.echo(f"Would create at most: {_format_effects(planned_effects)}.")
            totals, effects = None, Counter[str]()
            if not dry_run:
                if planned_effects:
                    confirm("Continue?", yes=yes)
                with ctx.ledger.write() as session:
                    audit_command(session, f"survey:{survey}")
                totals = _store(ctx, target, read, errors, hidden=as_json)
                effects = _route(routing_ctx, read, hidden=as_json) if planned_effects else effects
                if errors.total > counts.rejected:
                    csv_input.print_line_errors(errors, refused)
    if as_json:
        counted = {"survey": survey, "answers": counts.responses, "taken_before": counts.already_imported}
        led_to = {"would_lead_to": dict(planned_effects), "led_to": dict(effects)}
        print_json({**counted, "taken": totals, **led_to, "not_taken": csv_input.line_errors_json(errors)})
    elif totals is not None:
        print_fields(totals)
        if effects:
            click.echo(f"Created: {_format_effects(effects)}.")


def _build_parser(
    ctx: Context,
    target: ResponseImport,
    source: ImportFile,
    mapping: ColumnMapping,
    tool: str,
    timezone: str | None,
    dates: Any,  # noqa: ANN401  # a DayOrder or None
) -> ResponseParser:
    from nps_connect.rules.imports.columns import PRESET_ZONES
    from nps_connect.services.imports.response_rows import ResponseParser, detect_day_order

    zone_name = timezone or PRESET_ZONES.get(tool)
    try:
        zone = ZoneInfo(zone_name) if zone_name else ctx.settings.core.zone
    except (ZoneInfoNotFoundError, ValueError):
        raise click.BadParameter("an IANA time zone such as Europe/Paris", param_hint="--timezone") from None
    return ResponseParser(
        columns=mapping,
        tool=tool,
        survey=target.survey,
        day_order=dates or detect_day_order(source.rows(), mapping),
        zone=zone,
        now=ctx.clock(),
        allow_ids=target.lookup_enabled,
    )


@dataclass
class _DryRunCounts:
    """The result of the dry run.

    Attributes:
        responses: usable lines.
        already_imported: how many of them are in the ledger.
        zoneless: how many of them have a time without a zone.
        rejected: lines that cannot be used.
        scores: number of usable lines by score.
    """

    scores: Counter[int] = field(default_factory=Counter)
    responses: int = 0
    already_imported: int = 0
    zoneless: int = 0
    rejected: int = 0

    def check(self, errors: RowErrors) -> None:
        """Refuse a file without responses, or one that lost all responses at an end of the scale.

        Raises:
            CommandError: nothing of the file is imported.
        """
        from nps_connect.services.imports.response_rows import end_reason

        if not self.responses:
            raise CommandError("the file contains no usable line")
        for end in (0, 10):
            lost = errors.counts[end_reason(end)]
            if lost and not self.scores[end]:
                lines = pluralize(lost, "rejected line", "rejected lines")
                raise CommandError(
                    f"nothing was imported: {lines} probably mean the score {end}, no other line has it, and figures "
                    "without it would be wrong. Write numbers from 0 to 10 into the column of scores"
                )

    def summary(self, parser: ResponseParser, timezone: str | None) -> str:
        """Return the counts in one sentence, with the time zone assumed for times without one."""
        text = f"{pluralize(self.responses, 'response', 'responses')}, {self.already_imported} already imported"
        if not self.zoneless:
            return text
        hint = "" if timezone else "; to change it: --timezone"
        return f"{text}. {self.zoneless} times without a time zone are read as {parser.zone}{hint}"


def _dry_run(
    ctx: Context, read: ReadResponses, dedup_store: DedupStore, errors: RowErrors, *, hidden: bool
) -> _DryRunCounts:
    """Read and count all responses; change nothing."""
    from nps_connect.services.imports.store_responses import load_existing_ids

    counts = _DryRunCounts()

    def count(batch: list[ImportedResponse]) -> None:
        counts.responses += len(batch)
        for response in batch:
            counts.zoneless += response.zoneless
            counts.scores[response.score] += 1
            dedup_store.record_score(response.person.fingerprint, response.answered_at, response.score)
        with ctx.ledger.read() as session:
            counts.already_imported += len(load_existing_ids(session, batch))

    csv_input.process_batches("reading", partial(read, errors), count, hidden=hidden)
    counts.rejected = errors.total
    return counts


def _store(
    ctx: Context, target: ResponseImport, read: ReadResponses, errors: RowErrors, *, hidden: bool
) -> dict[str, int]:
    """Store all responses in batches and return the totals."""
    from nps_connect.rules.imports.row_errors import RowErrors
    from nps_connect.services.imports.store_responses import TOTALS, store_responses

    totals = Counter(dict.fromkeys(TOTALS, 0))

    def stopped(line: int) -> str:
        imported = pluralize(totals["new"], "response", "responses")
        remedy = "Run the same command again to import the remaining lines."
        return f"Stopped after line {line}: {imported} imported. {remedy}"

    csv_input.process_batches(
        "importing",
        partial(read, RowErrors()),  # the dry run has reported rejected lines already
        lambda batch: store_responses(ctx, target, batch, totals, errors),
        stopped,
        hidden=hidden,
    )
    return dict(totals)


def _route(ctx: Context, read: ReadResponses, *, hidden: bool) -> Counter[str]:
    """Create the deliveries of the stored responses in batches; return their number by action."""
    from nps_connect.rules.imports.row_errors import RowErrors
    from nps_connect.services.imports.route_responses import route_imported_responses

    effects: Counter[str] = Counter()

    def stopped(_line: int) -> str:
        created = _format_effects(effects) or "nothing"
        return f"Stopped; created so far: {created}. Run the same command again to continue."

    csv_input.process_batches(
        "routing",
        partial(read, RowErrors()),
        lambda batch: effects.update(route_imported_responses(ctx, batch)),
        stopped,
        hidden=hidden,
    )
    return effects


def _format_effects(effects: Counter[str]) -> str:
    return ", ".join(f"{EFFECT_LABELS.get(action, action)} {number}" for action, number in sorted(effects.items()))
