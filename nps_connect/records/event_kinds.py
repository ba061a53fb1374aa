"""Well-known kinds of event: the names and fields that sources without a plugin of their own share."""

from __future__ import annotations

from nps_connect.records.connectors import EventKind, FieldType

_ORDER_FIELDS: dict[str, FieldType] = {"total": "number", "currency": "text", "country": "text"}
_PAYMENT_FIELDS: dict[str, FieldType] = {"total": "number", "currency": "text", "plan": "text"}

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
