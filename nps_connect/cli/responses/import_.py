"""``nps-connect responses import``."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nps_connect.cli._support import archive_input, csv_input, import_report, import_run, rejected_rows
from nps_connect.cli._support.actor import audit_command
from nps_connect.cli._support.confirm import confirm
from nps_connect.cli._support.names import require_name
from nps_connect.cli._support.options import Options, command, confirm_options
from nps_connect.cli._support.output import pluralize, print_fields, print_json

if TYPE_CHECKING:
    from datetime import tzinfo

    from nps_connect.services.context import Context

EFFECT_LABELS = {
    "write_score": "scores",
    "open_ticket": "tickets",
    "send_alert": "alerts",
    "invite_review": "review invitations",
}


@command
@csv_input.file_options
@archive_input.moment_options
@click.option("--survey", required=True, metavar="NAME", help="The configured survey that the responses belong to.")
@click.option("--preset", metavar="SOURCE", default="plain", show_default=True, help="The tool that wrote the file.")
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
    write_scores: bool,
    route: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
    **file_format: Any,  # noqa: ANN401  # texts
) -> None:
    """Import the responses of one file from another tool: `imports apply` with one file, whose routes may be taken.

    Imported responses count in all reports and trigger nothing by default. Idempotent: importing the same file again
    adds nothing. Times without a zone are read in the company's. Fields for --column: email, score, answered_at, id,
    comment, name, first_name, language, touchpoint, contact_id, person_id, sent_at, tags, notes, follow_up, status,
    metric.
    """
    from nps_connect.services.imports.archive import build_steps
    from nps_connect.services.imports.dedup_store import DedupStore
    from nps_connect.services.imports.people_index import PeopleIndex
    from nps_connect.services.imports.route_responses import estimate_actions, with_import_routes

    with options.open_application() as application:
        ctx = application.ctx
        target = archive_input.build_target(ctx, survey, connection)
        routing_ctx = with_import_routes(ctx, route=route, write_scores=write_scores)
        if write_scores and not any(configured.do == "write_score" for configured in routing_ctx.settings.routes):
            raise click.UsageError("no configured route does write_score")
        opened = _open_file(ctx, file, preset, archive_input.file_form(**file_format))
        with DedupStore() as dedup_store, PeopleIndex() as people, rejected_rows.open_refused(refused) as collect:
            steps = build_steps(ctx, target, [opened], dedup_store, people)
            plans = import_run.plan_steps(ctx, steps, dedup_store, collect, hidden=as_json)
            plan = plans[-1]
            rejected_rows.print_rejected(plan.errors, refused)
            import_report.print_warnings(ctx, plans)
            import_run.check_plans(plans)
            planned_effects = estimate_actions(routing_ctx, target, dedup_store)
            click.echo(_summary(plan, opened.moments.zone, file_format["timezone"]), err=True)
            if planned_effects and not as_json:
                click.echo(f"Would create at most: {_format_effects(planned_effects)}.")
            totals, effects, errors = None, Counter[str](), plan.errors
            if not dry_run:
                if planned_effects:
                    confirm("Continue?", yes=yes)
                with ctx.ledger.write() as session:
                    audit_command(session, f"survey:{survey}")
                _, totals, errors = import_run.apply_steps(plans, collect, hidden=as_json)[-1]
                rejected_rows.print_rejected(errors, refused)
                effects = _route(routing_ctx, plan, hidden=as_json) if planned_effects else effects
    if as_json:
        counted = {
            "survey": survey,
            "answers": plan.rows,
            "taken_before": plan.existing,
            "comments_dropped": plan.comments_dropped,
        }
        led_to = {"would_lead_to": dict(planned_effects), "led_to": dict(effects)}
        left_out = plan.errors if dry_run else plan.errors.joined(errors)
        print_json({**counted, "taken": totals, **led_to, "not_taken": rejected_rows.rejected_json(left_out)})
    elif totals is not None:
        print_fields(totals)
        if effects:
            click.echo(f"Created: {_format_effects(effects)}.")


def _open_file(ctx: Context, file: Path, preset: str, form: archive_input.FileFormat) -> Any:  # noqa: ANN401
    from nps_connect.rules.imports.layouts import find_layout, sources

    layouts = archive_input.load_layouts(ctx)
    require_name(preset, sources(layout for layout in layouts if layout.kind == "responses"), "preset")
    source = csv_input.open_file(file, encoding=form.encoding, delimiter=form.delimiter)
    layout = find_layout(layouts, preset, "responses")
    opened = archive_input.open_archive_file(ctx, source, layout, form, ctx.settings.core.zone)
    csv_input.print_unused(opened.columns.unused)
    return opened


def _summary(plan: import_run.StepPlan, zone: tzinfo | None, timezone: str | None) -> str:
    """Return the counts in one sentence, with the time zone assumed for times without one."""
    text = f"{pluralize(plan.rows, 'response', 'responses')}, {plan.existing} already imported"
    if not plan.zoneless:
        return text
    hint = "" if timezone else "; to change it: --timezone"
    return f"{text}. {plan.zoneless} times without a time zone are read as {zone}{hint}"


def _route(ctx: Context, plan: import_run.StepPlan, *, hidden: bool) -> Counter[str]:
    """Create the deliveries of the stored responses in batches; return their number by action."""
    from nps_connect.rules.imports.row_errors import RowErrors
    from nps_connect.services.imports.route_responses import route_imported_responses

    effects: Counter[str] = Counter()

    def stopped(_line: int) -> str:
        created = _format_effects(effects) or "nothing"
        return f"Stopped; created so far: {created}. Run the same command again to continue."

    csv_input.process_batches(
        "routing",
        partial(plan.step.read, RowErrors()),
        lambda batch: effects.update(route_imported_responses(ctx, batch)),
        stopped,
        hidden=hidden,
    )
    return effects


def _format_effects(effects: Counter[str]) -> str:
    return ", ".join(f"{EFFECT_LABELS.get(action, action)} {number}" for action, number in sorted(effects.items()))
