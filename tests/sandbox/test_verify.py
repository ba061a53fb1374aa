"""A scenario whose figures balance, and each mismatch that is found."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from nps_connect.sandbox.capabilities import DemoCapabilities, EventSource
from nps_connect.sandbox.mail import parse_mail
from nps_connect.sandbox.population import PERSONAS, build_population
from nps_connect.sandbox.results import DemoMetrics, ObservedEffects, ProductReport
from nps_connect.sandbox.scenario import ScenarioLog, tickets_since
from nps_connect.sandbox.verify import find_mismatches
from nps_connect.simulation import VendorEffects

PUBLIC_URL = "http://nps.example.com"
CUSTOMERS = build_population(len(PERSONAS), seed=3)
CAPABILITIES = DemoCapabilities(
    (EventSource("crm", "acme", "deal.won"),), "acme", "desk", "bell", reviews=True, missing=()
)


def build_mail(to, body):
    return parse_mail(
        f"\r\n{body}".encode(), number=1, sender="", to=(to,), received_at=datetime(2026, 3, 2, tzinfo=UTC)
    )


def survey_mail(email):
    return build_mail(email, f"{PUBLIC_URL}/s/tok")


def review_mail(email, *, help_first):
    lines = ["care@example.com", f"{PUBLIC_URL}/r/tok"]
    return build_mail(email, "\r\n".join(lines if help_first else lines[::-1]))


def in_segment(segment):
    return [customer for customer in CUSTOMERS if customer.segment == segment]


INVITED = [customer for customer in CUSTOMERS if not customer.persona.opted_out]
RESPONDED = [customer for customer in CUSTOMERS if customer.segment]
DETRACTORS = {customer.email: 1 for customer in in_segment("detractor")}
EFFECTS = ObservedEffects(
    surveys={customer.email: [survey_mail(customer.email)] for customer in INVITED},
    reviews={
        customer.email: [review_mail(customer.email, help_first=customer.segment != "promoter")]
        for customer in RESPONDED
    },
    others={},
    scores={customer.email: customer.persona.score for customer in RESPONDED},
    comments={customer.email: customer.comment for customer in RESPONDED if customer.comment},
    tickets=DETRACTORS,
    alerts=DETRACTORS,
    unmatched_alerts=0,
)
REPORT = ProductReport(
    responses={segment: len(in_segment(segment)) for segment in ("promoter", "passive", "detractor")},
    nps={"score": 20.0, "margin": 30.0, "responses": len(RESPONDED)},
    deliveries={"succeeded": 60, "cancelled": 1},
    duplicates=4,
    scanner_visits=40,
)
LOG = ScenarioLog(facts=25, resent=4, scanned_links=40)
METRICS = DemoMetrics(CUSTOMERS, LOG, REPORT, EFFECTS, 12.34)


def mismatches(metrics, capabilities=CAPABILITIES, destination=lambda mail: "https://reviews.example.com/"):
    return find_mismatches(metrics, capabilities, PUBLIC_URL, destination)


def with_effects(**changed):
    return replace(METRICS, effects=replace(EFFECTS, **changed))


def with_report(**changed):
    return replace(METRICS, product_report=replace(REPORT, **changed))


def test_a_correct_run_has_no_mismatches():
    assert mismatches(METRICS) == []


def test_as_json_returns_the_documented_keys():
    assert METRICS.as_json() == {
        "contacts": 24,
        "events": 25,
        "surveys_sent": len(INVITED),
        "responses": {"promoter": 8, "passive": 4, "detractor": 5},
        "scores_written": 17,
        "reviews_invited": {"promoter": 8, "passive": 4, "detractor": 5},
        "tickets_opened": 5,
        "alerts_sent": 5,
        "opted_out": 2,
        "duplicates_ignored": 4,
        "scanner_visits": 40,
        "deliveries": {"succeeded": 60, "cancelled": 1},
        "nps": {"score": 20.0, "margin": 30.0, "responses": 17},
        "seconds": 12.3,
    }


def test_the_table_has_a_row_per_segment_and_for_no_response_and_opted_out():
    lines = {row.title: (row.people, row.surveys, row.responses, row.tickets) for row in METRICS.rows}
    assert lines == {
        "promoter": (8, 8, 8, 0),
        "passive": (4, 4, 4, 0),
        "detractor": (5, 5, 5, 5),
        "no response": (5, 5, 0, 0),
        "opted out": (2, 0, 0, 0),
    }


PROMOTER, DETRACTOR = in_segment("promoter")[0].email, in_segment("detractor")[0].email
OPTED_OUT = next(customer.email for customer in CUSTOMERS if customer.persona.opted_out)
COMMENTER = next(customer.email for customer in RESPONDED if customer.comment)


def without(table, email):
    return {key: value for key, value in table.items() if key != email}


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        (with_effects(surveys=without(EFFECTS.surveys, PROMOTER)), "got 0 survey mails instead of 1"),
        (
            with_effects(surveys=EFFECTS.surveys | {PROMOTER: [survey_mail(PROMOTER)] * 2}),
            "got 2 survey mails instead of 1",
        ),
        (with_effects(surveys=EFFECTS.surveys | {OPTED_OUT: [survey_mail(OPTED_OUT)]}), "opted out"),
        (with_effects(reviews=without(EFFECTS.reviews, DETRACTOR)), "(detractor) got 0 review mails instead of 1"),
        (
            with_effects(reviews=EFFECTS.reviews | {PROMOTER: [review_mail(PROMOTER, help_first=True)]}),
            "has the wrong lead",
        ),
        (
            with_effects(reviews=EFFECTS.reviews | {DETRACTOR: [review_mail(DETRACTOR, help_first=False)]}),
            "has the wrong lead",
        ),
        (
            with_effects(others={"care@example.com": [survey_mail("care@example.com")]}),
            "unexpected mails to care@example.com",
        ),
        (with_effects(scores=EFFECTS.scores | {PROMOTER: 3}), "has the score 3"),
        (with_effects(scores=without(EFFECTS.scores, DETRACTOR)), "has the score None"),
        (with_effects(comments=without(EFFECTS.comments, COMMENTER)), "another comment"),
        (with_effects(tickets=without(DETRACTORS, DETRACTOR)), "caused 0 tickets instead of 1"),
        (with_effects(tickets=DETRACTORS | {PROMOTER: 1}), "(promoter) caused 1 tickets instead of 0"),
        (with_effects(alerts=DETRACTORS | {DETRACTOR: 2}), "caused 2 alerts instead of 1"),
        (with_effects(unmatched_alerts=1), "1 alerts name no customer"),
        (with_report(responses=REPORT.responses | {"promoter": 9}), "9 confirmed responses of promoters instead of 8"),
        (with_report(duplicates=3), "3 repeated facts were ignored instead of 4"),
        (with_report(scanner_visits=0), "no visit of a scanner"),
        (with_report(deliveries={"succeeded": 60, "dead": 1}), "deliveries are dead (1)"),
        (replace(METRICS, log=replace(LOG, problems=["a step failed"])), "a step failed"),
    ],
)
def test_each_mismatch_is_reported_once(metrics, message):
    (mismatch,) = mismatches(metrics)
    assert message in mismatch


def test_review_links_must_all_lead_to_one_page():
    (mismatch,) = mismatches(METRICS, destination=lambda mail: f"https://reviews.example.com/{mail.to[0]}")
    assert "lead to different pages" in mismatch
    (mismatch,) = mismatches(METRICS, destination=lambda mail: None)
    assert "lead to different pages: None" in mismatch


def test_effects_without_a_vendor_are_not_expected():
    reduced = DemoCapabilities(CAPABILITIES.sources, None, None, None, reviews=False, missing=())
    assert mismatches(with_effects(reviews={}, scores={}, comments={}, tickets={}, alerts={}), reduced) == []


def test_tickets_since_excludes_tickets_that_existed_before():
    now = VendorEffects(tickets={"a@example.com": ["1", "2"], "b@example.com": ["3"]})
    before = VendorEffects(tickets={"a@example.com": ["1"], "b@example.com": ["3"]})
    assert tickets_since(now, before) == {"a@example.com": ["2"]}
