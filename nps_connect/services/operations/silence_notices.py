"""Tell staff once when a connection is silent for longer than its own habit explains."""

from __future__ import annotations

from nps_connect.rendering.notices import render_connection_silent
from nps_connect.rules.silence import MIN_COMPARED_WEEKS
from nps_connect.services.context import Context
from nps_connect.services.notices.staff_notices import notify_once
from nps_connect.services.operations.load_connections import load_connections


def notify_silent_connections(ctx: Context) -> int:
    """Enqueue one mail to the fallback address per silence, outside of quiet hours; return how many.

    A connection that is too young to have a habit is reported by `status` alone.
    """
    core, now = ctx.settings.core, ctx.clock()
    with ctx.ledger.read() as session:
        silent = {
            name: status.last_event_at
            for name, status in load_connections(session, ctx.settings, now).items()
            if status.is_silent and status.last_event_at is not None and len(status.usual_events) >= MIN_COMPARED_WEEKS
        }
    queue_names: list[str] = []
    for name, since in silent.items():
        notice = render_connection_silent(core.language, connection=name, since=since, zone=core.zone)
        subject = f"silence:{name}:{since.isoformat()}"
        with ctx.ledger.write() as session:
            queue_names += notify_once(
                ctx, session, subject, notice, finding="webhook-silence", stopped=[name], is_urgent=False
            )
    for queue_name in queue_names:
        ctx.wake(queue_name)
    return len(queue_names)
