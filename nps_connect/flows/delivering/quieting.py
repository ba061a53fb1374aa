"""Quiet times: mail to customers that falls due in them waits for their end, before anybody is looked up."""

from __future__ import annotations

from collections.abc import Mapping

from nps_connect.flows.context import Context
from nps_connect.flows.delivering.endings import Ending
from nps_connect.records.contacts import Contact
from nps_connect.rules.quiet import next_open, zone_of


def quieted(ctx: Context, people: Mapping[int, Contact]) -> dict[int, Ending]:
    """What must wait now, by row id: it is late, or a day off, where the person lives."""
    now, core = ctx.clock(), ctx.settings.core
    waiting = {}
    for row_id, contact in people.items():
        opens = next_open(now, ctx.settings.limits, zone_of(contact.timezone, core.zone))
        if opens > now:
            waiting[row_id] = Ending("pending", "it is quiet where the person lives", opens)
    return waiting
