"""A mail scanner with a browser: opens links in any order, from several tabs at once, and presses nothing."""

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
"""Seconds on the application's clock before a link is opened; most are opened at once."""

REPEAT_PROBABILITY, PREFETCH_PROBABILITY, FOLLOW_PROBABILITY, FULL_PAGE_PROBABILITY = 0.03, 0.03, 0.05, 0.2
"""How often a link is opened from two tabs, a mail is read with its links fetched ahead, a page's own link is followed,
and a page gone through from end to end."""

PREFETCH_SCRIPT = """links => Promise.all(links.map(href => new Promise(done => {
  const link = document.createElement("link");
  Object.assign(link, {rel: "prefetch", href, onload: done, onerror: done});
  document.head.append(link);
})))"""
HTTP_CLIENTS = 8


class TabInput:
    """The input of one tab. The last of it is remembered, to be told when it did what it should not."""

    def __init__(self, session) -> None:
        self._session = session
        self.last: deque[str] = deque(maxlen=24)

    async def send(self, method: str, values: dict[str, Any]) -> None:
        self.last.append(f"{values['type']} {values.get('key', '')}")
        await self._session.send(method, values)


class Crawler:
    """See above.

    Args:
        browser: of Playwright.
        clock: the application's.
        chance: decides everything.
        own: how the application's addresses begin.

    Attributes:
        methods: of every request that a page made.
        hosts: to which they went.
        opened: how many pages were opened, by why.
        complaints: errors of the pages' scripts.
        sent: every request of a page that is no GET: its method, address and body, and the page's last input.
        lost: pages that the browser loaded anew under the scanner's hands: from where and to where.
        seconds: how long each took.
    """

    def __init__(self, browser, clock: ManualClock, chance: random.Random, own: str) -> None:
        self._browser, self._clock, self._chance, self._own = browser, clock, chance, own
        self._idle: asyncio.Queue = asyncio.Queue()
        self._wires: dict[object, TabInput] = {}
        self.methods: Counter[str] = Counter()
        self.hosts: set[str] = set()
        self.opened: Counter[str] = Counter()
        self.complaints: list[str] = []
        self.sent: list[tuple[str, str, str | None, list]] = []
        self.lost: list[tuple[str, str]] = []

    async def begin(self, tabs: int) -> None:
        """Open as many tabs."""
        windows = [await self._browser.new_context(**one) for one in WINDOW_OPTIONS]
        for window in windows:
            window.on("request", self._note)
            window.on("weberror", lambda error: self.complaints.append(str(error.error)))
        for number in range(tabs):
            window = windows[number % len(windows)]
            page = await window.new_page()
            wire = self._wires[page] = TabInput(await window.new_cdp_session(page))
            self._idle.put_nowait((page, wire))

    def _note(self, request) -> None:
        self.methods[request.method] += 1
        if request.method != "GET":
            last = list(self._wires[request.frame.page].last)
            self.sent.append((request.method, request.url, request.post_data, last))
        self.hosts.add(urlsplit(request.url).hostname or "")

    async def _wander(self, page, wire) -> list[str]:
        """See `wander`. Where the browser loads the page anew meanwhile, the scanner goes on there."""
        was = page.url
        try:
            return await explore_page(page, wire, self._chance, thorough=self._chance.random() < FULL_PAGE_PROBABILITY)
        except Error as error:
            if "Execution context was destroyed" not in error.message:
                raise
            await page.wait_for_load_state("domcontentloaded")
            self.lost.append((was, page.url))
            return await explore_page(page, wire, self._chance, thorough=False)

    async def open(self, link: str, why: str = "link") -> None:
        """Open a link in a free tab, and do everything there but press; sometimes go on to a link of the page."""
        self._clock.forward(timedelta(seconds=self._chance.choice(PAUSE_SECONDS)))
        page, wire = await self._idle.get()
        try:
            answer = await page.goto(link, wait_until="domcontentloaded")  # its script has run by then
            assert answer is not None
            assert answer.status == 200, f"{answer.status}: {link}"
            found = await self._wander(page, wire)
            # A review link leads on to somebody else's site: nothing leaves this machine.
            links = [one for one in found if one.startswith((f"{self._own}/s/", f"{self._own}/u/"))]
            if links and self._chance.random() < FOLLOW_PROBABILITY:
                await page.goto(self._chance.choice(links), wait_until="domcontentloaded")
                await self._wander(page, wire)
                self.opened["link of a page"] += 1
        finally:
            self._idle.put_nowait((page, wire))
        self.opened[why] += 1

    async def read(self, mail: ReceivedMail) -> None:
        """Show a mail as a mail program does that fetches some links ahead."""
        page, wire = await self._idle.get()
        try:
            await page.goto("about:blank")
            await page.set_content(mail.html)
            await page.evaluate(PREFETCH_SCRIPT, self._chance.sample([link for link in mail.links if "/s/" in link], 3))
            await self._wander(page, wire)
        finally:
            self._idle.put_nowait((page, wire))
        self.opened["mail"] += 1

    async def crawl(self, links: Sequence[str], mails: Sequence[ReceivedMail]) -> AsyncIterator[int]:
        """Open all of these, in random order, with all tabs at once; tells after each how many are done."""
        calls = deque(self._chance.sample(links, len(links)))
        running: set[asyncio.Task] = set()
        done = 0
        try:
            while calls or running:
                while calls and len(running) <= self._idle.qsize() + 1:
                    running |= {asyncio.create_task(one) for one in self._next(calls.popleft(), mails)}
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
        if self._chance.random() < REPEAT_PROBABILITY:
            work.append(self.open(link, "same link again"))
        if self._chance.random() < PREFETCH_PROBABILITY:
            work.append(self.read(self._chance.choice(mails)))
        return work


def crawl_over_http(links: Sequence[str], clock: ManualClock, chance: random.Random) -> int:
    """Open every link once with HEAD and once with GET, without a browser, many at once; how many calls that were."""
    calls = deque((method, link) for link in links for method in ("HEAD", "GET"))
    chance.shuffle(calls)
    number = len(calls)

    def some(mine: random.Random) -> None:
        with HttpCrawler(mine) as plain:
            while calls:
                method, link = calls.popleft()
                clock.forward(timedelta(seconds=mine.choice(PAUSE_SECONDS)))
                plain.call(method, link)

    with ThreadPoolExecutor(HTTP_CLIENTS) as callers:
        for end in [callers.submit(some, random.Random(chance.random())) for _ in range(HTTP_CLIENTS)]:
            end.result()
    return number


class HttpCrawler:
    """A client that keeps its connections, and says now and then that it fetches ahead."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._connections: dict[str, HTTPConnection] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        for connection in self._connections.values():
            connection.close()

    def call(self, method: str, link: str) -> None:
        """One call; it is answered well."""
        host, path = urlsplit(link).netloc, link.split("/", 3)[3]
        connection = self._connections.setdefault(host, HTTPConnection(host, timeout=60))
        connection.request(method, f"/{path}", headers=self._chance.choice(({}, {"Sec-Purpose": "prefetch"})))
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, f"{answer.status}: {method} {link}"


@asynccontextmanager
async def open_crawler(clock: ManualClock, chance: random.Random, own: str, *, tabs: int) -> AsyncIterator[Crawler]:
    """A crawler with a Chromium of its own."""
    flags = [*chromium_browser.CHROMIUM_FLAGS, *chromium_browser.FAST_START_FLAGS, chromium_browser.LOOPBACK_ONLY_FLAG]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_browser.chromium_path(), args=flags)
        try:
            made = Crawler(browser, clock, chance, own)
            await made.begin(tabs)
            yield made
        finally:
            await browser.close()
