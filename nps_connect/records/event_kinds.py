"""Well-known kinds of event: the names and fields that sources without a plugin of their own share."""

from __future__ import annotations

from nps_connect.records.connectors import EventKind, FieldType

_ORDER_FIELDS: dict[str, FieldType] = {"total": "number", "currency": "text", "country": "text"}
_PAYMENT_FIELDS: dict[str, FieldType] = {"total": "number", "currency": "text", "plan": "text"}
_TICKET_FIELDS: dict[str, FieldType] = {"is_open": "boolean", "agent_name": "text"}
_SOLVED_FIELDS: dict[str, FieldType] = {
    **_TICKET_FIELDS,
    "first_reply_minutes": "number",
    "solve_minutes": "number",
}

WELL_KNOWN_EVENT_KINDS = (
    EventKind(name="order.paid", description="A customer paid an order.", fields=_ORDER_FIELDS),
    EventKind(name="order.completed", description="An order was paid and fulfilled.", fields=_ORDER_FIELDS),
    EventKind(name="order.shipped", description="An order was handed to the carrier.", fields=_ORDER_FIELDS),
    EventKind(name="order.delivered", description="An order reached the customer.", fields=_ORDER_FIELDS),
    EventKind(name="invoice.paid", description="A customer paid an invoice.", fields=_PAYMENT_FIELDS),
    EventKind(name="subscription.renewed", description="A subscription began a new period.", fields=_PAYMENT_FIELDS),
    EventKind(
        name="appointment.completed",
        description="An appointment took place.",
        fields={"service": "text", "location": "text"},
    ),
)
"""Other kinds are free: a noun and a verb. Kinds that one vendor has are declared by its plugin."""

LIFECYCLE_EVENT_KINDS = (
    EventKind(
        name="ticket.solved",
        description="Staff marked a ticket as solved. Its case is solved, and what waited for that goes on.",
        fields=_SOLVED_FIELDS,
    ),
    EventKind(
        name="ticket.closed",
        description="A solved ticket was closed for good. Treated like `ticket.solved`.",
        fields=_SOLVED_FIELDS,
    ),
    EventKind(
        name="ticket.reopened",
        description="A solved ticket was opened again. Its case is open again.",
        fields=_TICKET_FIELDS,
    ),
    EventKind(name="contact.deleted", description="The vendor deleted a contact. Nothing is sent to it any more."),
    EventKind(name="contact.merged", description="Two contacts became one. The surviving contact takes over."),
    EventKind(
        name="contact.privacy_deleted",
        description="The vendor erased a person for privacy. Everything stored about the person is erased here too.",
    ),
)
"""Kinds that the application acts upon, whether or not a trigger names them."""
