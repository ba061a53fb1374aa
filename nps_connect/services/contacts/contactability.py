"""Check, right before a message to a contact, whether it must not be contacted."""

from __future__ import annotations

from sqlmodel import Session

from nps_connect.ledger.tables import ContactRow
from nps_connect.records.base import mailbox_key
from nps_connect.services.contacts.store import suppression_reason
from nps_connect.services.context import Context


def block_reason(ctx: Context, session: Session, contact: ContactRow) -> str | None:
    """Return why a contact must not be contacted now, or None."""
    if contact.erased_at is not None:
        return "the contact was erased"
    if contact.deleted_at is not None:
        return "the contact was deleted"
    reason = suppression_reason(session, contact)
    if reason is not None:
        return f"suppressed: {reason}"
    if contact.opted_out:
        return "the contact opted out in the CRM"
    if not contact.email:
        return "the contact has no address"
    if not is_on_allow_list(contact.email, ctx.settings.core.recipient_allow_list):
        return "the address is not on the recipient allow-list"
    return None


def is_on_allow_list(email: str, allow_list: tuple[str, ...]) -> bool:
    """Return whether an address is on the list, itself or by its ``@domain``; an empty list allows all."""
    if not allow_list:
        return True
    address = mailbox_key(email)
    domain = "@" + address.rpartition("@")[2]
    return any(mailbox_key(entry) in (address, domain) for entry in allow_list)
