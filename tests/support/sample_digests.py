"""A digest with everything in it, and changes of it."""

from __future__ import annotations

import base64
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from support.sample_mails import SENDER

from nps_connect.rendering.digest import (
    DigestCall,
    DigestComment,
    DigestContent,
    DigestGroup,
    DigestTrend,
    render_digest,
)
from nps_connect.rendering.digest_chart import TrendPoint, draw_trend
from nps_connect.rendering.mails import RenderedText
from nps_connect.rules.nps_arithmetic import compute_difference, compute_nps

NOW = datetime(2026, 11, 30, 7, tzinfo=UTC)
CONSOLE_URL = "https://nps.example.com/console"
LEAVE_URL = "https://nps.example.com/d/tok.en"
FIGURE, EARLIER = compute_nps(154, 63, 35), compute_nps(140, 66, 46)
TREND = tuple(TrendPoint(30.0 + week, 18.0 + week, 41.0 + week) for week in range(13))
CALLS = [
    DigestCall(
        "Marie Martin", 2, "marie@example.com", "01 99 00 12 34", "Lyon", "Late again.", NOW + timedelta(hours=9)
    ),
    DigestCall("Paul Bernard", 4, "paul@example.com", None, "Paris", None, NOW - timedelta(days=1)),
    DigestCall(None, 6, "chloe@example.com"),
]
GROUPS = [
    DigestGroup("Lille", compute_nps(38, 24, 18), "below"),
    DigestGroup("Lyon", compute_nps(66, 20, 8)),
    DigestGroup("Villeurbanne", compute_nps(9, 2, 1)),
]
COMMENTS = [
    DigestComment(10, "Found the part within an hour.", NOW - timedelta(days=2), "Lyon"),
    DigestComment(3, "Promised for Tuesday, came on Friday.", NOW - timedelta(days=4), "Lille"),
]


def sample_content(**changes: object) -> DigestContent:
    values = {
        "every": "week",
        "team": None,
        "first_day": date(2026, 11, 23),
        "last_day": date(2026, 11, 29),
        "responses": 34,
        "invited": 112,
        "period": "3-months",
        "figure": FIGURE,
        "earlier": EARLIER,
        "movement": compute_difference(FIGURE, EARLIER),
        "trend": DigestTrend(date(2026, 8, 31), date(2026, 11, 29), TREND),
        "calls": CALLS,
        "calls_total": 7,
        "groups": GROUPS,
        "comments": COMMENTS,
        "at": NOW,
        **changes,
    }
    return DigestContent(**values)


def sample_digest(language: str = "en", **changes: object) -> RenderedText:
    return render_digest(
        sample_content(**changes),
        language=language,
        sender=SENDER,
        zone=ZoneInfo("Europe/Paris"),
        console_url=CONSOLE_URL,
        leave_url=LEAVE_URL,
    )


def embed_trend(html: str) -> str:
    """Return the HTML with the picture embedded, as a mail program shows it."""
    return html.replace("cid:trend", "data:image/png;base64," + base64.b64encode(draw_trend(TREND, "#174ea6")).decode())
