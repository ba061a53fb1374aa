"""The actions of opt-outs and erasures: their facts, without the functions that carry them out."""

from __future__ import annotations

from nps_connect.rules.retry_plan import parse_retry_plan
from nps_connect.services.action_spec import ActionHandler, ActionSpec


def _load_write_opt_out() -> ActionHandler:
    from nps_connect.services.suppressions.actions import WRITE_OPT_OUT_HANDLER

    return WRITE_OPT_OUT_HANDLER


def _load_erase_contact() -> ActionHandler:
    from nps_connect.services.suppressions.actions import ERASE_CONTACT_HANDLER

    return ERASE_CONTACT_HANDLER


WRITE_OPT_OUT = ActionSpec(
    action="write_opt_out",
    hook="nps_write_opt_outs",
    load_handler=_load_write_opt_out,
    retry_plan=parse_retry_plan("15s 1m 5m 15m 1h 4h 12h 1d 1d 1d 1d 1d", total="7d"),
    priority=9,
    is_ordered=True,
)
ERASE_CONTACT = ActionSpec(
    action="erase_contact",
    hook="nps_erase_contacts",
    load_handler=_load_erase_contact,
    retry_plan=parse_retry_plan("15s 1m 5m 15m 1h 4h 12h 1d 1d 1d 1d 1d", total="7d"),
    priority=10,
    erases=True,
)
ACTIONS = (WRITE_OPT_OUT, ERASE_CONTACT)
