"""How the company looks and how it is reached: its colour, its logo, the proxies before it."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

COLOUR_PATTERN = r"^#[0-9a-fA-F]{6}$"
MAX_LOGO_BYTES = 8_192
"""Bytes; with it, the whole mail as it travels stays under 40 KB."""

IMAGE_TYPES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}


def media_type(image: bytes) -> str | None:
    """What kind of image these bytes are, among those that every mail program shows; none for anything else."""
    return next((kind for start, kind in IMAGE_TYPES.items() if image.startswith(start)), None)


def read_logo(path: Path) -> bytes:
    """The bytes of a logo.

    Raises:
        ValueError: it cannot be read, is larger than 8 KB, or is neither PNG, JPEG nor GIF.
    """
    try:
        with path.open("rb") as file:
            image = file.read(MAX_LOGO_BYTES + 1)
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror})") from None
    if len(image) > MAX_LOGO_BYTES:
        raise ValueError("is larger than 8 KB: it travels in every mail")
    if media_type(image) is None:
        raise ValueError("is neither PNG, JPEG nor GIF: mail programs show nothing else")
    return image


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text.strip(), strict=False))
    except ValueError:
        raise ValueError("not an address or a network, such as 10.0.0.1 or 10.0.0.0/8") from None


Colour = Annotated[str, Field(pattern=COLOUR_PATTERN)]
ProxyNetwork = Annotated[str, AfterValidator(_network)]
