"""Load for the fault tests: webhooks arrive, customers respond, some of them change their score."""

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
from nps_connect.simulation import VendorWebhook

ResultT = TypeVar("ResultT")
RETRY_TIMEOUT_SECONDS = 240.0
"""The longest time without success once faults have ended: longer than a restart may take."""

RETRY_INTERVAL_SECONDS = 0.1
CUSTOMER_THREADS = 32
SCORE_CHANGE_DELAY_SECONDS = 12.0
"""Two different scores within ten seconds are contradictory and are not confirmed until a third arrives."""


def retry_until_success(call: Callable[[], ResultT], are_faults_over: Callable[[], bool] = lambda: True) -> ResultT:
    """Retry a call like vendors and customers do: while the connection fails or the page is an error page.

    While processes are killed there is no limit: on a busy machine, a customer who needs longer for a page than a
    process lives is unlucky again and again.
    """
    deadline = time.monotonic() + RETRY_TIMEOUT_SECONDS
    while True:
        try:
            return call()
        except (httpx.HTTPError, UnexpectedPage):
            if not are_faults_over():
                deadline = time.monotonic() + RETRY_TIMEOUT_SECONDS
            if time.monotonic() > deadline:
                raise
            time.sleep(RETRY_INTERVAL_SECONDS)


@dataclass(frozen=True, order=True)
class _ScheduledWebhook:
    due_at: float
    number: int
    fact: str


class LoadGenerator:
    """Creates events for one customer after the other until it is stopped.

    Each webhook is sent with a delay, out of order, and mostly more than once, and retried until it is accepted.
    Customers respond to the mail they receive; a third of them submits another score of the same segment later.

    Args:
        demo: the product with its vendors.
        customers: the customers, in the order in which events happen to them; none may have opted out.
        seed: the seed of the random choices.
        interval_seconds: the time between two customers.
        scores_change: whether some customers submit a second score, which takes 12 seconds.

    Attributes:
        interval_seconds: the time between two customers, which can be changed at any time.
        started_count: the number of customers to whom an event has happened.
        facts: the ids of the events by address.
        scores: the newest acknowledged score by address.
        resent: the number of webhooks that repeated an earlier one.
    """

    def __init__(
        self,
        demo: Demo,
        customers: Sequence[Customer],
        seed: int,
        *,
        interval_seconds: float,
        scores_change: bool = False,
    ) -> None:
        self._demo, self._customers = demo, customers
        self.interval_seconds, self._scores_change = interval_seconds, scores_change
        self._random = random.Random(seed)
        self._client = httpx.Client(trust_env=False, timeout=30, limits=httpx.Limits(max_connections=20))
        self._links = PersonalLinks(demo.public_url)
        self._events_stopped, self._stopped = threading.Event(), threading.Event()
        self._executor = ThreadPoolExecutor(CUSTOMER_THREADS)
        self._responses: list[Future[None]] = []
        self._threads = [
            threading.Thread(target=self._run, args=(loop,), daemon=True)
            for loop in (self._create_events, self._read_mails)
        ]
        self._error: BaseException | None = None
        self.started_count = 0
        self.facts: dict[str, list[str]] = {}
        self.scores: dict[str, int] = {}
        self.resent = 0

    def start(self) -> None:
        """Start creating events and reading mails."""
        for thread in self._threads:
            thread.start()

    def stop_events(self) -> None:
        """Create no more events and wait until all webhooks are accepted; mails are read until `stop`."""
        self._events_stopped.set()
        self._threads[0].join()
        self._raise_error()

    def stop(self) -> None:
        """Read no more mails and wait for the running responses."""
        self._events_stopped.set()
        self._stopped.set()
        self._threads[1].join()
        self._executor.shutdown()
        self._client.close()
        self._raise_error()
        for response in self._responses:
            response.result()

    def abort(self) -> None:
        """Stop without waiting, after a failure elsewhere."""
        self._events_stopped.set()
        self._stopped.set()
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._client.close()

    @property
    def affected_customers(self) -> list[Customer]:
        """The customers to whom an event has happened."""
        return list(self._customers[: self.started_count])

    def count_pending_responses(self) -> int:
        """Return the number of customers who received a mail and have not finished responding."""
        return sum(not response.done() for response in list(self._responses))

    def _run(self, loop: Callable[[], None]) -> None:
        try:
            loop()
        except BaseException as error:  # noqa: BLE001  # raised by stop_events and stop
            self._error = error

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error

    def _create_events(self) -> None:
        source = self._demo.capabilities.sources[0]
        vendor, scheduled = self._demo.sandbox.vendors[source.plugin], list[_ScheduledWebhook]()
        next_event_at, number = time.monotonic(), 0
        while scheduled or not self._events_stopped.is_set():
            now = time.monotonic()
            if now >= next_event_at and not self._events_stopped.is_set() and self.started_count < len(self._customers):
                next_event_at, customer = now + self.interval_seconds, self._customers[self.started_count]
                facts = vendor.simulate_event(source.kind, customer.email)
                self.facts[customer.email] = facts
                for fact in facts * self._random.choice((1, 2, 3)):
                    number += 1
                    heapq.heappush(scheduled, _ScheduledWebhook(now + self._random.uniform(0, 1.5), number, fact))
                self.started_count += 1
            if scheduled and scheduled[0].due_at <= now:
                due = heapq.heappop(scheduled)
                retry_until_success(lambda due=due: self._send(due.fact), self._events_stopped.is_set)
                self.resent = number - self.started_count
                continue
            time.sleep(0.02)

    def _send(self, fact: str) -> None:
        """Send an event once; its next attempt is signed anew."""
        source = self._demo.capabilities.sources[0]
        url = f"{self._demo.public_url}/hooks/{source.connection}"
        for webhook in self._demo.sandbox.vendors[source.plugin].webhooks([fact], url):
            send_accepted_webhook(webhook, url, self._client)

    def _read_mails(self) -> None:
        mailbox, read_count = self._demo.sandbox.mailbox, 0
        customers = {customer.email: customer for customer in self._customers}
        invited: set[str] = set()
        while not self._stopped.is_set():
            new = mailbox.mails()[read_count:]
            read_count += len(new)
            for mail in new:
                customer = customers.get(mail.to[0]) if is_survey_mail(mail, self._demo.public_url) else None
                if customer is not None and customer.email not in invited:
                    invited.add(customer.email)
                    if customer.persona.score is not None:
                        self._responses.append(self._executor.submit(self._respond, customer, mail))
            time.sleep(0.05)

    def _respond(self, customer: Customer, mail: ReceivedMail) -> None:
        browser = Browser(self._client)
        retry_until_success(lambda: respond_to_mail(customer, mail, self._links, browser), self._events_stopped.is_set)
        assert customer.persona.score is not None
        self.scores[customer.email] = customer.persona.score
        if not self._scores_change or self._random.random() > 1 / 3:
            return
        time.sleep(SCORE_CHANGE_DELAY_SECONDS)
        changed = replace(
            customer,
            persona=replace(customer.persona, score=other_score_in_segment(customer.persona.score), behaviour="press"),
        )
        retry_until_success(lambda: respond_to_mail(changed, mail, self._links, browser), self._events_stopped.is_set)
        assert changed.persona.score is not None
        self.scores[customer.email] = changed.persona.score


def send_accepted_webhook(webhook: VendorWebhook, url: str, client: httpx.Client) -> None:
    """Send a webhook; raise `httpx.RemoteProtocolError` if it is not accepted."""
    status = send_webhook(webhook, url, client)
    if status != 200:
        raise httpx.RemoteProtocolError(f"the webhook returned status {status}")


def is_survey_mail(mail: ReceivedMail, public_url: str) -> bool:
    """Return whether a mail is a survey mail."""
    return bool(mail.links_to(f"{public_url}/s/")) and not mail.links_to(f"{public_url}/r/")


def other_score_in_segment(score: int) -> int:
    """Return another score of the same segment."""
    return score - 1 if score in (6, 8, 10) else score + 1
