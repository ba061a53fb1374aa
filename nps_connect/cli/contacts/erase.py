"""``nps-connect contacts erase``."""

from __future__ import annotations

from dataclasses import asdict
from datetime import tzinfo
from typing import TYPE_CHECKING

import click

from nps_connect.cli._support.actor import current_actor
from nps_connect.cli._support.confirm import confirm
from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.options import Options, command, confirm_options
from nps_connect.cli._support.output import format_time, pluralize, print_json

if TYPE_CHECKING:
    from nps_connect.services.operations.data_requests import ErasureReceipt

NOT_RECALLED = {
    "messages": "the mails and alerts that were sent, at who got them",
    "exports": "files that were exported, and what staff has copied",
    "reviews": "reviews that the person has published",
    "logs": "log files, until they are rotated",
    "backups": "backups made before now; after a restore the person is erased again",
}


@command
@click.argument("contact")
@click.option("--reason", help="For the audit log, such as the number of the request; no personal data.")
@confirm_options
def erase(options: Options, contact: str, reason: str | None, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Erase a person, and print a receipt. This cannot be undone.

    CONTACT is an e-mail address, the id at a connection, or CONNECTION:ID. The person's contacts on all connections are
    erased, with merged ones. Ids, scores and times stay, and a hash of each address, so that the person is not
    contacted again after an import. At vendors, score fields and notes are removed by deliveries; contacts and tickets
    are listed, for you to delete there.
    """
    from nps_connect.ledger.audit_log import record_audit
    from nps_connect.services.operations.data_requests import (
        erase_person,
        find_person,
        load_erased_at,
        person_target,
        preview_erasure,
    )

    with options.open_application() as application:
        ctx = application.ctx
        with ctx.ledger.write() as session:
            person = find_person(session, contact, list(ctx.connections))
            preview, erased_at = preview_erasure(ctx, session, person), load_erased_at(ctx, session, person)
        if not preview.contacts and not preview.emptied:
            if erased_at is not None:
                erased = format_time(erased_at, ctx.settings.core.zone)
                raise CommandError(f"{contact} was erased on {erased}; to see what is left, name an id: CONNECTION:ID")
            raise CommandError(
                f"nothing is stored about {contact}; to stop all mail to an address: nps-connect suppressions add"
            )
        if dry_run:
            _print(preview, contact, ctx.settings.core.zone, as_json=as_json, is_done=False)
            return
        confirm(f"{_summary(preview, contact)}. Erase this person for good?", yes=yes)
        with ctx.ledger.write() as session:
            person = find_person(session, contact, list(ctx.connections))
            receipt = erase_person(ctx, session, person)
            target = person_target(person)
            record_audit(session, current_actor(), "contacts erase", target, now=ctx.clock(), reason=reason)
    _print(receipt, contact, ctx.settings.core.zone, as_json=as_json, is_done=True)


def _summary(receipt: ErasureReceipt, contact: str) -> str:
    contacts = pluralize(len(receipt.contacts), "contact", "contacts")
    names = f" ({', '.join(receipt.contacts)})" if receipt.contacts else ""
    return f"{contact}: {contacts}{names}, {pluralize(sum(receipt.emptied.values()), 'row', 'rows')} to empty"


def _print(receipt: ErasureReceipt, contact: str, zone: tzinfo, *, as_json: bool, is_done: bool) -> None:
    if as_json:
        print_json({"done": is_done, **asdict(receipt), "not_recalled": list(NOT_RECALLED)})
        return
    title = f"Erased {format_time(receipt.erased_at, zone)}" if is_done else "Dry run, nothing is changed. To be erased"
    click.echo(f"{title}: {', '.join(receipt.contacts) or contact}")
    click.echo("\nHere")
    for name, count in sorted(receipt.emptied.items()):
        click.echo(f"  emptied: {pluralize(count, 'row', 'rows')} of {name.replace('_', ' ')}")
    click.echo(f"  cancelled: {pluralize(receipt.cancelled, 'delivery', 'deliveries')}")
    addresses = pluralize(receipt.mailboxes, "address", "addresses")
    click.echo(f"  kept: ids, scores, times, and a keyed hash of {addresses}:")
    click.echo("        nobody contacts the person again, also after an import")
    click.echo("\nAt vendors, removed by deliveries")
    for erasure in receipt.at_vendors:
        command = f"nps-connect deliveries show {erasure.delivery}" if is_done else "not enqueued yet"
        click.echo(f"  {erasure.connection}: {erasure.state} ({command})")
    if not receipt.at_vendors:
        click.echo("  nothing: no connection can do that, or none knows the person")
    if receipt.remaining:
        click.echo("\nFor you to delete at the vendor, if the law demands it")
    for record in receipt.remaining:
        click.echo(f"  {record.kind} {record.connection}:{record.id}  {record.link or ''}".rstrip())
    click.echo("\nCannot be recalled")
    for name, count in receipt.sent.items():
        click.echo(f"  sent: {count} of {name.replace('_', ' ')}")
    for text in NOT_RECALLED.values():
        click.echo(f"  {text}")
