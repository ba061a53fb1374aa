"""Visiting: somebody, or some machine, opened a personal review link."""

from __future__ import annotations

import ipaddress
from datetime import datetime
from urllib.parse import urlsplit

from sqlmodel import Session

from nps_connect.flows.context import Context
from nps_connect.flows.links import ReviewLink
from nps_connect.flows.reviewing.reminding import invitations_of, stop_reminder
from nps_connect.ledger import accounts
from nps_connect.ledger.tables import ResponseRow, VisitRow
from nps_connect.records.pages import VisitInfo
from nps_connect.rules import machines

OPENED = "the review link was opened"


def safe(url: str) -> bool:
    """Whether customers may be sent to an address: HTTPS to a named host, or plain HTTP on this machine (sandboxes)."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        return False
    if not url.isascii() or not url.isprintable() or set(' "<>\\^`{|}') & set(url) or parts.username is not None:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and _loopback(host)))


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def note_visit(ctx: Context, session: Session, response: ResponseRow, link: ReviewLink, visit: VisitInfo) -> None:
    """Write the visit down with the signs of a machine that it shows; one without any stops the reminder."""
    sent_at = _sent_at(session, response, link) if link.shown == "mail" else None
    signs = machines.signs(machines.Opening(visit.method, visit.at, None), (), () if sent_at is None else (sent_at,))
    session.add(
        VisitRow(
            purpose="review",
            response_id=response.id,
            platform=link.platform,
            method=visit.method,
            at=visit.at,
            address=visit.address,
            agent=visit.agent,
            signs=machines.write(signs),
        )
    )
    session.flush()
    accounts.mark(session, response.id or 0, link.platform, "machine" if signs else "opened")
    if not signs:
        stop_reminder(ctx, session, response.id or 0, reason=OPENED)


def _sent_at(session: Session, response: ResponseRow, link: ReviewLink) -> datetime | None:
    """When the newest mail with this link was handed over."""
    sent = [
        row.finished_at
        for row in invitations_of(session, response.id or 0)
        if row.state == "succeeded" and row.finished_at is not None and row.options.get("platform") == link.platform
    ]
    return max(sent, default=None)
