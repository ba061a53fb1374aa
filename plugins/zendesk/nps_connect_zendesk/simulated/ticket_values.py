"""Values of a simulated ticket for the fields that filters name."""

from __future__ import annotations

from collections.abc import Mapping

from nps_connect import FieldValue
from nps_connect_zendesk.simulated.account import Row

DERIVED_FIELDS = ("status", "own", "is_open", "channel", "first_reply_minutes", "solve_minutes", "reopens")
"""Fields that follow from what happens to a ticket, and are no values of it."""

CUSTOM_FIELD = "field_"


def ticket_values(fields: Mapping[str, FieldValue]) -> Row:
    """Return the values of a ticket with these fields; derived ones are left out."""
    values: Row = {}
    custom_fields = []
    for name, value in fields.items():
        if name in DERIVED_FIELDS or "." in name:
            continue
        if name == "tags":
            values["tags"] = str(value or "").split()
        elif name.startswith(CUSTOM_FIELD) and name.removeprefix(CUSTOM_FIELD).isdigit():
            custom_fields.append({"id": int(name.removeprefix(CUSTOM_FIELD)), "value": value})
        else:
            values["ticket_form_id" if name == "form_id" else name] = value
    return {**values, "custom_fields": custom_fields}


def set_metrics(ticket: Row, fields: Mapping[str, FieldValue]) -> None:
    """Set the numbers that Zendesk derives from what happened to a ticket."""
    metric = ticket["metric_set"]
    for name, key in (
        ("first_reply_minutes", "reply_time_in_minutes"),
        ("solve_minutes", "full_resolution_time_in_minutes"),
    ):
        if fields.get(name) is not None:
            metric[key] = {"calendar": fields[name], "business": fields[name]}
    if fields.get("reopens") is not None:
        metric["reopens"] = fields["reopens"]
