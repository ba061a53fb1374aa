"""Visiting: somebody, or some machine, opened a personal review link."""

from __future__ import annotations

import ipaddress
from datetime import datetime
from urllib.parse import urlsplit

from sqlmodel import Session

from nps_connect.ledger import review_report
from nps_connect.ledger.tables import PageViewRow, ResponseRow
from nps_connect.records.deliveries import CancelCode
from nps_connect.records.pages import PageView
from nps_connect.rules import bot_detection
from nps_connect.services.context import Context
from nps_connect.services.links import ReviewLink
from nps_connect.services.reviews.reminders import cancel_reminder, load_review_deliveries


def is_safe_url(url: str) -> bool:
    """Whether customers may be sent to an address: HTTPS to a named host, or plain HTTP on this machine (sandboxes)."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        return False
    if not url.isascii() or not url.isprintable() or set(' "<>\\^`{|}') & set(url) or parts.username is not None:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host)))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def record_link_visit(ctx: Context, session: Session, response: ResponseRow, link: ReviewLink, visit: PageView) -> None:
    """Write the visit down with the signs of a machine that it shows; one without any stops the reminder."""
    sent_at = _last_sent_at(session, response, link) if link.shown_on == "mail" else None
    signs = bot_detection.detect_signals(
        bot_detection.PageVisit(visit.method, visit.at, None), (), () if sent_at is None else (sent_at,)
    )
    session.add(
        PageViewRow(
            purpose="review",
            response_id=response.id,
            platform=link.platform,
            method=visit.method,
            at=visit.at,
            address=visit.address,
            agent=visit.agent,
            bot_signals=bot_detection.serialize_signals(signs),
        )
    )
    session.flush()
    review_report.record_review_link_event(
        session, response.id or 0, link.platform, "bot_opened" if signs else "opened"
    )
    if not signs:
        cancel_reminder(ctx, session, response.id or 0, CancelCode.REVIEW_LINK_OPENED)


def _last_sent_at(session: Session, response: ResponseRow, link: ReviewLink) -> datetime | None:
    """When the newest mail with this link was handed over."""
    sent = [
        row.finished_at
        for row in load_review_deliveries(session, response.id or 0)
        if row.state == "succeeded" and row.finished_at is not None and row.options.get("platform") == link.platform
    ]
    return max(sent, default=None)
