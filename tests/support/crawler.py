"""A mail scanner with a browser: opens links in random order in several tabs, without activating any control."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, deque
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import timedelta
from http.client import HTTPConnection
from typing import Any, Self
from urllib.parse import urlsplit

from playwright.async_api import Error, async_playwright
from support import chromium_browser
from support.clock import ManualClock
from support.random_walk import explore_page

from nps_connect.sandbox.mail import ReceivedMail

WINDOW_OPTIONS = (
    {"viewport": {"width": 1280, "height": 800}},
    {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "color_scheme": "dark"},
)
PAUSE_SECONDS = (0, 0, 0, 0.05, 3, 9)
"""Possible delays, in seconds of the application's clock, before a link is opened; most are zero."""

REPEAT_PROBABILITY, PREFETCH_PROBABILITY, FOLLOW_PROBABILITY, FULL_PAGE_PROBABILITY = 0.03, 0.03, 0.05, 0.2
"""Probabilities that a link is opened in two tabs, that a mail is shown with prefetched links, that a link of the page
is followed, and that a page is explored completely."""

PREFETCH_SCRIPT = """links => Promise.all(links.map(href => new Promise(done => {
  const link = document.createElement("link");
  Object.assign(link, {rel: "prefetch", href, onload: done, onerror: done});
  document.head.append(link);
})))"""
HTTP_CLIENTS = 8


class TabInput:
    """Sends input to one tab and keeps the last events, for the report of an unexpected request."""

    def __init__(self, session) -> None:
        self._session = session
        self.last: deque[str] = deque(maxlen=24)

    async def send(self, method: str, values: dict[str, Any]) -> None:
        self.last.append(f"{values['type']} {values.get('key', '')}")
        await self._session.send(method, values)


class Crawler:
    """Opens links and explores the pages.

    Args:
        browser: of Playwright.
        clock: the application's.
        rng: makes all random choices.
        base_url: of the application.

    Attributes:
        methods: number of requests by HTTP method.
        hosts: of the requests.
        opened: number of opened pages by reason.
        errors: of the pages' scripts.
        submissions: every request that is not a GET: method, address, body, and the page's last input events.
        reloads: pages that the browser reloaded while they were explored: old and new address.
    """

    def __init__(self, browser, clock: ManualClock, rng: random.Random, base_url: str) -> None:
        self._browser, self._clock, self._rng, self._base_url = browser, clock, rng, base_url
        self._idle: asyncio.Queue = asyncio.Queue()
        self._inputs: dict[object, TabInput] = {}
        self.methods: Counter[str] = Counter()
        self.hosts: set[str] = set()
        self.opened: Counter[str] = Counter()
        self.errors: list[str] = []
        self.submissions: list[tuple[str, str, str | None, list]] = []
        self.reloads: list[tuple[str, str]] = []

    async def open_tabs(self, count: int) -> None:
        """Open this number of tabs."""
        windows = [await self._browser.new_context(**options) for options in WINDOW_OPTIONS]
        for window in windows:
            window.on("request", self._record_request)
            window.on("weberror", lambda error: self.errors.append(str(error.error)))
        for number in range(count):
            window = windows[number % len(windows)]
            page = await window.new_page()
            tab_input = self._inputs[page] = TabInput(await window.new_cdp_session(page))
            self._idle.put_nowait((page, tab_input))

    def _record_request(self, request) -> None:
        self.methods[request.method] += 1
        if request.method != "GET":
            last_inputs = list(self._inputs[request.frame.page].last)
            self.submissions.append((request.method, request.url, request.post_data, last_inputs))
        self.hosts.add(urlsplit(request.url).hostname or "")

    async def _explore(self, page, tab_input) -> list[str]:
        """Explore the page and return its links; continues if the browser reloads the page meanwhile."""
        address = page.url
        try:
            return await explore_page(page, tab_input, self._rng, thorough=self._rng.random() < FULL_PAGE_PROBABILITY)
        except Error as error:
            if "Execution context was destroyed" not in error.message:
                raise
            await page.wait_for_load_state("domcontentloaded")
            self.reloads.append((address, page.url))
            return await explore_page(page, tab_input, self._rng, thorough=False)

    async def open(self, link: str, reason: str = "link") -> None:
        """Open a link in a free tab and explore the page; sometimes follow a link of the page."""
        self._clock.forward(timedelta(seconds=self._rng.choice(PAUSE_SECONDS)))
        page, tab_input = await self._idle.get()
        try:
            response = await page.goto(link, wait_until="domcontentloaded")  # its script has run by then
            assert response is not None
            assert response.status == 200, f"{response.status}: {link}"
            page_links = await self._explore(page, tab_input)
            # Review links lead to external sites and are left out: no request may leave this machine.
            links = [url for url in page_links if url.startswith((f"{self._base_url}/s/", f"{self._base_url}/u/"))]
            if links and self._rng.random() < FOLLOW_PROBABILITY:
                await page.goto(self._rng.choice(links), wait_until="domcontentloaded")
                await self._explore(page, tab_input)
                self.opened["link of a page"] += 1
        finally:
            self._idle.put_nowait((page, tab_input))
        self.opened[reason] += 1

    async def read(self, mail: ReceivedMail) -> None:
        """Show a mail like a mail program that prefetches some links."""
        page, tab_input = await self._idle.get()
        try:
            await page.goto("about:blank")
            await page.set_content(mail.html)
            await page.evaluate(PREFETCH_SCRIPT, self._rng.sample([link for link in mail.links if "/s/" in link], 3))
            await self._explore(page, tab_input)
        finally:
            self._idle.put_nowait((page, tab_input))
        self.opened["mail"] += 1

    async def crawl(self, links: Sequence[str], mails: Sequence[ReceivedMail]) -> AsyncIterator[int]:
        """Open all links in random order in all tabs; yields the number of completed links."""
        calls = deque(self._rng.sample(links, len(links)))
        running: set[asyncio.Task] = set()
        done = 0
        try:
            while calls or running:
                while calls and len(running) <= self._idle.qsize() + 1:
                    running |= {asyncio.create_task(work) for work in self._next(calls.popleft(), mails)}
                ended, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in ended:
                    task.result()
                done += len(ended)
                yield done
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    def _next(self, link: str, mails: Sequence[ReceivedMail]) -> list:
        work = [self.open(link)]
        if self._rng.random() < REPEAT_PROBABILITY:
            work.append(self.open(link, "same link again"))
        if self._rng.random() < PREFETCH_PROBABILITY:
            work.append(self.read(self._rng.choice(mails)))
        return work


def crawl_over_http(links: Sequence[str], clock: ManualClock, rng: random.Random) -> int:
    """Request every link with HEAD and GET concurrently, without a browser; returns the number of requests."""
    calls = deque((method, link) for link in links for method in ("HEAD", "GET"))
    rng.shuffle(calls)
    number = len(calls)

    def work(client_rng: random.Random) -> None:
        with HttpCrawler(client_rng) as client:
            while calls:
                method, link = calls.popleft()
                clock.forward(timedelta(seconds=client_rng.choice(PAUSE_SECONDS)))
                client.call(method, link)

    with ThreadPoolExecutor(HTTP_CLIENTS) as callers:
        for future in [callers.submit(work, random.Random(rng.random())) for _ in range(HTTP_CLIENTS)]:
            future.result()
    return number


class HttpCrawler:
    """An HTTP client with persistent connections; some of its requests are marked as prefetches."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._connections: dict[str, HTTPConnection] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        for connection in self._connections.values():
            connection.close()

    def call(self, method: str, link: str) -> None:
        """Send one request; asserts status 200."""
        host, path = urlsplit(link).netloc, link.split("/", 3)[3]
        connection = self._connections.setdefault(host, HTTPConnection(host, timeout=60))
        connection.request(method, f"/{path}", headers=self._rng.choice(({}, {"Sec-Purpose": "prefetch"})))
        response = connection.getresponse()
        response.read()
        assert response.status == 200, f"{response.status}: {method} {link}"


@asynccontextmanager
async def open_crawler(clock: ManualClock, rng: random.Random, base_url: str, *, tabs: int) -> AsyncIterator[Crawler]:
    """Start Chromium and yield a crawler."""
    flags = [*chromium_browser.CHROMIUM_FLAGS, *chromium_browser.FAST_START_FLAGS, chromium_browser.LOOPBACK_ONLY_FLAG]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_browser.chromium_path(), args=flags)
        try:
            crawler = Crawler(browser, clock, rng, base_url)
            await crawler.open_tabs(tabs)
            yield crawler
        finally:
            await browser.close()
