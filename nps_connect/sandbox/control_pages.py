"""The sandbox's own pages as HTML: what the vendors and the mailbox hold, and a form that simulates an event."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

from nps_connect.sandbox.mail import ReceivedMail

if TYPE_CHECKING:
    from jinja2 import Environment

    from nps_connect.sandbox.sandbox import Sandbox

ROW_LIMIT = 50
DEFAULT_PERSON = {"name": "Marie Martin", "email": "marie@example.com", "language": "en"}
MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
)
"""A mail runs no script, loads nothing, and belongs to no origin; its links open in a new tab."""

_HEAD = re.compile(r"<head[^>]*>", re.IGNORECASE)
_NEW_TAB = '<base target="_blank">'


@cache
def _templates() -> Environment:
    from jinja2 import Environment, PackageLoader

    return Environment(
        loader=PackageLoader("nps_connect.sandbox"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )


def render_index(sandbox: Sandbox, *, form: Mapping[str, str] | None = None, result: str = "") -> str:
    """Return the page with mailbox, vendors and form.

    Args:
        sandbox: what to show.
        form: the values sent with the form; None shows an example.
        result: what the form did, or why it was refused.
    """
    mails = sandbox.mailbox.mails()
    vendors = {
        name: {"base_url": sandbox.base_url(name), "tables": vendor.tables()}
        for name, vendor in sandbox.vendors.items()
    }
    sources = [
        {"value": f"{vendor} {kind}", "title": f"{kind} ({sandbox.connection_name(vendor)})"}
        for vendor, kinds in sandbox.event_kinds.items()
        for kind in kinds
        if vendor in sandbox.vendors
    ]
    return (
        _templates()
        .get_template("index.html.j2")
        .render(
            vendors=vendors,
            sources=sources,
            product_url=sandbox.product_url,
            person={**DEFAULT_PERSON, **(form or {})},
            chosen=(form or {}).get("event"),
            result=result,
            mails=mails[: -ROW_LIMIT - 1 : -1],
            mail_count=len(mails),
            smtp_url=sandbox.mailbox.smtp_url,
            row_limit=ROW_LIMIT,
        )
    )


def render_mail(sandbox: Sandbox, mail: ReceivedMail) -> str:
    """Return the page of one mail: the HTML part in a frame without rights, the text part, links and source."""
    return _templates().get_template("mail.html.j2").render(vendors=sandbox.vendors, mail=mail)


def mail_frame(mail: ReceivedMail) -> str:
    """Return the HTML part of a mail for the frame; its links open in a new tab."""
    html = mail.displayed_html()
    head = _HEAD.search(html)
    return f"{html[: head.end()]}{_NEW_TAB}{html[head.end() :]}" if head else f"{_NEW_TAB}{html}"
