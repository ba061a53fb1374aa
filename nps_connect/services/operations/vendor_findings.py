"""Findings on a vendor from what it said: its clock, and the ends that it has announced."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

from nps_connect.errors import PluginError
from nps_connect.ledger.observations import load_observations, record_observation
from nps_connect.records.findings import Finding
from nps_connect.services.context import Context

log = logging.getLogger(__name__)

SKEW_WARNING = timedelta(seconds=60)
SKEW_ERROR = timedelta(seconds=240)
"""Signed webhooks are accepted for 300 seconds."""

END_WARNING = timedelta(days=180)
ANNOUNCEMENT_LIFETIME = timedelta(days=30)
"""An announcement that no response has repeated for this time is not reported any more."""

CLOCK_FIX = "synchronize this machine's clock with a time server; to see its state: timedatectl"


def clock_findings(ctx: Context, connection: str) -> list[Finding]:
    """Compare this machine's clock with the vendor's, as its last response to this process showed it."""
    client = ctx.connections[connection].client
    skew = None if client is None else client.notices.clock_skew
    if skew is None:
        return []
    seconds, title = abs(skew.total_seconds()), ctx.connector_info(connection).title
    if abs(skew) <= SKEW_WARNING:
        return [Finding(severity="ok", text=f"clock within {max(seconds, 1):.0f} s of {title}'s")]
    direction = "ahead of" if skew > timedelta() else "behind"
    text = f"this machine's clock is {seconds:.0f} s {direction} {title}'s; signed webhooks are accepted for 300 s"
    severity = "error" if abs(skew) > SKEW_ERROR else "warning"
    return [Finding(id="clock-skew", severity=severity, text=text, fix=CLOCK_FIX)]


def announced_end_findings(ctx: Context, connection: str) -> Iterator[Finding]:
    """Yield the announced ends of what a connection uses: those that its plugin lists, and those in responses."""
    now, title = ctx.clock(), ctx.connector_info(connection).title
    settings = ctx.connections[connection].settings
    try:
        listed = [end for end in ctx.plugins.vendor_ends(settings.plugin) if end.concerns(settings)]
    except PluginError as error:
        listed = []
        yield Finding(id="plugin-broken", severity="warning", text=str(error), fix="update the plugin, or report it")
    for end in listed:
        days_left = (end.on - now.date()).days
        remaining = f"in {days_left} days" if days_left > 0 else "over"
        text = f"{title} ends {end.what} on {end.on} ({remaining}); announced at {end.source}"
        if days_left > END_WARNING.days:
            yield Finding(severity="ok", text=text)
        else:
            severity = "warning" if days_left > 0 else "error"
            yield Finding(id="vendor-announcement", severity=severity, text=text, fix=end.fix)
    with ctx.ledger.read() as session:
        observations = load_observations(session, "announced_end")
    for subject, row in observations.items():
        name, _, action = subject.partition("/")
        if name == connection and now - row.at < ANNOUNCEMENT_LIFETIME:
            yield _describe_announcement(title, action, row.detail, now)


def record_announced_ends(ctx: Context) -> None:
    """Store and log the ends that responses to this process have announced, each once a day."""
    now = ctx.clock()
    for name, connection in ctx.connections.items():
        for end in connection.client.notices.take_unreported(now) if connection.client is not None else ():
            moments = {"deprecated_at": end.deprecated_at, "ends_at": end.ends_at}
            detail = {key: value.isoformat() for key, value in moments.items() if value is not None}
            if end.link is not None:
                detail["link"] = end.link
            with ctx.ledger.write() as session:
                record_observation(session, "announced_end", f"{name}/{end.action}", now=now, detail=detail)
            log.warning(
                "vendor_announcement connection=%s action=%s ends_at=%s finding=vendor-announcement",
                name,
                end.action,
                detail.get("ends_at"),
            )


def _describe_announcement(title: str, action: str, detail: dict[str, str], now: datetime) -> Finding:
    ends_at = datetime.fromisoformat(detail["ends_at"]) if "ends_at" in detail else None
    when = "" if ends_at is None else f" and ends them on {ends_at:%Y-%m-%d}"
    source = f"; see {detail['link']}" if "link" in detail else ""
    return Finding(
        id="vendor-announcement",
        severity="error" if ends_at is not None and ends_at <= now else "warning",
        text=f"{title} announces in its responses that it discourages the calls of {action}{when}{source}",
        fix="update the plugin; if its newest version makes the same calls, report it to its author",
    )
