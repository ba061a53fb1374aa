"""``nps-connect digest send``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from nps_connect.cli._support.actor import audit_command
from nps_connect.cli._support.confirm import confirm
from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.names import require_name
from nps_connect.cli._support.options import Options, command, confirm_options
from nps_connect.cli._support.output import pluralize, print_json, print_table

if TYPE_CHECKING:
    from nps_connect.services.reports.digest_schedule import DigestPlan


@command
@click.option("--team", metavar="NAME", help="Only the digest of this team; default: all digests.")
@confirm_options
def send(options: Options, team: str | None, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Send the digests of the newest week or month now, without waiting for their day.

    A digest that was sent or skipped before is left as it is, so nobody gets one twice. A running worker sends them,
    outside of quiet hours.
    """
    from nps_connect.rules.digest_period import newest_period
    from nps_connect.services.reports.digest_schedule import enqueue_digests, plan_digests

    with options.open_application() as application:
        ctx = application.ctx
        recipients_by_scope = ctx.settings.digest_recipients
        if not recipients_by_scope:
            raise CommandError("there is no digest; name recipients in [digest] (docs/digest.md)")
        if team is not None:
            require_name(team, [scope for scope in recipients_by_scope if scope], "team with a digest")
        period = newest_period(ctx.settings.digest, ctx.clock(), ctx.settings.core.zone)
        with ctx.ledger.read() as session:
            plans = list(plan_digests(ctx, session, period, only=team))
        people = sum(len(plan.recipients) for plan in plans if plan.skip_reason is None)
        if not as_json:
            _print_plans(plans)
        if people and not dry_run:
            confirm(f"Send {pluralize(people, 'digest', 'digests')} for {period.name}?", yes=yes)
            with ctx.ledger.write() as session:
                audit_command(session, f"digest:{period.name}")
            plans = enqueue_digests(ctx, period, only=team)
    if as_json:
        print_json({"period": period.name, "dry_run": dry_run, "digests": [_plan_json(plan) for plan in plans]})
    elif people and not dry_run:
        click.echo("Queued; a running worker sends them.")


def _print_plans(plans: list[DigestPlan]) -> None:
    from nps_connect.services.reports.digest_schedule import SKIP_REASONS

    rows = [
        (
            plan.scope or "the company",
            ", ".join(plan.recipients.values()),
            "" if plan.skip_reason is None else f"skipped: {SKIP_REASONS[plan.skip_reason]}",
        )
        for plan in plans
    ]
    print_table(["digest of", "recipients", ""], rows, empty="every digest of this period was sent or skipped before")


def _plan_json(plan: DigestPlan) -> dict[str, Any]:
    return {"team": plan.scope or None, "recipients": list(plan.recipients.values()), "skipped": plan.skip_reason}
