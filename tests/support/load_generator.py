"""What goes on while the product is tortured: webhooks come in, customers answer, some of them twice."""

from __future__ import annotations

import heapq
import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

import httpx

from nps_connect.sandbox.customers import Browser, PersonalLinks, respond_to_mail
from nps_connect.sandbox.demo import Demo
from nps_connect.sandbox.mail import ReceivedMail
from nps_connect.sandbox.pages import UnexpectedPage
from nps_connect.sandbox.population import Customer
from nps_connect.sandbox.webhooks import send_webhook

ResultT = TypeVar("ResultT")
RETRY_TIMEOUT_SECONDS = 120.0
RETRY_INTERVAL_SECONDS = 0.1
CUSTOMER_THREADS = 32
SCORE_CHANGE_DELAY_SECONDS = 12.0
"""Seconds: two different scores within ten are a contradiction and wait for a third."""


def retry_until_answered(act: Callable[[], ResultT], patience: float = RETRY_TIMEOUT_SECONDS) -> ResultT:
    """Vendors and people try again while nobody answers them, or a page apologises."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return act()
        except (httpx.HTTPError, UnexpectedPage):
            if time.monotonic() > deadline:
                raise
            time.sleep(RETRY_INTERVAL_SECONDS)


@dataclass(frozen=True, order=True)
class _ScheduledWebhook:
    due: float
    number: int
    fact: str
    copies: int


class LoadGenerator:
    """Makes things happen to people, one after the other, until told that it is enough.

    Each webhook is sent a little later than it happened, out of order, and mostly more than once, until it is taken.
    Customers answer the mail that reaches them; a third of them changes their mind later, within the same segment.

    Args:
        demo: the product with its vendors.
        people: to whom things happen, in order; none may have opted out.
        seed: of everything left to chance.
        every: seconds between two people.
        minds_change: some give a second score, which takes 12 seconds.

    Attributes:
        begun: how many of the people things have happened to.
        scores: the newest score that was acknowledged, by address.
        resent: how many webhooks were sent more than once.
    """

    def __init__(
        self, demo: Demo, people: Sequence[Customer], seed: int, *, every: float = 0.3, minds_change: bool = False
    ) -> None:
        self._demo, self._people, self._every, self._minds_change = demo, people, every, minds_change
        self._chance = random.Random(seed)
        self._client = httpx.Client(trust_env=False, timeout=30, limits=httpx.Limits(max_connections=20))
        self._links = PersonalLinks(demo.public_url)
        self._enough, self._sent = threading.Event(), threading.Event()
        self._hands = ThreadPoolExecutor(CUSTOMER_THREADS)
        self._answers: list[Future[None]] = []
        self._threads = [threading.Thread(target=self._guarded, args=(work,), daemon=True) for work in self._works()]
        self._error: BaseException | None = None
        self.begun = 0
        self.scores: dict[str, int] = {}
        self.resent = 0

    def _works(self) -> tuple[Callable[[], None], ...]:
        return self._simulate_event, self._read_mail

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop_events(self) -> None:
        """Let no more happen; what has begun goes on: all webhooks arrive. Mail is read until `stop`."""
        self._enough.set()
        self._threads[0].join()
        self._raise()

    def stop(self) -> None:
        """Read no more mail, and wait for the answers that are being given."""
        self._enough.set()
        self._sent.set()
        self._threads[1].join()
        self._hands.shutdown()
        self._client.close()
        self._raise()
        for answer in self._answers:
            answer.result()

    def abandon(self) -> None:
        """Wait for nothing and nobody: something has gone wrong elsewhere."""
        self._enough.set()
        self._sent.set()
        self._hands.shutdown(wait=False, cancel_futures=True)

    @property
    def affected_customers(self) -> list[Customer]:
        """To whom something has happened."""
        return list(self._people[: self.begun])

    def answering(self) -> bool:
        """Whether somebody is still about to answer, of those who got mail."""
        return any(not answer.done() for answer in list(self._answers))

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001  # raised where the load_generator is ended
            self._error = error

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _simulate_event(self) -> None:
        source = self._demo.capabilities.sources[0]
        vendor, waiting = self._demo.sandbox.vendors[source.plugin], list[_ScheduledWebhook]()
        url, coming, number = f"{self._demo.public_url}/hooks/{source.connection}", time.monotonic(), 0
        while waiting or not self._enough.is_set():
            now = time.monotonic()
            if now >= coming and not self._enough.is_set() and self.begun < len(self._people):
                coming, customer = now + self._every, self._people[self.begun]
                for fact in vendor.simulate_event(source.kind, customer.email) * self._chance.choice((1, 2, 3)):
                    number += 1
                    heapq.heappush(waiting, _ScheduledWebhook(now + self._chance.uniform(0, 1.5), number, fact, 1))
                self.begun += 1
            if waiting and waiting[0].due <= now:
                parcel = heapq.heappop(waiting)
                for webhook in vendor.webhooks([parcel.fact], url):
                    retry_until_answered(lambda webhook=webhook: self._sent_to(url, webhook))
                self.resent = number - self.begun
                continue
            time.sleep(0.02)

    def _sent_to(self, url: str, webhook: object) -> None:
        status = send_webhook(webhook, url, self._client)  # type: ignore[arg-type]
        if status != 200:
            raise httpx.RemoteProtocolError(f"the webhook was answered with {status}")

    def _read_mail(self) -> None:
        mailbox, read, known = self._demo.sandbox.mailbox, 0, {one.email: one for one in self._people}
        asked: set[str] = set()
        while not self._sent.is_set():
            new = mailbox.mails()[read:]
            read += len(new)
            for mail in new:
                customer = known.get(mail.to[0]) if is_survey_mail(mail, self._demo.public_url) else None
                if customer is not None and customer.email not in asked:
                    asked.add(customer.email)
                    if customer.persona.score is not None:
                        self._answers.append(self._hands.submit(self._answer, customer, mail))
            time.sleep(0.05)

    def _answer(self, customer: Customer, mail: ReceivedMail) -> None:
        browser = Browser(self._client)
        retry_until_answered(lambda: respond_to_mail(customer, mail, self._links, browser))
        assert customer.persona.score is not None
        self.scores[customer.email] = customer.persona.score
        if not self._minds_change or self._chance.random() > 1 / 3:
            return
        time.sleep(SCORE_CHANGE_DELAY_SECONDS)
        changed = replace(
            customer,
            persona=replace(customer.persona, score=_other_score_in_segment(customer.persona.score), behaviour="press"),
        )
        retry_until_answered(lambda: respond_to_mail(changed, mail, self._links, browser))
        assert changed.persona.score is not None
        self.scores[customer.email] = changed.persona.score


def is_survey_mail(mail: ReceivedMail, public_url: str) -> bool:
    """Whether a mail asks the question."""
    return bool(mail.links_to(f"{public_url}/s/")) and not mail.links_to(f"{public_url}/r/")


def _other_score_in_segment(score: int) -> int:
    """Another score of the same segment."""
    return score - 1 if score in (6, 8, 10) else score + 1
