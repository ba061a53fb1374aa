"""The demo's scenario; it uses public interfaces only (webhooks and pages over HTTP, mail over SMTP)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

import httpx

from nps_connect.connection import Sleep
from nps_connect.sandbox import scanner
from nps_connect.sandbox.capabilities import DemoCapabilities, EventSource
from nps_connect.sandbox.customers import Browser, PersonalLinks, respond_to_mail
from nps_connect.sandbox.ledger_observer import LedgerObserver
from nps_connect.sandbox.mail import ReceivedMail
from nps_connect.sandbox.pages import UnexpectedPage
from nps_connect.sandbox.population import Customer
from nps_connect.sandbox.sandbox import Sandbox
from nps_connect.sandbox.webhooks import send_webhook
from nps_connect.simulation import VendorEffects

ProgressCallback = Callable[[str, int, int], None]
"""Called with the current step, the number of items done, and their total."""

STEP_TIMEOUT_SECONDS = 40.0
STEP_TIMEOUT_SECONDS_PER_ITEM = 0.1
"""Timeout of a step, and its extension per expected item; after it the results show what is missing."""

FACTS_PER_WEBHOOK = 20
THREAD_COUNT = 4
POLL_INTERVAL_SECONDS = 0.1


@dataclass
class ScenarioLog:
    """What was done and observed in a scenario.

    Attributes:
        facts: number of distinct facts that the vendors sent.
        resent: number of facts that they sent again.
        scanned_links: number of personal links that scanners opened.
        effects_before: effects at each vendor before any response, by plugin.
        problems: what went wrong, one sentence each.
    """

    facts: int = 0
    resent: int = 0
    scanned_links: int = 0
    effects_before: dict[str, VendorEffects] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


class Scenario:
    """One run of the scenario.

    Args:
        sandbox: the running sandbox.
        capabilities: what the demo can show.
        customers: the customers.
        public_url: the product's address, without a trailing slash.
        observer: reads the product's ledger.
        client: opens pages and sends webhooks.
        on_progress: called with the progress of each step.
        sleep: waits (seconds).
    """

    def __init__(
        self,
        sandbox: Sandbox,
        capabilities: DemoCapabilities,
        customers: Sequence[Customer],
        *,
        public_url: str,
        observer: LedgerObserver,
        client: httpx.Client,
        on_progress: ProgressCallback,
        sleep: Sleep = time.sleep,
    ) -> None:
        self._sandbox = sandbox
        self._capabilities = capabilities
        self._customers = customers
        self._public_url = public_url
        self._links = PersonalLinks(public_url)
        self._observer = observer
        self._client = client
        self._on_progress = on_progress
        self._sleep = sleep
        self._scanner = Browser(client, scanner.USER_AGENT)
        self.log = ScenarioLog()

    def run(self) -> ScenarioLog:
        """Run all steps in order."""
        self.create_events()
        self.opt_out_during_delay()
        self.wait_for_survey_mails()
        self.scan_mails([customer for customer in self._customers if customer.persona.scanned])
        self.submit_responses()
        self.wait_for_effects()
        self.scan_mails([customer for customer in self._customers if customer.persona.scanned and customer.segment])
        self._wait("all work finished", 1, lambda: int(self._observer.count_unfinished() == 0))
        return self.log

    def create_events(self) -> None:
        """Simulate events at the vendors and send their webhooks, some of them twice."""
        facts: dict[EventSource, list[str]] = {}
        resent: dict[EventSource, list[str]] = {}
        for customer, sources in self._assign_event_sources():
            for source in sources:
                new_facts = self._sandbox.vendors[source.plugin].simulate_event(source.kind, customer.email)
                facts.setdefault(source, []).extend(new_facts)
                if customer.persona.webhook_resent:
                    resent.setdefault(source, []).extend(new_facts)
        self.log.effects_before = {name: vendor.effects() for name, vendor in self._sandbox.vendors.items()}
        self.log.facts = sum(map(len, facts.values()))
        self.log.resent = sum(map(len, resent.values()))
        sent, total = 0, self.log.facts + self.log.resent
        for facts_by_source in (facts, resent):
            for source, source_facts in facts_by_source.items():
                for start in range(0, len(source_facts), FACTS_PER_WEBHOOK):
                    sent += self._send(source, source_facts[start : start + FACTS_PER_WEBHOOK])
                    self._on_progress("webhooks", sent, total)

    def opt_out_during_delay(self) -> None:
        """Opt people with a planned survey out at the CRM."""
        leaving = [customer.email for customer in self._customers if customer.persona.opted_out == "during"]
        if not leaving or self._capabilities.crm is None:
            return
        planned = partial(self._observer.count_planned_surveys, leaving)
        self._wait("surveys planned", len(leaving), planned, is_reported=False)
        for email in leaving:
            self._sandbox.vendors[self._capabilities.crm].opt_out(email)
        self._on_progress("opted out during the delay", len(leaving), len(leaving))

    def wait_for_survey_mails(self) -> None:
        """Wait until everybody who may be surveyed has a survey mail."""
        recipients = {customer.email for customer in self._customers if customer.persona.opted_out is None}

        def count_recipients() -> int:
            mails = self._sandbox.mailbox.mails()
            surveyed = {to for mail in mails if mail.links_to(f"{self._public_url}/s/") for to in mail.to}
            return len(recipients & surveyed)

        self._wait("survey mails", len(recipients), count_recipients)

    def scan_mails(self, customers: Sequence[Customer]) -> None:
        """Let mail scanners open every link of these customers' mails."""
        mails = [mail for customer in customers for mail in self._sandbox.mailbox.mails(customer.email)]

        def scan(mail: ReceivedMail) -> int | str:
            try:
                return scanner.scan(mail, self._public_url, self._scanner)
            except UnexpectedPage as error:
                return str(error)
            except httpx.HTTPError as error:
                return f"a scanner could not open a link: {type(error).__name__}"

        with ThreadPoolExecutor(THREAD_COUNT) as pool:
            for number, outcome in enumerate(pool.map(scan, mails)):
                self._on_progress("mails scanned", number + 1, len(mails))
                if isinstance(outcome, str):
                    self.log.problems.append(outcome)
                else:
                    self.log.scanned_links += outcome

    def submit_responses(self) -> None:
        """Let every customer act on their survey mail."""
        mails = {customer.email: self._survey_mail(customer) for customer in self._customers}
        readers = [customer for customer in self._customers if mails[customer.email] is not None]
        browser = Browser(self._client)

        def respond(customer: Customer) -> str | None:
            mail = mails[customer.email]
            try:
                if mail is not None:
                    respond_to_mail(customer, mail, self._links, browser)
            except (UnexpectedPage, httpx.HTTPError) as error:
                return f"{customer.email} could not respond: {error}"
            return None

        with ThreadPoolExecutor(THREAD_COUNT) as pool:
            for number, problem in enumerate(pool.map(respond, readers)):
                self._on_progress("survey responses", number + 1, len(readers))
                if problem:
                    self.log.problems.append(problem)

    def wait_for_effects(self) -> None:
        """Wait until scores, tickets, alerts and review mails have arrived."""
        segments = [customer.segment for customer in self._customers if customer.segment]
        detractors = segments.count("detractor")
        expected = len(segments) if self._capabilities.scores else 0
        expected += detractors if self._capabilities.tickets else 0
        expected += detractors if self._capabilities.alerts else 0
        expected += len(segments) if self._capabilities.reviews else 0
        self._wait("effects at the vendors", expected, self._count_effects)

    def _count_effects(self) -> int:
        count = 0
        if self._capabilities.scores:
            count += len(self._sandbox.effects(self._capabilities.scores).scores)
        if tickets := self._capabilities.tickets:
            new = tickets_since(self._sandbox.effects(tickets), self.log.effects_before[tickets])
            count += sum(map(len, new.values()))
        if self._capabilities.alerts:
            count += len(self._sandbox.effects(self._capabilities.alerts).alerts)
        reviews = f"{self._public_url}/r/"
        return count + sum(1 for mail in self._sandbox.mailbox.mails() if mail.links_to(reviews))

    def _assign_event_sources(self) -> list[tuple[Customer, list[EventSource]]]:
        """Assign event sources to customers; people opt out at the CRM, so their events come from there."""
        sources = self._capabilities.sources
        assigned = []
        for number, customer in enumerate(self._customers):
            chosen = [] if not sources else [sources[0 if customer.persona.opted_out else number % len(sources)]]
            if chosen and customer.persona.has_two_events:
                chosen.append(sources[(sources.index(chosen[0]) + 1) % len(sources)])
            assigned.append((customer, chosen))
        return assigned

    def _send(self, source: EventSource, facts: list[str]) -> int:
        url = f"{self._public_url}/hooks/{source.connection}"
        for webhook in self._sandbox.vendors[source.plugin].webhooks(facts, url):
            try:
                status = send_webhook(webhook, url, self._client)
            except httpx.HTTPError as error:
                self.log.problems.append(f"a webhook for {source.connection} failed: {type(error).__name__}")
                continue
            if status >= 300:
                self.log.problems.append(f"a webhook for {source.connection} returned status {status}")
        return len(facts)

    def _survey_mail(self, customer: Customer) -> ReceivedMail | None:
        start = f"{self._public_url}/s/"
        return next((mail for mail in self._sandbox.mailbox.mails(customer.email) if mail.links_to(start)), None)

    def _wait(self, step: str, expected: int, count: Callable[[], int], *, is_reported: bool = True) -> None:
        waited, timeout = 0.0, STEP_TIMEOUT_SECONDS + STEP_TIMEOUT_SECONDS_PER_ITEM * expected
        while (done := count()) < expected and waited < timeout:
            if is_reported:
                self._on_progress(step, done, expected)
            self._sleep(POLL_INTERVAL_SECONDS)
            waited += POLL_INTERVAL_SECONDS
        if done < expected:
            self.log.problems.append(f"{step}: {done} of {expected} after {timeout:.0f} s")
        elif is_reported:
            self._on_progress(step, expected, expected)


def tickets_since(now: VendorEffects, before: VendorEffects) -> dict[str, list[str]]:
    """Return new tickets by address; tickets that a helpdesk had before are not counted."""
    new = {
        email: [ticket for ticket in tickets if ticket not in before.tickets.get(email, ())]
        for email, tickets in now.tickets.items()
    }
    return {email: tickets for email, tickets in new.items() if tickets}
