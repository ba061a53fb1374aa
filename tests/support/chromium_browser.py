"""Locates and configures Chromium for browser tests."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LOOPBACK_ONLY_FLAG = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
"""Resolves no host name, so that no request leaves this machine."""

DISABLED_FEATURES = (
    "BackForwardCache",
    "HttpsUpgrades",
    "OptimizationHints",
    "PaintHolding",
    "ProactivelySwapBrowsingInstance",
    "RenderDocument",
    "SpareRendererForSitePerProcess",
    "Translate",
)
FAST_START_FLAGS = [
    "--process-per-site",
    "--in-process-gpu",
    "--disable-smooth-scrolling",
    f"--disable-features={','.join(DISABLED_FEATURES)}",
]
"""Reduces the time to open a page by a third without changing the page."""


def chromium_path() -> str:
    """Return the path of Chromium. Without it the test is skipped locally and fails in CI."""
    names = (os.environ.get("NPS_CONNECT_CHROMIUM"), "chromium", "chromium-browser", "chrome")
    executable = next((path for name in names if name and (path := shutil.which(name))), None)
    if executable is None:
        missing = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        missing("Chromium is missing: install it (apt-get install chromium), or name it in NPS_CONNECT_CHROMIUM")
    return executable


def wait_until_loaded(page: Page) -> Page:
    """Wait for the load event and return the page: after a click the new page may still lack its body."""
    page.wait_for_load_state()
    return page
