"""The actions of survey mails: their facts, without the functions that carry them out."""

from __future__ import annotations

from dataclasses import replace

from nps_connect.rules.retry_plan import parse_retry_plan
from nps_connect.services.action_spec import ActionHandler, ActionSpec


def _load_send_survey() -> ActionHandler:
    from nps_connect.services.invitations.actions import SEND_SURVEY_HANDLER

    return SEND_SURVEY_HANDLER


def _load_send_reminder() -> ActionHandler:
    from nps_connect.services.invitations.actions import SEND_REMINDER_HANDLER

    return SEND_REMINDER_HANDLER


MAIL_RETRY_PLAN = parse_retry_plan("30s 2m 10m 30m 1h 3h 6h 12h 12h", total="2d")
"""Not so long that a mail comes as a surprise."""

SEND_SURVEY = ActionSpec(
    action="send_survey",
    hook="nps_send_messages",
    load_handler=_load_send_survey,
    retry_plan=MAIL_RETRY_PLAN,
    priority=5,
    customer_facing=True,
    in_doubt="hold",
    contact_lookup="own",
)
SEND_REMINDER = replace(SEND_SURVEY, action="send_reminder", priority=6, load_handler=_load_send_reminder)
ACTIONS = (SEND_SURVEY, SEND_REMINDER)
