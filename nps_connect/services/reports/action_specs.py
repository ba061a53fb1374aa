"""The action `send_digest`: its facts, without the functions that carry it out."""

from __future__ import annotations

from nps_connect.rules.retry_plan import parse_retry_plan
from nps_connect.services.action_spec import ActionHandler, ActionSpec


def _load_send_digest() -> ActionHandler:
    from nps_connect.services.reports.digest_action import SEND_DIGEST_HANDLER

    return SEND_DIGEST_HANDLER


SEND_DIGEST = ActionSpec(
    action="send_digest",
    hook="nps_send_messages",
    load_handler=_load_send_digest,
    retry_plan=parse_retry_plan("1m 5m 15m 1h 2h 4h 8h 12h", total="2d"),
    priority=13,
    in_doubt="hold",  # no digest arrives twice
)
ACTIONS = (SEND_DIGEST,)
