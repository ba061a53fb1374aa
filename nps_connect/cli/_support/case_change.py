"""What the commands that change a case share: find it, change it in one transaction, print it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from nps_connect.cli._support.actor import current_actor
from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.options import Options
from nps_connect.cli._support.output import print_fields, print_json

if TYPE_CHECKING:
    from sqlmodel import Session

    from nps_connect.ledger.audit_log import Actor
    from nps_connect.ledger.cases import CaseRow
    from nps_connect.services.context import Context

    Change = Callable[[Context, Session, CaseRow, Actor], set[str]]


def change_case(options: Options, case_id: int, change: Change, *, as_json: bool) -> None:
    """Change a case and print it as it is then.

    Args:
        options: the global options.
        case_id: the case.
        change: changes the case in the transaction; returns the queues with new work. It records the audit entry.
        as_json: print JSON.

    Raises:
        CommandError: there is no such case, or it cannot be changed in this way.
    """
    from nps_connect.cli.cases.show import load_details
    from nps_connect.services.cases.case_work import CaseUnchanged, lock_case_by_id

    with options.open_application() as application:
        ctx = application.ctx
        with ctx.ledger.write() as session:
            case = lock_case_by_id(session, case_id)
            if case is None:
                raise CommandError(f"there is no case {case_id}; see: nps-connect cases list")
            try:
                queue_names = change(ctx, session, case, current_actor())
            except CaseUnchanged as error:
                raise CommandError(f"{error}; see: nps-connect cases show {case_id}") from None
            session.flush()
            details = load_details(session, case_id, ctx.clock())
        for queue_name in queue_names:
            ctx.wake(queue_name)
        zone = options.zone(ctx.settings)
    if as_json:
        print_json(details)
    else:
        print_fields({name: value for name, value in details.items() if name != "history"}, zone)
