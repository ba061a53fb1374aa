"""Screenshots of the console for docs/console.md, from the running product with the demo's three shops.

Usage: ``PYTHONPATH=tests python -m support.console_pictures [FOLDER]``; the folder is docs/assets/console by default.
"""

from __future__ import annotations

import io
import socket
import sys
import tempfile
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

import uvicorn
from PIL import Image
from playwright.sync_api import Browser, sync_playwright
from support import chromium_browser
from support.application import ApplicationHarness
from support.clock import ManualClock
from support.console import add_console_user
from support.sqlite_files import create_empty_database

from nps_connect.app.web_backend import ApplicationWebBackend
from nps_connect.ledger.ledger import Ledger
from nps_connect.sandbox.demo_console import DEMO_SETTINGS
from nps_connect.sandbox.demo_history import insert_demo_history
from nps_connect.services.users.sessions import create_session
from nps_connect.web.app import create_app
from nps_connect.web.console.access import SESSION_COOKIE

FOLDER = Path(__file__).parents[2] / "docs" / "assets" / "console"
COLOURS = 128
MAX_HEIGHT = 1400
DESKTOP = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


class Picture(NamedTuple):
    """A screenshot: of which page, in which language and colours, on which device."""

    path: str
    language: str = "en"
    scheme: Literal["light", "dark"] = "light"
    device: dict[str, Any] = DESKTOP


PICTURES = {
    "overview": Picture("/console/overview"),
    "overview-phone": Picture("/console/overview", "fr", "dark", PHONE),
    "explore": Picture("/console/explore?by=location"),
    "comments": Picture("/console/comments"),
    "cases": Picture("/console/cases", "fr"),
    "problems": Picture("/console/problems"),
    "teams": Picture("/console/teams"),
}


@contextmanager
def serve_console(folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Serve the console with three shops; yield its address and the id of an administrator's session by language."""
    ledger, clock = Ledger(f"sqlite:///{create_empty_database(folder / 'ledger.db')}"), ManualClock()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        settings = tomllib.loads(DEMO_SETTINGS)
        settings["core"]["public_url"] = address
        harness = ApplicationHarness(ledger, clock, settings)
        insert_demo_history(harness.ctx)
        sessions = {}
        for language in ("en", "fr"):
            user = add_console_user(harness, f"claire.{language}@example.com", "admin", language=language)
            with ledger.write() as session:
                sessions[language] = create_session(session, user.id or 0, clock())
        app = create_app(ApplicationWebBackend(harness.ctx), clock=clock)
        server = uvicorn.Server(uvicorn.Config(app, access_log=False, log_level="warning", lifespan="off", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        yield address, sessions
        server.should_exit = True
        thread.join(10)
    ledger.close()


def main(arguments: list[str]) -> int:
    """Write all pictures; return the exit code."""
    target = Path(arguments[0]) if arguments else FOLDER
    target.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        serve_console(Path(folder)) as (address, sessions),
        sync_playwright() as playwright,
    ):
        path = chromium_browser.chromium_path()
        browser = playwright.chromium.launch(executable_path=path, args=chromium_browser.CHROMIUM_FLAGS)
        for name, picture in PICTURES.items():
            content = _take(browser, address, sessions[picture.language], picture)
            size = _write(target / f"{name}.png", content)
            sys.stdout.write(f"{name}.png: {size // 1000} KB\n")
        browser.close()
    return 0


def _take(browser: Browser, address: str, session_id: str, picture: Picture) -> bytes:
    """Return the screenshot of a page.

    Raises:
        RuntimeError: the page does not exist.
    """
    context = browser.new_context(
        **picture.device, color_scheme=picture.scheme, locale=picture.language, base_url=address
    )
    context.add_cookies([{"name": SESSION_COOKIE, "value": session_id, "url": address}])
    page = context.new_page()
    response = page.goto(picture.path)
    if response is None or response.status != 200:
        raise RuntimeError(f"{picture.path}: status {response and response.status}")
    content = page.screenshot(full_page=True)
    context.close()
    return content


def _write(path: Path, content: bytes) -> int:
    """Write a picture, cut to a readable height and with few colours; return its size in bytes."""
    image = Image.open(io.BytesIO(content)).convert("RGB")
    image = image.crop((0, 0, image.width, min(image.height, MAX_HEIGHT)))
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    return path.stat().st_size


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
