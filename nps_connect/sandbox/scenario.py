"""The demo's play, in acts: only the real doors are used (webhooks over HTTP, mail over SMTP, pages over HTTP)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

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
"""Hears of progress: what is going on, how much of it is done, and how much there is."""

STEP_TIMEOUT_SECONDS = 40.0
STEP_TIMEOUT_SECONDS_PER_ITEM = 0.1
"""Seconds, and seconds for each awaited thing, without which an act gives up; the figures then show what is missing."""

FACTS_PER_WEBHOOK = 20
THREAD_COUNT = 4
POLL_INTERVAL_SECONDS = 0.1


@dataclass
class ScenarioLog:
    """What the players did and saw.

    Attributes:
        facts: distinct facts that the vendors told of.
        resent: facts that they told of again.
        scanned: personal links that scanners opened.
        before: what was to be seen at each vendor before anybody answered, by plugin.
        problems: what did not go as it should, one sentence each.
    """

    facts: int = 0
    resent: int = 0
    scanned: int = 0
    before: dict[str, VendorEffects] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


class Scenario:
    """One performance.

    Args:
        sandbox: running.
        roles: who plays what.
        customers: the people.
        public_url: the product's address, without a trailing slash.
        observer: sees into the product.
        client: opens pages and sends webhooks.
        tell: hears of progress.
        sleep: waiting.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        roles: DemoCapabilities,
        customers: Sequence[Customer],
        *,
        public_url: str,
        observer: LedgerObserver,
        client: httpx.Client,
        tell: ProgressCallback,
        sleep: Sleep = time.sleep,
    ) -> None:
        self._sandbox = sandbox
        self._roles = roles
        self._customers = customers
        self._public_url = public_url
        self._links = PersonalLinks(public_url)
        self._observer = observer
        self._client = client
        self._tell = tell
        self._sleep = sleep
        self._scanner = Browser(client, scanner.USER_AGENT)
        self.record = ScenarioLog()

    def run(self) -> ScenarioLog:
        """All acts in order."""
        self.create_events()
        self.opt_out_during_delay()
        self.wait_for_survey_mails()
        self.scan_mails([one for one in self._customers if one.persona.scanned])
        self.submit_responses()
        self.wait_for_effects()
        self.scan_mails([one for one in self._customers if one.persona.scanned and one.segment])
        self._wait("nothing is left to do", 1, lambda: int(self._observer.unfinished() == 0))
        return self.record

    def create_events(self) -> None:
        """Events occur at the vendors, which send their webhooks, some of them twice."""
        facts: dict[EventSource, list[str]] = {}
        again: dict[EventSource, list[str]] = {}
        for customer, sources in self._assign_event_sources():
            for source in sources:
                made = self._sandbox.vendors[source.plugin].simulate_event(source.kind, customer.email)
                facts.setdefault(source, []).extend(made)
                if customer.persona.webhook_resent:
                    again.setdefault(source, []).extend(made)
        self.record.before = {name: vendor.effects() for name, vendor in self._sandbox.vendors.items()}
        self.record.facts = sum(map(len, facts.values()))
        self.record.resent = sum(map(len, again.values()))
        told, total = 0, self.record.facts + self.record.resent
        for round_of_facts in (facts, again):
            for source, some in round_of_facts.items():
                for start in range(0, len(some), FACTS_PER_WEBHOOK):
                    told += self._send(source, some[start : start + FACTS_PER_WEBHOOK])
                    self._tell("webhooks", told, total)

    def opt_out_during_delay(self) -> None:
        """People whose survey is planned already opt out at the CRM."""
        leaving = [one.email for one in self._customers if one.persona.opted_out == "during"]
        if not leaving or self._roles.crm is None:
            return
        self._wait("surveys planned", len(leaving), lambda: self._observer.planned(leaving), tell=False)
        for email in leaving:
            self._sandbox.vendors[self._roles.crm].opt_out(email)
        self._tell("opted out during the delay", len(leaving), len(leaving))

    def wait_for_survey_mails(self) -> None:
        """Everybody who may be asked gets a survey mail."""
        asked = {one.email for one in self._customers if one.persona.opted_out is None}

        def arrived() -> int:
            mails = self._sandbox.mailbox.mails()
            return len(asked & {to for mail in mails if mail.links_to(f"{self._public_url}/s/") for to in mail.to})

        self._wait("survey mails", len(asked), arrived)

    def scan_mails(self, guarded: Sequence[Customer]) -> None:
        """Mail scanners open all there is, and press nothing."""
        mails = [mail for one in guarded for mail in self._sandbox.mailbox.mails(one.email)]

        def scan(mail: ReceivedMail) -> int | str:
            try:
                return scanner.scan(mail, self._public_url, self._scanner)
            except UnexpectedPage as error:
                return str(error)
            except httpx.HTTPError as error:
                return f"a scanner found a link dead: {type(error).__name__}"

        with ThreadPoolExecutor(THREAD_COUNT) as hands:
            for number, outcome in enumerate(hands.map(scan, mails)):
                self._tell("mails scanned", number + 1, len(mails))
                if isinstance(outcome, str):
                    self.record.problems.append(outcome)
                else:
                    self.record.scanned += outcome

    def submit_responses(self) -> None:
        """Everybody treats the mail by their habit."""
        mails = {one.email: self._survey_mail(one) for one in self._customers}
        readers = [one for one in self._customers if mails[one.email] is not None]
        browser = Browser(self._client)

        def answer(customer: Customer) -> str | None:
            mail = mails[customer.email]
            try:
                if mail is not None:
                    respond_to_mail(customer, mail, self._links, browser)
            except (UnexpectedPage, httpx.HTTPError) as error:
                return f"{customer.email} could not answer: {error}"
            return None

        with ThreadPoolExecutor(THREAD_COUNT) as hands:
            for number, problem in enumerate(hands.map(answer, readers)):
                self._tell("people at their mail", number + 1, len(readers))
                if problem:
                    self.record.problems.append(problem)

    def wait_for_effects(self) -> None:
        """Scores, tickets, alerts and review mails appear where they belong."""
        segments = [one.segment for one in self._customers if one.segment]
        unhappy = segments.count("detractor")
        wanted = len(segments) if self._roles.scores else 0
        wanted += unhappy if self._roles.tickets else 0
        wanted += unhappy if self._roles.alerts else 0
        wanted += len(segments) if self._roles.reviews else 0
        self._wait("effects at the vendors", wanted, self._count_effects)

    def _count_effects(self) -> int:
        seen = 0
        if self._roles.scores:
            seen += len(self._sandbox.effects(self._roles.scores).scores)
        if self._roles.tickets:
            new = tickets_since(self._sandbox.effects(self._roles.tickets), self.record.before[self._roles.tickets])
            seen += sum(map(len, new.values()))
        if self._roles.alerts:
            seen += len(self._sandbox.effects(self._roles.alerts).alerts)
        reviews = f"{self._public_url}/r/"
        return seen + sum(1 for mail in self._sandbox.mailbox.mails() if mail.links_to(reviews))

    def _assign_event_sources(self) -> list[tuple[Customer, list[EventSource]]]:
        """Who gets which events: opting out happens at the CRM, so those people come from there."""
        sources = self._roles.sources
        cast = []
        for number, customer in enumerate(self._customers):
            own = [] if not sources else [sources[0 if customer.persona.opted_out else number % len(sources)]]
            if own and customer.persona.has_two_events:
                own.append(sources[(sources.index(own[0]) + 1) % len(sources)])
            cast.append((customer, own))
        return cast

    def _send(self, source: EventSource, facts: list[str]) -> int:
        url = f"{self._public_url}/hooks/{source.connection}"
        for webhook in self._sandbox.vendors[source.plugin].webhooks(facts, url):
            try:
                status = send_webhook(webhook, url, self._client)
            except httpx.HTTPError as error:
                self.record.problems.append(f"a webhook for {source.connection} was not taken: {type(error).__name__}")
                continue
            if status >= 300:
                self.record.problems.append(f"a webhook for {source.connection} was answered with {status}")
        return len(facts)

    def _survey_mail(self, customer: Customer) -> ReceivedMail | None:
        start = f"{self._public_url}/s/"
        return next((mail for mail in self._sandbox.mailbox.mails(customer.email) if mail.links_to(start)), None)

    def _wait(self, what: str, wanted: int, seen: Callable[[], int], *, tell: bool = True) -> None:
        waited, patience = 0.0, STEP_TIMEOUT_SECONDS + STEP_TIMEOUT_SECONDS_PER_ITEM * wanted
        while (so_far := seen()) < wanted and waited < patience:
            if tell:
                self._tell(what, so_far, wanted)
            self._sleep(POLL_INTERVAL_SECONDS)
            waited += POLL_INTERVAL_SECONDS
        if so_far < wanted:
            self.record.problems.append(f"{what}: {so_far} of {wanted} after {patience:.0f} s")
        elif tell:
            self._tell(what, wanted, wanted)


def tickets_since(now: VendorEffects, before: VendorEffects) -> dict[str, list[str]]:
    """Tickets by address that were not there before: a helpdesk has tickets of its own."""
    found = {
        email: [ticket for ticket in tickets if ticket not in before.tickets.get(email, ())]
        for email, tickets in now.tickets.items()
    }
    return {email: tickets for email, tickets in found.items() if tickets}
