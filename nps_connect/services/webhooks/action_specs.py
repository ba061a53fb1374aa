"""The action `send_webhook`: its facts, without the functions that carry it out."""

from __future__ import annotations

from nps_connect.rules.retry_plan import parse_retry_plan
from nps_connect.services.action_spec import ActionHandler, ActionSpec


def _load_send_webhook() -> ActionHandler:
    from nps_connect.services.webhooks.actions import SEND_WEBHOOK_HANDLER

    return SEND_WEBHOOK_HANDLER


SEND_WEBHOOK = ActionSpec(
    action="send_webhook",
    hook="nps_send_webhooks",
    load_handler=_load_send_webhook,
    retry_plan=parse_retry_plan("5s 5m 30m 2h 5h 10h 14h 20h 1d", total="4d"),
    priority=12,
    can_be_skipped=False,
    can_be_repeated=True,
)
ACTIONS = (SEND_WEBHOOK,)
