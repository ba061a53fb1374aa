"""``nps-connect deliveries retry``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nps_connect.cli.guarding import Failure
from nps_connect.cli.lazy import Command
from nps_connect.cli.options import Options, json_option, pass_options
from nps_connect.cli.output import counted, line, print_json, print_table

if TYPE_CHECKING:
    from sqlmodel import Session

    from nps_connect.flows.retry import Retried
    from nps_connect.settings.model import Settings

CUSTOMER_MAIL = ("send_survey", "invite_review")


@click.command(cls=Command)
@click.argument("ids", metavar="[ID]...", type=int, nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All that are dead or held, or those that the filters leave.")
@click.option("--connection", help="With --all: only on this connection.")
@click.option("--action", help="With --all: only this action, such as open_ticket.")
@click.option("--dry-run", is_flag=True, help="Say what would be tried again, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask before mail goes to customers.")
@json_option
@pass_options
def retry(
    options: Options,
    ids: tuple[int, ...],
    everything: bool,
    connection: str | None,
    action: str | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Try dead or held deliveries again, now.

    An effect that may have happened is looked for at the vendor first. Mail that may have been sent already goes out
    again only by this command.
    """
    if bool(ids) == everything or ((connection or action) and not everything):
        raise click.UsageError("name deliveries by ID, or choose with --all, --connection and --action")

    def attempt(session: Session, settings: Settings) -> list[Retried]:
        return _retry(session, settings, list(ids) if ids else None, connection, action)

    with options.ledger() as (ledger, settings):
        with ledger.read() as session:
            planned = attempt(session, settings)
        going = [one for one in planned if one.refused is None]
        people = {one.row.contact_id for one in going if one.row.action in CUSTOMER_MAIL}
        if not as_json:
            _print(planned)
            reach = counted(len(people), "customer", "customers")
            click.echo(f"{len(going)} of {len(planned)} can be tried again; mail would reach {reach}.")
        if going and not dry_run:
            if people and not yes:
                _confirm(len(people))
            with ledger.write() as session:
                planned = attempt(session, settings)
    if as_json:
        print_json({"dry_run": dry_run, "customers": len(people), "deliveries": [_facts(one) for one in planned]})
    elif going and not dry_run:
        click.echo(f"Due now: {counted(sum(one.refused is None for one in planned), 'delivery', 'deliveries')}.")
    if not going and planned:
        raise click.exceptions.Exit(1)


def _retry(
    session: Session, settings: Settings, ids: list[int] | None, connection: str | None, action: str | None
) -> list[Retried]:
    from nps_connect.connection import system_clock
    from nps_connect.flows.retry import find_deliveries, find_stopped, retry

    if ids is None:
        rows = find_stopped(session, connection=connection, action=action)
    else:
        rows = find_deliveries(session, ids)
        unknown = set(ids) - {row.id for row in rows}
        if unknown:
            raise Failure(f"there is no delivery {', '.join(map(str, sorted(unknown)))}")
    now = system_clock()
    return [retry(session, row, cooldown=settings.limits.cooldown, now=now) for row in rows]


def _confirm(customers: int) -> None:
    click.confirm(f"Send mail to {counted(customers, 'customer', 'customers')}?", abort=True, err=True)


def _facts(one: Retried) -> dict[str, object]:
    row = one.row
    return {
        "id": row.id,
        "action": row.action,
        "connection": row.connection,
        "state": row.state,
        "retried": one.refused is None,
        "refused": one.refused,
    }


def _print(planned: list[Retried]) -> None:
    print_table(
        ["id", "action", "connection", "last error", "stays because"],
        [(one.row.id, one.row.action, one.row.connection, line(one.row.last_error), one.refused) for one in planned],
        empty="nothing is dead or held",
    )
