"""``nps-connect suppressions add``."""

from __future__ import annotations

import click

from nps_connect.cli._support.actor import current_actor
from nps_connect.cli._support.completion import complete_contact
from nps_connect.cli._support.errors import CommandError
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import pluralize, print_json


@command
@click.argument("contact", shell_complete=complete_contact)
@click.option("--reason", required=True, help="Why, for the audit log, such as a phone call.")
def add(options: Options, contact: str, reason: str, as_json: bool) -> None:
    """Stop all mail to a person who asked for it, as if they had used their unsubscribe link.

    CONTACT is an e-mail address, also one that no contact has yet, the id at a connection, or CONNECTION:ID. The
    opt-out is reported to the CRM. The audit log keeps who added it and why.
    """
    from nps_connect.ledger.subjects import mailbox_hash
    from nps_connect.services.operations.explain import resolve_contacts
    from nps_connect.services.suppressions.operator_suppressions import suppress_by_operator

    with options.open_application() as application:
        ctx = application.ctx
        with ctx.ledger.write() as session:
            contacts = resolve_contacts(session, contact, list(ctx.connections))
            mailboxes = {row.mailbox for row in contacts if row.mailbox}
            if "@" in contact:
                mailboxes.add(mailbox_hash(contact))
            if not mailboxes:
                raise CommandError("no contact with an e-mail address matches; give the address itself")
            suppress_by_operator(ctx, session, mailboxes, current_actor(), reason=reason)
    if as_json:
        print_json({"mailboxes": len(mailboxes), "contacts": len(contacts)})
    else:
        mailbox_count = pluralize(len(mailboxes), "mailbox", "mailboxes")
        click.echo(f"Suppressed: {mailbox_count}, {pluralize(len(contacts), 'contact', 'contacts')}.")
