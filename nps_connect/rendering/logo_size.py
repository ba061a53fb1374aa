"""Reads the size of the logo in mails from its bytes: mail programs need explicit dimensions. Pure."""

from __future__ import annotations

import struct

LOGO_HEIGHT = 40
MAX_LOGO_WIDTH = 240
_NO_SIZE = {0xD8, *range(0xD0, 0xD8), 0x01, 0xFF}
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}


def display_size(image: bytes) -> tuple[int, int]:
    """Return width and height to show a logo in: 40 px high, at most 240 px wide, proportions kept."""
    width, height = _image_size(image) or (LOGO_HEIGHT, LOGO_HEIGHT)
    scale = min(LOGO_HEIGHT / height, MAX_LOGO_WIDTH / width)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _image_size(image: bytes) -> tuple[int, int] | None:
    """Return the image's width and height; None if they cannot be read."""
    try:
        if image.startswith(b"\x89PNG"):
            size: tuple[int, ...] | None = struct.unpack(">II", image[16:24])
        elif image.startswith(b"GIF8"):
            size = struct.unpack("<HH", image[6:10])
        else:
            size = _jpeg_size(image)
    except (struct.error, IndexError):
        return None
    return (size[0], size[1]) if size and all(size) else None


def _jpeg_size(image: bytes) -> tuple[int, ...] | None:
    at = 2
    while at + 9 < len(image):
        if image[at] != 0xFF:
            return None
        kind = image[at + 1]
        if kind in _FRAMES:
            height, width = struct.unpack(">HH", image[at + 5 : at + 9])
            return width, height
        at += 1 if kind == 0xFF else 2 if kind in _NO_SIZE else 2 + struct.unpack(">H", image[at + 2 : at + 4])[0]
    return None
