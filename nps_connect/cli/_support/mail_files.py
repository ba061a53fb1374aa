"""Write a mail to an HTML file and a text file, to be looked at."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nps_connect.cli._support.errors import CommandError

if TYPE_CHECKING:
    from nps_connect.records.messages import Message


def write_mail(message: Message, folder: Path, stem: str) -> dict[str, Any]:
    """Write both parts of a mail; return its subject, the files, and the size of the first in bytes.

    Args:
        message: the mail.
        folder: created if it is missing.
        stem: name of the files without ending.

    Raises:
        CommandError: a file cannot be written.
    """
    html, text = folder / f"{stem}.html", folder / f"{stem}.txt"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        html.write_text(_embed_images(message), encoding="utf-8")
        text.write_text(f"Subject: {message.subject}\n\n{message.text}\n", encoding="utf-8")
    except OSError as error:
        raise CommandError(f"cannot write {error.filename}: {error.strerror}") from None
    return {"subject": message.subject, "html": str(html), "text": str(text), "bytes": len(html.read_bytes())}


def _embed_images(message: Message) -> str:
    """Return the HTML part with its inline images as data URLs, so that a browser displays them."""
    html = message.html or ""
    for image in message.inline_images:
        data = base64.b64encode(image.data).decode()
        html = html.replace(f"cid:{image.content_id}", f"data:{image.media_type};base64,{data}")
    return html
