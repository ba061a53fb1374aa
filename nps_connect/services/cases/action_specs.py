"""The actions of tickets, alerts, case outcomes and reminders: their facts, without their functions."""

from __future__ import annotations

from datetime import timedelta

from nps_connect.rules.retry_plan import parse_retry_plan
from nps_connect.services.action_spec import ActionHandler, ActionSpec


def _load_open_ticket() -> ActionHandler:
    from nps_connect.services.cases.actions import OPEN_TICKET_HANDLER

    return OPEN_TICKET_HANDLER


def _load_update_ticket() -> ActionHandler:
    from nps_connect.services.cases.actions import UPDATE_TICKET_HANDLER

    return UPDATE_TICKET_HANDLER


def _load_send_alert() -> ActionHandler:
    from nps_connect.services.cases.actions import SEND_ALERT_HANDLER

    return SEND_ALERT_HANDLER


def _load_write_case_outcome() -> ActionHandler:
    from nps_connect.services.cases.outcome_action import WRITE_CASE_OUTCOME_HANDLER

    return WRITE_CASE_OUTCOME_HANDLER


def _load_send_case_reminder() -> ActionHandler:
    from nps_connect.services.cases.overdue import SEND_CASE_REMINDER_HANDLER

    return SEND_CASE_REMINDER_HANDLER


OPEN_TICKET = ActionSpec(
    action="open_ticket",
    hook="nps_open_tickets",
    load_handler=_load_open_ticket,
    retry_plan=parse_retry_plan("5s 15s 30s 1m 2m 5m 10m 30m 1h 2h 4h 8h 12h 12h 12h", total="3d"),
    priority=1,
    grace_period=timedelta(seconds=20),
    has_exclusive_receipt=True,
    can_be_skipped=False,
    alarms_staff=True,
)
UPDATE_TICKET = ActionSpec(
    action="update_ticket",
    hook="nps_update_tickets",
    load_handler=_load_update_ticket,
    retry_plan=parse_retry_plan("15s 1m 5m 15m 1h 2h 4h 8h 12h 12h 12h", total="3d"),
    priority=2,
    is_ordered=True,
    follows_dependency=True,
)
SEND_ALERT = ActionSpec(
    action="send_alert",
    hook="nps_send_alerts",
    load_handler=_load_send_alert,
    retry_plan=parse_retry_plan("5s 15s 30s 1m 2m 5m 10m 30m 1h 2h 4h", total="12h"),
    priority=3,
    grace_period=timedelta(seconds=20),
    can_be_skipped=False,
    alarms_staff=True,
)
WRITE_CASE_OUTCOME = ActionSpec(
    action="write_case_outcome",
    hook="nps_write_case_outcomes",
    load_handler=_load_write_case_outcome,
    retry_plan=parse_retry_plan("15s 1m 5m 15m 1h 2h 4h 8h 12h 12h 12h", total="3d"),
    priority=11,
    is_ordered=True,
    overwrites=True,
    contact_lookup="target",
)
SEND_CASE_REMINDER = ActionSpec(
    action="send_case_reminder",
    hook="nps_send_messages",
    load_handler=_load_send_case_reminder,
    retry_plan=parse_retry_plan("15s 1m 5m 15m 1h 2h 4h 8h 12h", total="2d"),
    priority=4,
    can_be_skipped=False,
    alarms_staff=True,
)
ACTIONS = (OPEN_TICKET, UPDATE_TICKET, SEND_ALERT, WRITE_CASE_OUTCOME, SEND_CASE_REMINDER)
