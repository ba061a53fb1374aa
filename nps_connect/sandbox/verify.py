"""Verification of a demo: expected effects of every customer against the observed ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from nps_connect.records.base import SEGMENTS
from nps_connect.sandbox.capabilities import DemoCapabilities
from nps_connect.sandbox.mail import ReceivedMail
from nps_connect.sandbox.population import Customer
from nps_connect.sandbox.results import DemoMetrics, leads_with_help

FINAL_STATES = frozenset({"succeeded", "cancelled", "skipped"})


def find_mismatches(
    metrics: DemoMetrics,
    capabilities: DemoCapabilities,
    public_url: str,
    destination: Callable[[ReceivedMail], str | None],
) -> list[str]:
    """Return all mismatches, one sentence each; empty if everything balances.

    Args:
        metrics: figures of the demo.
        capabilities: what the demo can show; effects without a simulated vendor are not expected.
        public_url: the product's address.
        destination: returns the address that the review link of a mail leads to.
    """
    mismatches = list(metrics.log.problems)
    for customer in metrics.customers:
        mismatches += _mail_mismatches(metrics, capabilities, customer, public_url)
        mismatches += _effect_mismatches(metrics, capabilities, customer)
    effects = metrics.effects
    if effects.others:
        mismatches.append(f"unexpected mails to {', '.join(sorted(effects.others))}")
    if effects.unmatched_alerts:
        mismatches.append(f"{effects.unmatched_alerts} alerts name no customer")
    destinations = {destination(mail) for mails in effects.reviews.values() for mail in mails}
    if len(destinations) > 1 or None in destinations:
        mismatches.append(f"review links lead to different pages: {', '.join(sorted(map(str, destinations)))}")
    return mismatches + list(_total_mismatches(metrics))


def _mail_mismatches(
    metrics: DemoMetrics, capabilities: DemoCapabilities, customer: Customer, public_url: str
) -> Iterator[str]:
    effects, email = metrics.effects, customer.email
    if customer.persona.opted_out:
        if effects.mails_to(email):
            yield f"{email} opted out {customer.persona.opted_out} the delay and got {effects.mails_to(email)} mails"
        return
    surveys = len(effects.surveys.get(email, ()))
    if surveys != 1:
        yield f"{email} got {surveys} survey mails instead of 1"
    reviews = effects.reviews.get(email, ())
    expected = int(capabilities.reviews and customer.segment is not None)
    if len(reviews) != expected:
        yield f"{email} ({customer.segment or 'no response'}) got {len(reviews)} review mails instead of {expected}"
    for mail in reviews:
        if leads_with_help(mail, public_url) is (customer.segment == "promoter"):
            yield f"the review mail to {email} ({customer.segment}) has the wrong lead"


def _effect_mismatches(metrics: DemoMetrics, capabilities: DemoCapabilities, customer: Customer) -> Iterator[str]:
    effects, email = metrics.effects, customer.email
    score = customer.persona.score if customer.segment else None
    if capabilities.scores and effects.scores.get(email) != score:
        yield f"the contact {email} has the score {effects.scores.get(email)} instead of {score}"
    written, given = ((comment or "").split() for comment in (effects.comments.get(email), customer.comment))
    if capabilities.scores and score is not None and written != given:
        yield f"the contact {email} has another comment than the customer wrote"
    expected = int(customer.segment == "detractor")
    for plugin, noun, count in (
        (capabilities.tickets, "tickets", effects.tickets.get(email, 0)),
        (capabilities.alerts, "alerts", effects.alerts.get(email, 0)),
    ):
        if plugin and count != expected:
            yield f"{email} ({customer.segment or 'no response'}) caused {count} {noun} instead of {expected}"


def _total_mismatches(metrics: DemoMetrics) -> Iterator[str]:
    report = metrics.product_report
    for segment in SEGMENTS:
        responses, people = report.responses.get(segment, 0), metrics.by_segment(segment).people
        if responses != people:
            yield f"{responses} confirmed responses of {segment}s instead of {people}"
    if report.duplicates < metrics.log.resent:
        yield f"{report.duplicates} repeated facts were ignored instead of {metrics.log.resent}"
    if metrics.log.scanned_links and not report.scanner_visits:
        yield "no visit of a scanner was recorded"
    unsettled = {state: number for state, number in report.deliveries.items() if state not in FINAL_STATES}
    if unsettled:
        yield "deliveries are " + ", ".join(f"{state} ({number})" for state, number in sorted(unsettled.items()))
