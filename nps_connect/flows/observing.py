"""Observers: each is called alone, and its failure changes nothing."""

from __future__ import annotations

import logging

from nps_connect.flows.context import Context
from nps_connect.records.deliveries import Action, Receipt
from nps_connect.records.responses import AnsweredContact

log = logging.getLogger(__name__)


def tell_recorded(ctx: Context, answered: AnsweredContact) -> None:
    """Tell observers of a new answer, after it was stored."""
    for name, answer in ctx.plugins.each("nps_response_recorded", answered=answered):
        _note(name, answer)


def tell_finished(ctx: Context, connection: str, action: Action, state: str, receipt: Receipt | None) -> None:
    """Tell observers of a delivery that ended or is held, after it was stored."""
    for name, answer in ctx.plugins.each(
        "nps_delivery_finished", connection_name=connection, action=action, state=state, receipt=receipt
    ):
        _note(name, answer)


def _note(name: str, answer: object) -> None:
    if isinstance(answer, Exception):
        log.error("observer %s failed: %s", name, type(answer).__name__)
