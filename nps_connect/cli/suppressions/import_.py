"""``nps-connect suppressions import``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nps_connect.cli._support import archive_input, csv_input, import_run, rejected_rows
from nps_connect.cli._support.actor import audit_command
from nps_connect.cli._support.options import Options, command, dry_run_option
from nps_connect.cli._support.output import print_fields, print_json

if TYPE_CHECKING:
    from nps_connect.services.context import Context
    from nps_connect.services.imports.archive import ArchiveFile

REASON_NAMES = ("opted_out", "bounced", "objected")


@command
@csv_input.file_options
@click.option(
    "--default-reason",
    type=click.Choice(REASON_NAMES),
    default="opted_out",
    show_default=True,
    help="Reason of rows without one.",
)
@dry_run_option
def import_(
    options: Options,
    /,
    file: Path,
    refused: Path | None,
    connection: str | None,  # noqa: ARG001  # an option of every import; mailboxes belong to no connection
    default_reason: str,
    dry_run: bool,
    as_json: bool,
    **file_format: Any,  # noqa: ANN401  # texts
) -> None:
    """Suppress the people of a file: a list of addresses, a CSV file with reasons, or an export of suppressions.

    Their waiting mail is cancelled, and each is appended to the journal. Opt-outs are not written to a CRM. Idempotent.
    Fields for --column: email, reason, mailbox, contact.
    """
    from nps_connect.services.imports.archive import suppression_step
    from nps_connect.services.imports.dedup_store import DedupStore

    form = archive_input.file_form(**file_format, timezone=None, dates=None, answers=())
    with options.open_application() as application:
        ctx = application.ctx
        opened = _open_file(ctx, file, form)
        with DedupStore() as dedup_store, rejected_rows.open_refused(refused) as collect:
            steps = [suppression_step(ctx, opened, dedup_store, None, default_reason)]
            plans = import_run.plan_steps(ctx, steps, dedup_store, collect, hidden=as_json)
            rejected_rows.print_rejected(plans[0].errors, refused)
            import_run.check_plans(plans)
            totals, errors = {"new": plans[0].rows - plans[0].existing, "already_suppressed": plans[0].existing}, None
            if not dry_run:
                with ctx.ledger.write() as session:
                    audit_command(session, f"suppressions:{plans[0].rows}")
                [(_, totals, errors)] = import_run.apply_steps(plans, collect, hidden=as_json)
                rejected_rows.print_rejected(errors, refused)
    if as_json:
        left_out = plans[0].errors.joined(errors) if errors is not None else plans[0].errors
        print_json({"dry_run": dry_run, **totals, "rejected": rejected_rows.rejected_json(left_out)})
    else:
        print_fields(totals)


def _open_file(ctx: Context, file: Path, form: archive_input.FileFormat) -> ArchiveFile:
    from nps_connect.rules.imports.layouts import LAYOUTS, OWN, PLAIN, find_layout, recognize_layout

    source = csv_input.open_file(file, encoding=form.encoding, delimiter=form.delimiter, list_header=("email",))
    columns = [option if "." in option else f"suppressions.{option}" for option in form.columns]
    layout = find_layout(LAYOUTS, OWN, "suppressions")
    if recognize_layout(LAYOUTS, OWN, source.header) is None:
        layout = layout.model_copy(update={"source": PLAIN})
    opened = archive_input.open_archive_file(ctx, source, layout, form._replace(columns=columns))
    csv_input.print_unused(opened.columns.unused)
    return opened
