"""``nps-connect cases note``."""

from __future__ import annotations

import click

from nps_connect.cli._support.case_change import change_case
from nps_connect.cli._support.completion import complete_id
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.periods import parse_moment


@command
@click.argument("case_id", metavar="ID", type=int, shell_complete=complete_id("cases.CaseRow"))
@click.argument("text", required=False)
@click.option(
    "--called",
    type=click.Choice(["spoken", "not-reached", "call-again"]),
    help="The customer was called, and this came of it.",
)
@click.option("--next-call", help="When to call next: a day (2026-01-31, means 09:00) or a time (2026-01-31T14:00).")
def note(
    options: Options, case_id: int, text: str | None, called: str | None, next_call: str | None, as_json: bool
) -> None:
    """Add a note to a case, or record a call with --called.

    The ticket of the case gets it as a private comment. A day for the next call replaces the deadline.
    """
    from nps_connect.services.cases.case_work import CaseEntry, add_note, record_call

    if called is None:
        if text is None or next_call is not None:
            raise click.UsageError("give a text, or --called with what came of the call")
        change_case(
            options,
            case_id,
            lambda ctx, session, case, actor: add_note(ctx, session, case, actor, text),
            as_json=as_json,
        )
        return
    if next_call is not None and len(next_call) == len("2026-01-31"):
        next_call += "T09:00"
    zone = options.load_settings(needs_secrets=False).core.zone
    entry = CaseEntry(
        kind="called",
        text=text,
        call_outcome=called.replace("-", "_"),  # type: ignore[arg-type]  # one of the choices
        next_contact_at=parse_moment(next_call, "--next-call", zone),
    )
    change_case(
        options,
        case_id,
        lambda ctx, session, case, actor: record_call(ctx, session, case, actor, entry),
        as_json=as_json,
    )
