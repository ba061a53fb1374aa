"""Results of a demo, counted at the simulated vendors and in the mailbox."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nps_connect.records.base import SEGMENTS, Segment
from nps_connect.sandbox.capabilities import DemoCapabilities
from nps_connect.sandbox.mail import ReceivedMail
from nps_connect.sandbox.population import Customer
from nps_connect.sandbox.sandbox import Sandbox
from nps_connect.sandbox.scenario import ScenarioLog, tickets_since

_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")


@dataclass(frozen=True)
class ProductReport:
    """What only the product itself can report.

    Attributes:
        responses: confirmed responses by segment.
        nps: score, margin and number of responses.
        deliveries: number by state.
        duplicates: facts that arrived again and added nothing.
        scanner_visits: page views of personal links by scanners.
    """

    responses: Mapping[str, int]
    nps: Mapping[str, Any]
    deliveries: Mapping[str, int]
    duplicates: int
    scanner_visits: int


@dataclass(frozen=True)
class ObservedEffects:
    """Effects that are visible outside the product, by e-mail address.

    Attributes:
        surveys: survey mails.
        reviews: review mails.
        others: other mails, such as those to the fallback address.
        scores: the score on the contact's record.
        comments: the comment on the contact's record.
        tickets: number of tickets opened for the person.
        alerts: number of alerts that name the person.
        unmatched_alerts: number of alerts that name no customer.
    """

    surveys: Mapping[str, Sequence[ReceivedMail]]
    reviews: Mapping[str, Sequence[ReceivedMail]]
    others: Mapping[str, Sequence[ReceivedMail]]
    scores: Mapping[str, int]
    comments: Mapping[str, str]
    tickets: Mapping[str, int]
    alerts: Mapping[str, int]
    unmatched_alerts: int

    def mails_to(self, email: str) -> int:
        """Return the number of mails of any kind to the person."""
        return sum(len(kind.get(email, ())) for kind in (self.surveys, self.reviews, self.others))


@dataclass(frozen=True)
class SegmentMetrics:
    """One row of the summary table."""

    title: str
    people: int
    surveys: int
    responses: int
    scores: int
    review_mails: int
    tickets: int
    alerts: int


@dataclass(frozen=True)
class DemoMetrics:
    """All figures of a demo.

    Attributes:
        customers: all customers.
        log: what was done in the scenario.
        product_report: what the product reports.
        effects: what is visible outside the product.
        seconds: duration from the start to the summary.
    """

    customers: Sequence[Customer]
    log: ScenarioLog
    product_report: ProductReport
    effects: ObservedEffects
    seconds: float
    rows: tuple[SegmentMetrics, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Count the rows of the table."""
        groups: dict[str, list[Customer]] = {segment: [] for segment in (*SEGMENTS, "no response", "opted out")}
        for customer in self.customers:
            groups["opted out" if customer.persona.opted_out else customer.segment or "no response"].append(customer)
        rows = tuple(self._row(title, people) for title, people in groups.items())
        object.__setattr__(self, "rows", rows)

    def _row(self, title: str, people: Sequence[Customer]) -> SegmentMetrics:
        emails = {customer.email for customer in people}
        effects = self.effects
        return SegmentMetrics(
            title=title,
            people=len(people),
            surveys=sum(len(effects.surveys.get(email, ())) for email in emails),
            responses=self.product_report.responses.get(title, 0),
            scores=len(emails & effects.scores.keys()),
            review_mails=sum(len(effects.reviews.get(email, ())) for email in emails),
            tickets=sum(effects.tickets.get(email, 0) for email in emails),
            alerts=sum(effects.alerts.get(email, 0) for email in emails),
        )

    def by_segment(self, segment: Segment) -> SegmentMetrics:
        """Return the row of a segment."""
        return next(row for row in self.rows if row.title == segment)

    def as_json(self) -> dict[str, Any]:
        """Return the object that ``demo --json`` prints."""
        effects, report = self.effects, self.product_report
        opted_out = [customer for customer in self.customers if customer.persona.opted_out]
        return {
            "contacts": len(self.customers),
            "events": self.log.facts,
            "surveys_sent": sum(map(len, effects.surveys.values())),
            "responses": {segment: report.responses.get(segment, 0) for segment in SEGMENTS},
            "scores_written": len(effects.scores),
            "reviews_invited": {segment: self.by_segment(segment).review_mails for segment in SEGMENTS},
            "tickets_opened": sum(effects.tickets.values()),
            "alerts_sent": sum(effects.alerts.values()) + effects.unmatched_alerts,
            "opted_out": sum(1 for customer in opted_out if not effects.mails_to(customer.email)),
            "duplicates_ignored": report.duplicates,
            "scanner_visits": report.scanner_visits,
            "deliveries": dict(report.deliveries),
            "nps": dict(report.nps),
            "seconds": round(self.seconds, 1),
        }


def observe_effects(
    sandbox: Sandbox, capabilities: DemoCapabilities, customers: Sequence[Customer], log: ScenarioLog, public_url: str
) -> ObservedEffects:
    """Collect the effects that are visible outside the product."""
    surveys: dict[str, list[ReceivedMail]] = {}
    reviews: dict[str, list[ReceivedMail]] = {}
    others: dict[str, list[ReceivedMail]] = {}
    for mail in sandbox.mailbox.mails():
        if mail.links_to(f"{public_url}/s/"):
            kind = surveys
        else:
            kind = reviews if mail.links_to(f"{public_url}/r/") else others
        for to in mail.to:
            kind.setdefault(to, []).append(mail)
    alerts = sandbox.effects(capabilities.alerts).alerts if capabilities.alerts else ()
    alerts_by_email = Counter(filter(None, (_customer_named_in(alert, customers) for alert in alerts)))
    written = sandbox.effects(capabilities.scores) if capabilities.scores else None
    opened: dict[str, list[str]] = {}
    if capabilities.tickets:
        opened = tickets_since(sandbox.effects(capabilities.tickets), log.effects_before[capabilities.tickets])
    return ObservedEffects(
        surveys=surveys,
        reviews=reviews,
        others=others,
        scores=dict(written.scores) if written else {},
        comments=dict(written.comments) if written else {},
        tickets={email: len(tickets) for email, tickets in opened.items()},
        alerts=dict(alerts_by_email),
        unmatched_alerts=len(alerts) - alerts_by_email.total(),
    )


def _customer_named_in(alert: str, customers: Sequence[Customer]) -> str | None:
    """Return the address of the customer whose name is in the alert; the longest name has precedence."""
    matching = [customer for customer in customers if customer.person.name in alert]
    return max(matching, key=lambda customer: len(customer.person.name)).email if matching else None


def leads_with_help(mail: ReceivedMail, public_url: str) -> bool:
    """Return whether a contact address precedes the review link."""
    return _ADDRESS.search(mail.text.partition(f"{public_url}/r/")[0]) is not None
