"""``nps-connect imports plan``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nps_connect.cli._support import archive_input, import_report, import_run, rejected_rows
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_json


@command
@archive_input.archive_options
def plan(
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
    """Show what an import would store: rows by kind, what counts as the same, rejected lines, samples.

    SOURCE is the tool that wrote the files. Each file is recognised by its columns; KIND= in front of a file names its
    kind: responses, people, unsubscribes, bounces, review_invitations, suppressions. Nothing is written.
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
    if as_json:
        totals = import_report.plan_totals(plans)
        steps_json = [step_plan.as_json() for step_plan in plans]
        print_json({"source": source, "survey": survey, "totals": totals, "steps": steps_json})
    else:
        import_report.print_plans(plans, refused)
    import_report.print_warnings(ctx, plans)
    import_run.check_plans(plans)
