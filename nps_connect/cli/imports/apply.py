"""``nps-connect imports apply``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nps_connect.cli._support import archive_input, import_report, import_run, rejected_rows
from nps_connect.cli._support.actor import audit_command
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_json


@command
@archive_input.archive_options
def apply(
    options: Options,
    /,
    source: str,
    files: tuple[str, ...],
    survey: str,
    connection: str | None,
    refused: Path | None,
    as_json: bool,
    **file_format: Any,  # noqa: ANN401  # texts
) -> None:
    """Import the files of another tool: opt-outs and bounces first, then surveys sent, then responses.

    Nothing is sent: no mail, no ticket, no alert, no call that changes a vendor's record. An interrupted import is
    continued by the same command; what is stored already is left unchanged. See: nps-connect imports plan
    """
    from nps_connect.services.imports.archive import build_steps
    from nps_connect.services.imports.dedup_store import DedupStore
    from nps_connect.services.imports.people_index import PeopleIndex

    with options.open_application() as application:
        ctx = application.ctx
        target = archive_input.build_target(ctx, survey, connection)
        opened = archive_input.open_archive(ctx, source, files, archive_input.file_form(**file_format))
        refusals = rejected_rows.open_refused(refused, with_file=True)
        with DedupStore() as dedup_store, PeopleIndex() as people, refusals as collect:
            steps = build_steps(ctx, target, opened, dedup_store, people)
            plans = import_run.plan_steps(ctx, steps, dedup_store, collect, hidden=as_json)
            rejected_rows.print_rejected_of_files(
                [(planned.step.file.name, planned.errors) for planned in plans], refused
            )
            import_report.print_warnings(ctx, plans)
            import_run.check_plans(plans)
            with ctx.ledger.write() as session:
                audit_command(session, f"survey:{survey}, source:{source}")
            results = import_run.apply_steps(plans, collect, hidden=as_json)
    rejected_rows.print_rejected_of_files([(planned.step.file.name, errors) for planned, _, errors in results], refused)
    if as_json:
        steps_json = [
            {**step_plan.as_json(), "stored": totals, "refused": rejected_rows.rejected_json(errors)}
            for step_plan, totals, errors in results
        ]
        totals_json = import_report.apply_totals(results)
        print_json({"source": source, "survey": survey, "totals": totals_json, "steps": steps_json})
    else:
        import_report.print_results(results)
