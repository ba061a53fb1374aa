"""Whether the figures of a play balance: who should have got what, against who got it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from nps_connect.records.responses import SEGMENTS
from nps_connect.sandbox.capabilities import DemoCapabilities
from nps_connect.sandbox.mail import ReceivedMail
from nps_connect.sandbox.population import Customer
from nps_connect.sandbox.results import DemoMetrics, leads_with_help

FINAL_STATES = frozenset({"succeeded", "cancelled", "skipped"})


def find_mismatches(
    figures: DemoMetrics, roles: DemoCapabilities, public_url: str, destination: Callable[[ReceivedMail], str | None]
) -> list[str]:
    """Everything that does not add up, one sentence each; empty if all is well.

    Args:
        figures: what came of the play.
        roles: who played; a part that nobody plays is not missed.
        public_url: the product's address.
        destination: where the review link of a mail leads.
    """
    found = list(figures.record.problems)
    for customer in figures.customers:
        found += _mail_mismatches(figures, roles, customer, public_url)
        found += _effect_mismatches(figures, roles, customer)
    if figures.seen.others:
        found.append(f"mails that nobody expects went to {', '.join(sorted(figures.seen.others))}")
    if figures.seen.unmatched_alerts:
        found.append(f"{figures.seen.unmatched_alerts} alerts name nobody")
    reached = {destination(mail) for mails in figures.seen.reviews.values() for mail in mails}
    if len(reached) > 1 or None in reached:
        found.append(f"review links lead to different places: {', '.join(sorted(map(str, reached)))}")
    return found + list(_total_mismatches(figures))


def _mail_mismatches(
    figures: DemoMetrics, roles: DemoCapabilities, customer: Customer, public_url: str
) -> Iterator[str]:
    seen, email = figures.seen, customer.email
    if customer.persona.opted_out:
        if seen.mails_to(email):
            yield f"{email} opted out {customer.persona.opted_out} the delay and got {seen.mails_to(email)} mails"
        return
    surveys = len(seen.surveys.get(email, ()))
    if surveys != 1:
        yield f"{email} got {surveys} survey mails in place of 1"
    reviews = seen.reviews.get(email, ())
    wanted = int(roles.reviews and customer.segment is not None)
    if len(reviews) != wanted:
        yield f"{email} ({customer.segment or 'no answer'}) got {len(reviews)} review mails in place of {wanted}"
    for mail in reviews:
        if leads_with_help(mail, public_url) is (customer.segment == "promoter"):
            yield f"the review mail to {email} ({customer.segment}) leads with the wrong thing"


def _effect_mismatches(figures: DemoMetrics, roles: DemoCapabilities, customer: Customer) -> Iterator[str]:
    seen, email = figures.seen, customer.email
    score = customer.persona.score if customer.segment else None
    if roles.scores and seen.scores.get(email) != score:
        yield f"the contact {email} shows the score {seen.scores.get(email)} in place of {score}"
    if (
        roles.scores
        and score is not None
        and _normalized_comment(seen.comments.get(email)) != _normalized_comment(customer.comment)
    ):
        yield f"the contact {email} shows another comment than the customer wrote"
    unhappy = int(customer.segment == "detractor")
    for part, what, counted in (
        (roles.tickets, "tickets", seen.tickets.get(email, 0)),
        (roles.alerts, "alerts", seen.alerts.get(email, 0)),
    ):
        if part and counted != unhappy:
            yield f"{email} ({customer.segment or 'no answer'}) caused {counted} {what} in place of {unhappy}"


def _total_mismatches(figures: DemoMetrics) -> Iterator[str]:
    for segment in SEGMENTS:
        answers, people = figures.told.responses.get(segment, 0), figures.by_segment(segment).people
        if answers != people:
            yield f"{answers} confirmed answers of {segment}s in place of {people}"
    if figures.told.duplicates < figures.record.resent:
        yield f"{figures.told.duplicates} facts were known already in place of {figures.record.resent}"
    if figures.record.scanned and not figures.told.scanner_visits:
        yield "no visit of a scanner was noted"
    unsettled = {state: number for state, number in figures.told.deliveries.items() if state not in FINAL_STATES}
    if unsettled:
        yield "deliveries are " + ", ".join(f"{state} ({number})" for state, number in sorted(unsettled.items()))


def _normalized_comment(comment: str | None) -> str:
    return " ".join((comment or "").split())
