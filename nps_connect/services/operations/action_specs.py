"""The actions of mails to the fallback address: their facts, without the functions that carry them out."""

from __future__ import annotations

from nps_connect.rules.retry_plan import parse_retry_plan
from nps_connect.services.action_spec import ActionHandler, ActionSpec


def _load_send_fallback() -> ActionHandler:
    from nps_connect.services.operations.fallback_alarms import SEND_FALLBACK_HANDLER

    return SEND_FALLBACK_HANDLER


SEND_FALLBACK = ActionSpec(
    action="send_fallback",
    hook="nps_send_messages",
    load_handler=_load_send_fallback,
    retry_plan=parse_retry_plan("15s 1m 5m 15m 1h 2h 4h 8h 12h", total="2d"),
    priority=0,
    can_be_skipped=False,
)
ACTIONS = (SEND_FALLBACK,)
