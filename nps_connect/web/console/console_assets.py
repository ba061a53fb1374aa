"""Style sheet and script of the console, in the company's colour, under addresses that change with their content."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from starlette.responses import Response

from nps_connect.rendering.colours import build_palette

ASSET_FOLDER = Path(__file__).with_name("assets")
ASSETS_PATH = "/console/assets/"
MEDIA_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


class ConsoleAsset(NamedTuple):
    """A file that pages of the console load.

    Attributes:
        content: the whole file.
        version: of the content, for its address.
        media_type: for the browser.
    """

    content: bytes
    version: str
    media_type: str


@lru_cache(maxsize=32)
def load_console_asset(name: str, colour: str) -> ConsoleAsset:
    """Return a file of the console with the company's colour."""
    text = (ASSET_FOLDER / name).read_text("utf-8")
    palette = build_palette(colour)
    for variable in ("on_dark_main", "dark_main", "on_main", "main"):
        text = text.replace(f": {variable.upper()};", f": {getattr(palette, variable)};")
    content = text.encode()
    return ConsoleAsset(content, hashlib.sha256(content).hexdigest()[:16], MEDIA_TYPES[name.rpartition(".")[2]])


@lru_cache(maxsize=32)
def asset_address(name: str, colour: str) -> str:
    """Return the address of a file of the console."""
    return f"{ASSETS_PATH}{load_console_asset(name, colour).version}/{name}"


def asset_response(name: str, version: str, colour: str) -> Response | None:
    """Return the response to a request of an asset; None if there is no such file.

    Browsers keep the current version for a year. Another one, of a server that is about to be replaced, is not kept.
    """
    if name not in {path.name for path in ASSET_FOLDER.iterdir()}:
        return None
    asset = load_console_asset(name, colour)
    is_current = version == asset.version
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable" if is_current else "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(asset.content, media_type=asset.media_type, headers=headers)
