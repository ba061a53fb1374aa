"""The actions of review invitations: their facts, without the functions that carry them out."""

from __future__ import annotations

from nps_connect.rules.retry_plan import parse_retry_plan
from nps_connect.services.action_spec import ActionHandler, ActionSpec


def _load_invite_review() -> ActionHandler:
    from nps_connect.services.reviews.actions import INVITE_REVIEW_HANDLER

    return INVITE_REVIEW_HANDLER


INVITE_REVIEW = ActionSpec(
    action="invite_review",
    hook="nps_send_messages",
    load_handler=_load_invite_review,
    retry_plan=parse_retry_plan("30s 2m 10m 30m 1h 3h 6h 12h 12h", total="2d"),
    priority=8,
    customer_facing=True,
    in_doubt="hold",
    contact_lookup="own",
)
ACTIONS = (INVITE_REVIEW,)
