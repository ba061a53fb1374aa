"""Sample mails to customers, and an approximation of classic Outlook's rendering."""

from __future__ import annotations

import base64
import re
import struct
import zlib
from datetime import UTC, datetime

from nps_connect.rendering.catalogs import render_template
from nps_connect.rendering.colours import build_palette
from nps_connect.rendering.mails import Logo, RenderedText, Sender, render_review_mail, render_survey_mail

SENDER = Sender(
    company="Exemple SA",
    help_address="care@example.com",
    privacy_notice_url="https://www.example.com/privacy",
    postal_address="1 rue de l’Exemple\n75000 Paris",
)
SURVEY_URL = "https://nps.example.com/s/tok.en"
UNSUBSCRIBE_URL = "https://nps.example.com/u/other"
REVIEW_URL = "https://reviews.example.com/write?place=1&lang=fr"
LOGO = Logo(content_id="logo", width=100, height=40)

_LINK_STYLES = re.compile(r"(?:^|;)(?:display|width|height|padding|border[a-z-]*|background[a-z-]*):[^;]*")
_UNSUPPORTED_STYLES = re.compile(r"(?:max-width|border-radius|background-image):[^;\"]*;?|display:inline-table;?")


def sample_survey_mail(language: str = "fr", **changes: object) -> RenderedText:
    values = {
        "language": language,
        "sender": SENDER,
        "name": "Marie Martin",
        "touchpoint": "after-purchase",
        "question": None,
        "survey_url": SURVEY_URL,
        "unsubscribe_url": UNSUBSCRIBE_URL,
        "expires_at": datetime(2026, 3, 3, 12, tzinfo=UTC),
        **changes,
    }
    return render_survey_mail(**values)


def sample_review_mail(language: str = "fr", lead: str = "review", **changes: object) -> RenderedText:
    values = {
        "language": language,
        "sender": SENDER,
        "name": None,
        "lead": lead,
        "platform": "Avis Exemple",
        "review_url": REVIEW_URL,
        "unsubscribe_url": UNSUBSCRIBE_URL,
        **changes,
    }
    return render_review_mail(**values)


def right_to_left_mail() -> str:
    """Return the HTML of a survey mail in a right-to-left language; the texts stay English."""
    return render_template(
        "survey.html.j2",
        "ar",
        subject="Would you recommend Exemple SA?",
        greeting="Hello,",
        reason="You bought something.",
        question="How likely are you to recommend us?",
        survey_url=SURVEY_URL,
        unsubscribe_url=UNSUBSCRIBE_URL,
        last_day="3 March 2026",
        reminder=False,
        confirm=2,
        signed_by="Exemple SA",
        test=False,
        company="Exemple SA",
        help_address="care@example.com",
        privacy_notice_url="https://www.example.com/privacy",
        colours=build_palette("#174ea6"),
        logo=LOGO,
        postal_lines=["1 rue de l’Exemple"],
    )


def dark_logo() -> bytes:
    """Return a PNG of 200 by 80 pixels: dark stripes on a transparent background."""
    dark, transparent = b"\x10\x20\x30\xff", b"\0\0\0\0"
    line = b"\0" + b"".join(dark if x // 20 % 2 else transparent for x in range(200))
    head = struct.pack(">IIBBBBB", 200, 80, 8, 6, 0, 0, 0)
    chunks = (b"IHDR", head), (b"IDAT", zlib.compress(line * 80)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def embed_logo(html: str) -> str:
    """Return the HTML with the logo embedded, as a mail program shows it."""
    return html.replace("cid:logo", "data:image/png;base64," + base64.b64encode(dark_logo()).decode())


def render_as_outlook(html: str) -> str:
    """Return the HTML approximately as Outlook's Word engine renders it.

    Conditional comments apply; media queries, rounded corners and box styles of links are ignored.
    """
    html = re.sub(r"<!--\[if mso\]>(.*?)<!\[endif\]-->", r"\1", html, flags=re.DOTALL)
    html = re.sub(r"<xml>.*?</xml>", "", html, flags=re.DOTALL)
    html = re.sub(r"@media.*?\n}\n", "", html, flags=re.DOTALL)
    html = re.sub(r'(<a [^>]*?style=")([^"]*)', lambda match: match[1] + _LINK_STYLES.sub("", match[2]), html)
    return _UNSUPPORTED_STYLES.sub("", html).replace("mso-padding-alt", "padding")
