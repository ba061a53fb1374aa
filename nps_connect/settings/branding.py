"""Types for the company's colour and logo, and for networks of reverse proxies."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

COLOUR_PATTERN = r"^#[0-9a-fA-F]{6}$"
MAX_LOGO_BYTES = 8_192
"""Keeps an encoded mail with the logo under 40 KB."""

IMAGE_TYPES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}


def media_type(image: bytes) -> str | None:
    """Return the media type of an image that every mail program displays; None for anything else."""
    return next((media for prefix, media in IMAGE_TYPES.items() if image.startswith(prefix)), None)


def read_logo(path: Path) -> bytes:
    """Read a logo file.

    Raises:
        ValueError: it cannot be read, is larger than 8 KB, or is neither PNG, JPEG nor GIF.
    """
    try:
        with path.open("rb") as file:
            image = file.read(MAX_LOGO_BYTES + 1)
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror})") from None
    if len(image) > MAX_LOGO_BYTES:
        raise ValueError("is larger than 8 KB, and it is part of every mail")
    if media_type(image) is None:
        raise ValueError("is neither PNG, JPEG nor GIF, which all mail programs display")
    return image


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text.strip(), strict=False))
    except ValueError:
        raise ValueError("not an address or a network, such as 10.0.0.1 or 10.0.0.0/8") from None


Colour = Annotated[str, Field(pattern=COLOUR_PATTERN)]
ProxyNetwork = Annotated[str, AfterValidator(_network)]
