"""``nps-connect suppressions export``."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import open_output, pluralize
from nps_connect.cli._support.table_output import export_options, write_rows


@command
@export_options
def export(
    options: Options,
    output: Path | None,
    as_json: bool,
    **form: Any,  # noqa: ANN401  # of the file
) -> None:
    """Export who must not be contacted, for another nps_connect: hashes of mailboxes, no addresses.

    Another installation takes the file with: nps-connect suppressions import FILE. Erased people are not in it: what is
    stored about them is a hash with a key of this installation.
    """
    from nps_connect.services.suppressions import export

    with options.open_ledger() as (ledger, settings):
        rows = export.export_suppressions(ledger, options.zone(settings))
        with open_output(output) if output is not None else nullcontext(sys.stdout) as stream:
            count = write_rows(stream, rows, export.SUPPRESSION_COLUMNS, as_json=as_json, **form)
    if output is not None:
        click.echo(f"{pluralize(count, 'suppression', 'suppressions')} written to {output}", err=True)
