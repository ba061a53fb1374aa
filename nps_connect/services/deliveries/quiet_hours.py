"""Quiet times: mail to customers that falls due in them waits for their end, before anybody is looked up."""

from __future__ import annotations

from collections.abc import Mapping

from nps_connect.records.contacts import Contact
from nps_connect.records.deliveries import HoldCode
from nps_connect.rules.quiet_hours import next_allowed_time
from nps_connect.rules.timing import contact_zone
from nps_connect.services.context import Context
from nps_connect.services.deliveries.preflight import NotAttempted


def defer_in_quiet_hours(ctx: Context, people: Mapping[int, Contact]) -> dict[int, NotAttempted]:
    """What must wait now, by row id: it is late, or a day off, where the person lives."""
    now, core = ctx.clock(), ctx.settings.core
    waiting = {}
    for row_id, contact in people.items():
        opens = next_allowed_time(now, ctx.settings.limits, contact_zone(contact.timezone, core.zone))
        if opens > now:
            waiting[row_id] = NotAttempted.deferred(
                HoldCode.QUIET_HOURS, opens, f"{opens.astimezone(core.zone):%a %H:%M}"
            )
    return waiting
