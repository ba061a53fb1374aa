"""Browser tests with real pages. Without Chromium they are skipped locally and fail in CI."""

import contextlib
import socket
import threading
from datetime import UTC, datetime
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
import uvicorn
from support import chromium_browser

from nps_connect.web.app import create_app

ROOT = Path(__file__).parents[2]
SCREENSHOT_FOLDER = ROOT / "artifacts" / "browser"
DEVICES = {
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
    "small": {"viewport": {"width": 320, "height": 640}, "has_touch": True, "is_mobile": True},
    "desktop": {"viewport": {"width": 1280, "height": 800}},
}


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="module")  # no wider scope: while it is open, no other event loop can run in this thread
def chromium():
    path = chromium_browser.chromium_path()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=chromium_browser.CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def devices():
    """Options of browser windows, by device."""
    return DEVICES


@pytest.fixture
def backend():
    path = ROOT / "tests" / "web" / "memory_backend.py"
    spec = spec_from_file_location("memory_backend", path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.MemoryBackend()


@pytest.fixture
def address(backend):
    """Base URL of the pages, served on a loopback port."""
    listener = socket.create_server(("127.0.0.1", 0))
    backend.public_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    app = create_app(backend, clock=lambda: datetime(2026, 3, 3, 12, tzinfo=UTC))
    config = uvicorn.Config(app, access_log=False, log_level="warning", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield backend.public_url
    server.should_exit = True
    thread.join(10)
    listener.close()


@pytest.fixture
def visit(chromium, address):
    """Opens a browser window: `visit(device, javascript=..., scheme=...)`; records requests and script errors."""
    with contextlib.ExitStack() as windows:

        def open_window(device="phone", *, javascript=True, scheme="light", **more):
            context = chromium.new_context(
                **DEVICES[device],
                java_script_enabled=javascript,
                color_scheme=scheme,
                base_url=address,
                **more,
            )
            windows.callback(context.close)
            page = context.new_page()
            page.set_default_timeout(10_000)
            page.requests, page.errors = [], []
            page.on("request", lambda request: page.requests.append((request.method, request.url)))
            page.on("console", lambda message: page.errors.append(message.text))
            page.on("pageerror", lambda error: page.errors.append(str(error)))
            return page

        yield open_window


@pytest.fixture
def screenshot():
    """Stores a screenshot among the build artefacts."""
    SCREENSHOT_FOLDER.mkdir(parents=True, exist_ok=True)

    def take_screenshot(page, name):
        chromium_browser.wait_until_loaded(page).screenshot(path=SCREENSHOT_FOLDER / f"{name}.png", full_page=True)

    return take_screenshot
