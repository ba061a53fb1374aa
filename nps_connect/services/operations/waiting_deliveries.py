"""The deliveries that wait while a scope is paused."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement
from sqlmodel import col

from nps_connect.ledger import pauses
from nps_connect.ledger.tables import DeliveryRow
from nps_connect.records.actions import HoldCode
from nps_connect.services.action_spec import ActionSpecs
from nps_connect.services.decisions.paused_surveys import survey_mail_condition


def customer_mail_clause(actions: ActionSpecs) -> ColumnElement[bool]:
    """Return the condition on deliveries that are mail to customers."""
    return col(DeliveryRow.action).in_([spec.action for spec in actions.values() if spec.customer_facing])


def waiting_clause(scope: str, actions: ActionSpecs) -> ColumnElement[Any]:
    """Return the condition on the deliveries that wait while a scope is paused, see `ledger.pauses`."""
    is_pending = col(DeliveryRow.state) == "pending"
    kind, _, name = scope.partition(":")
    if kind == "connection":
        return is_pending & (col(DeliveryRow.connection) == name)
    if kind == "survey":
        is_paused = col(DeliveryRow.hold_code) == HoldCode.SURVEY_PAUSED
        return survey_mail_condition(name) & (is_pending | is_paused)
    if kind == "queue":
        return is_pending & (col(DeliveryRow.queue_name) == name)
    if scope == pauses.DATABASE_SCOPE:
        return is_pending
    if scope == pauses.RESTORED_SCOPE:
        return col(DeliveryRow.hold_code) == HoldCode.OPT_OUTS_UNKNOWN
    return is_pending & customer_mail_clause(actions)
