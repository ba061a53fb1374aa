"""The actions of scores: their facts, without the functions that carry them out."""

from __future__ import annotations

from datetime import timedelta

from nps_connect.rules.retry_plan import parse_retry_plan
from nps_connect.services.action_spec import ActionHandler, ActionSpec


def _load_write_score() -> ActionHandler:
    from nps_connect.services.routing.actions import WRITE_SCORE_HANDLER

    return WRITE_SCORE_HANDLER


WRITE_SCORE = ActionSpec(
    action="write_score",
    hook="nps_write_scores",
    load_handler=_load_write_score,
    retry_plan=parse_retry_plan("15s 1m 5m 15m 1h 2h 4h 8h 12h 12h 12h", total="3d"),
    priority=7,
    grace_period=timedelta(seconds=60),
    is_ordered=True,
    overwrites=True,
    contact_lookup="target",
)
ACTIONS = (WRITE_SCORE,)
