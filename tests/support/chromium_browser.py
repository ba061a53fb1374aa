"""Which browser tests use, and how it is started."""

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
"""No name is looked up: whatever a page asks for, nothing leaves this machine."""

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
"""Less work for each page, and nothing less for the page itself: opening one takes a third less."""


def chromium_path() -> str:
    """Where Chromium is. Without it the test is skipped at home, and fails in CI."""
    names = (os.environ.get("NPS_CONNECT_CHROMIUM"), "chromium", "chromium-browser", "chrome")
    found = next((path for name in names if name and (path := shutil.which(name))), None)
    if found is None:
        missing = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        missing("Chromium is missing: install it (apt-get install chromium), or name it in NPS_CONNECT_CHROMIUM")
    return found


def wait_until_loaded(page: Page) -> Page:
    """The same page, whole: a press only waits until the next one begins, when it may still be without a body."""
    page.wait_for_load_state()
    return page
