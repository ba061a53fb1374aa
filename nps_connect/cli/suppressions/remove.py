"""``nps-connect suppressions remove``."""

from __future__ import annotations

import click

from nps_connect.cli._support.actor import current_actor
from nps_connect.cli._support.completion import complete_contact
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import print_json


@command
@click.argument("contact", shell_complete=complete_contact)
@click.option("--reason", required=True, help="Why, for the audit log.")
@click.option("--i-have-consent", "has_consent", is_flag=True, help="The person has agreed to get mail again.")
def remove(options: Options, contact: str, reason: str, has_consent: bool, as_json: bool) -> None:
    """Let a person be contacted again: remove all their suppressions.

    CONTACT is an e-mail address, the id at a connection, or CONNECTION:ID. Ending an opt-out or a complaint needs the
    person's consent. What the CRM itself says stays as it is. The audit log keeps who removed it and why.
    """
    from nps_connect.ledger.subjects import contact_subjects, mailbox_hash, mailbox_subject
    from nps_connect.services.operations.explain import resolve_contacts
    from nps_connect.services.suppressions.operator_suppressions import remove_by_operator

    with options.open_application() as application:
        ctx = application.ctx
        with ctx.ledger.write() as session:
            contacts = resolve_contacts(session, contact, list(ctx.connections))
            subjects = {subject for row in contacts for subject in contact_subjects(row.id or 0, row.mailbox)}
            if "@" in contact:
                subjects.add(mailbox_subject(mailbox_hash(contact)))
            in_crm = [f"{row.connection}:{row.vendor_id}" for row in contacts if row.opted_out]
            reasons = remove_by_operator(
                ctx, session, subjects, current_actor(), reason=reason, has_consent=has_consent
            )
    if as_json:
        print_json({"removed": reasons, "opted_out_in_crm": in_crm})
        return
    click.echo(f"Removed: {', '.join(reasons)}.")
    if in_crm:
        click.echo(f"Still opted out in the CRM, and not contacted until that changes there: {', '.join(in_crm)}.")
