"""``nps-connect digest preview``."""

from __future__ import annotations

from pathlib import Path

import click

from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.mail_files import write_mail
from nps_connect.cli._support.names import require_name
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_fields, print_json


@command
@click.option("--team", metavar="NAME", default="", help="The digest of this team; default: of the whole company.")
@click.option(
    "--folder", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="Default: current folder."
)
def preview(options: Options, team: str, folder: Path, as_json: bool) -> None:
    """Write the newest digest to an HTML file and a text file; nothing is sent and nothing is opened."""
    from nps_connect.ledger.subjects import mailbox_hash
    from nps_connect.rules.digest_period import newest_period
    from nps_connect.services.reports.digest_action import build_digest
    from nps_connect.services.reports.digest_content import load_content
    from nps_connect.services.reports.digest_schedule import SKIP_REASONS
    from nps_connect.services.reports.filters import ResponseFilter
    from nps_connect.services.reports.staff_figures import find_staff_block

    with options.open_application() as application:
        ctx = application.ctx
        if team:
            require_name(team, ctx.settings.teams, "team")
        core = ctx.settings.core
        period = newest_period(ctx.settings.digest, ctx.clock(), core.zone)
        with ctx.ledger.read() as session:
            responses = ResponseFilter(team=team or None)
            if find_staff_block(session, core.zone, ctx.settings.teams, responses) is not None:
                raise CommandError(f"no digest of team {team}: {SKIP_REASONS['staff_figures']}")
            content = load_content(ctx, session, period, team)
        message = build_digest(
            ctx,
            content,
            scope=team,
            mailbox=mailbox_hash(core.fallback_email),
            email=core.fallback_email,
            key="preview",
            message_id="preview",
        )
    result = write_mail(message, folder, f"digest-{team or 'company'}-{period.name}")
    if as_json:
        print_json(result)
    else:
        print_fields(result)
