"""What came of a play, counted where the world can see it: at the simulated vendors and in the mailbox."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nps_connect.records.responses import SEGMENTS, Segment
from nps_connect.sandbox.capabilities import DemoCapabilities
from nps_connect.sandbox.mail import ReceivedMail
from nps_connect.sandbox.population import Customer
from nps_connect.sandbox.sandbox import Sandbox
from nps_connect.sandbox.scenario import ScenarioLog, tickets_since

_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")


@dataclass(frozen=True)
class ProductReport:
    """What only the product itself can tell.

    Attributes:
        responses: confirmed answers by segment.
        nps: score, margin and number of responses.
        deliveries: number by state.
        duplicates: facts that came in again and added nothing.
        scanner_visits: openings of personal links by scanners.
    """

    responses: Mapping[str, int]
    nps: Mapping[str, Any]
    deliveries: Mapping[str, int]
    duplicates: int
    scanner_visits: int


@dataclass(frozen=True)
class ObservedEffects:
    """What can be seen from outside, by e-mail address.

    Attributes:
        surveys: survey mails.
        reviews: review mails.
        others: further mails, such as those to the fallback address.
        scores: the score on the contact's record.
        comments: the comment on the contact's record.
        tickets: how many tickets were opened for the person.
        alerts: how many alerts named the person.
        nameless_alerts: alerts that name nobody we know.
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
        """How many mails of any kind the person got."""
        return sum(len(kind.get(email, ())) for kind in (self.surveys, self.reviews, self.others))


@dataclass(frozen=True)
class SegmentMetrics:
    """One line of the summary table."""

    title: str
    people: int
    surveys: int
    answers: int
    scores: int
    review_mails: int
    tickets: int
    alerts: int


@dataclass(frozen=True)
class DemoMetrics:
    """The whole outcome.

    Attributes:
        customers: everybody.
        record: what the players did.
        told: by the product.
        seen: from outside.
        seconds: from start to summary.
    """

    customers: Sequence[Customer]
    record: ScenarioLog
    told: ProductReport
    seen: ObservedEffects
    seconds: float
    rows: tuple[SegmentMetrics, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Count the lines of the table."""
        groups: dict[str, list[Customer]] = {segment: [] for segment in (*SEGMENTS, "no answer", "opted out")}
        for one in self.customers:
            groups["opted out" if one.persona.opted_out else one.segment or "no answer"].append(one)
        rows = tuple(self._row(title, people) for title, people in groups.items())
        object.__setattr__(self, "rows", rows)

    def _row(self, title: str, people: Sequence[Customer]) -> SegmentMetrics:
        emails = {one.email for one in people}
        seen = self.seen
        return SegmentMetrics(
            title=title,
            people=len(people),
            surveys=sum(len(seen.surveys.get(email, ())) for email in emails),
            answers=self.told.responses.get(title, 0),
            scores=len(emails & seen.scores.keys()),
            review_mails=sum(len(seen.reviews.get(email, ())) for email in emails),
            tickets=sum(seen.tickets.get(email, 0) for email in emails),
            alerts=sum(seen.alerts.get(email, 0) for email in emails),
        )

    def by_segment(self, segment: Segment) -> SegmentMetrics:
        """One line of the table."""
        return next(row for row in self.rows if row.title == segment)

    def as_json(self) -> dict[str, Any]:
        """The object that ``demo --json`` prints."""
        seen = self.seen
        return {
            "contacts": len(self.customers),
            "events": self.record.facts,
            "surveys_sent": sum(map(len, seen.surveys.values())),
            "responses": {segment: self.told.responses.get(segment, 0) for segment in SEGMENTS},
            "scores_written": len(seen.scores),
            "reviews_invited": {segment: self.by_segment(segment).review_mails for segment in SEGMENTS},
            "tickets_opened": sum(seen.tickets.values()),
            "alerts_sent": sum(seen.alerts.values()) + seen.unmatched_alerts,
            "opted_out": sum(1 for one in self.customers if one.persona.opted_out and not seen.mails_to(one.email)),
            "duplicates_ignored": self.told.duplicates,
            "scanner_visits": self.told.scanner_visits,
            "deliveries": dict(self.told.deliveries),
            "nps": dict(self.told.nps),
            "seconds": round(self.seconds, 1),
        }


def observe_effects(
    sandbox: Sandbox, roles: DemoCapabilities, customers: Sequence[Customer], record: ScenarioLog, public_url: str
) -> ObservedEffects:
    """See what there is to be seen from outside."""
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
    alerts = sandbox.effects(roles.alerts).alerts if roles.alerts else ()
    named = Counter(filter(None, (_customer_named_in(alert, customers) for alert in alerts)))
    written = sandbox.effects(roles.scores) if roles.scores else None
    opened = tickets_since(sandbox.effects(roles.tickets), record.before[roles.tickets]) if roles.tickets else {}
    return ObservedEffects(
        surveys=surveys,
        reviews=reviews,
        others=others,
        scores=dict(written.scores) if written else {},
        comments=dict(written.comments) if written else {},
        tickets={email: len(tickets) for email, tickets in opened.items()},
        alerts=dict(named),
        unmatched_alerts=len(alerts) - named.total(),
    )


def _customer_named_in(alert: str, customers: Sequence[Customer]) -> str | None:
    """The address of the person whose name stands in the alert; the longest name wins."""
    fitting = [one for one in customers if one.person.name in alert]
    return max(fitting, key=lambda one: len(one.person.name)).email if fitting else None


def leads_with_help(mail: ReceivedMail, public_url: str) -> bool:
    """Whether an address to write to stands in front of the review link."""
    return _ADDRESS.search(mail.text.partition(f"{public_url}/r/")[0]) is not None
