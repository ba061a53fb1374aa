"""A play whose figures balance, and each way in which they can fail to."""

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

HOUSE = "http://nps.example.com"
PEOPLE = build_population(len(PERSONAS), seed=3)
ROLES = DemoCapabilities((EventSource("crm", "acme", "deal.won"),), "acme", "desk", "bell", reviews=True, missing=())


def mail(to, body):
    return parse_mail(
        f"\r\n{body}".encode(), number=1, sender="", to=(to,), received_at=datetime(2026, 3, 2, tzinfo=UTC)
    )


def survey(email):
    return mail(email, f"{HOUSE}/s/tok")


def invitation(email, *, help_first):
    lines = ["care@example.com", f"{HOUSE}/r/tok"]
    return mail(email, "\r\n".join(lines if help_first else lines[::-1]))


def of(segment):
    return [one for one in PEOPLE if one.segment == segment]


ASKED = [one for one in PEOPLE if not one.persona.opted_out]
ANSWERED = [one for one in PEOPLE if one.segment]
UNHAPPY = {one.email: 1 for one in of("detractor")}
SEEN = ObservedEffects(
    surveys={one.email: [survey(one.email)] for one in ASKED},
    reviews={one.email: [invitation(one.email, help_first=one.segment != "promoter")] for one in ANSWERED},
    others={},
    scores={one.email: one.persona.score for one in ANSWERED},
    comments={one.email: one.comment for one in ANSWERED if one.comment},
    tickets=UNHAPPY,
    alerts=UNHAPPY,
    unmatched_alerts=0,
)
TOLD = ProductReport(
    responses={segment: len(of(segment)) for segment in ("promoter", "passive", "detractor")},
    nps={"score": 20.0, "margin": 30.0, "responses": len(ANSWERED)},
    deliveries={"succeeded": 60, "cancelled": 1},
    duplicates=4,
    scanner_visits=40,
)
RECORD = ScenarioLog(facts=25, resent=4, scanned=40)
FIGURES = DemoMetrics(PEOPLE, RECORD, TOLD, SEEN, 12.34)


def problems(figures, roles=ROLES, destination=lambda mail: "https://reviews.example.com/"):
    return find_mismatches(figures, roles, HOUSE, destination)


def seen(**changed):
    return replace(FIGURES, seen=replace(SEEN, **changed))


def told(**changed):
    return replace(FIGURES, told=replace(TOLD, **changed))


def test_a_good_play_balances():
    assert problems(FIGURES) == []


def test_the_json_object_has_the_promised_keys():
    assert FIGURES.as_json() == {
        "contacts": 24,
        "events": 25,
        "surveys_sent": len(ASKED),
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


def test_the_table_has_a_line_for_each_segment_and_for_the_others():
    lines = {row.title: (row.people, row.surveys, row.answers, row.tickets) for row in FIGURES.rows}
    assert lines == {
        "promoter": (8, 8, 8, 0),
        "passive": (4, 4, 4, 0),
        "detractor": (5, 5, 5, 5),
        "no answer": (5, 5, 0, 0),
        "opted out": (2, 0, 0, 0),
    }


PROMOTER, DETRACTOR = of("promoter")[0].email, of("detractor")[0].email
GONE = next(one.email for one in PEOPLE if one.persona.opted_out)
WRITER = next(one.email for one in ANSWERED if one.comment)


def without(table, email):
    return {key: value for key, value in table.items() if key != email}


@pytest.mark.parametrize(
    ("figures", "complaint"),
    [
        (seen(surveys=without(SEEN.surveys, PROMOTER)), "got 0 survey mails in place of 1"),
        (seen(surveys=SEEN.surveys | {PROMOTER: [survey(PROMOTER)] * 2}), "got 2 survey mails in place of 1"),
        (seen(surveys=SEEN.surveys | {GONE: [survey(GONE)]}), "opted out"),
        (seen(reviews=without(SEEN.reviews, DETRACTOR)), "(detractor) got 0 review mails in place of 1"),
        (
            seen(reviews=SEEN.reviews | {PROMOTER: [invitation(PROMOTER, help_first=True)]}),
            "leads with the wrong thing",
        ),
        (seen(reviews=SEEN.reviews | {DETRACTOR: [invitation(DETRACTOR, help_first=False)]}), "leads with the wrong"),
        (seen(others={"care@example.com": [survey("care@example.com")]}), "went to care@example.com"),
        (seen(scores=SEEN.scores | {PROMOTER: 3}), "shows the score 3"),
        (seen(scores=without(SEEN.scores, DETRACTOR)), "shows the score None"),
        (seen(comments=without(SEEN.comments, WRITER)), "another comment"),
        (seen(tickets=without(UNHAPPY, DETRACTOR)), "caused 0 tickets in place of 1"),
        (seen(tickets=UNHAPPY | {PROMOTER: 1}), "(promoter) caused 1 tickets in place of 0"),
        (seen(alerts=UNHAPPY | {DETRACTOR: 2}), "caused 2 alerts in place of 1"),
        (seen(nameless_alerts=1), "1 alerts name nobody"),
        (told(responses=TOLD.responses | {"promoter": 9}), "9 confirmed answers of promoters in place of 8"),
        (told(duplicates=3), "3 facts were known already in place of 4"),
        (told(scanner_visits=0), "no visit of a scanner"),
        (told(deliveries={"succeeded": 60, "dead": 1}), "deliveries are dead (1)"),
        (replace(FIGURES, record=replace(RECORD, problems=["the roof leaks"])), "the roof leaks"),
    ],
)
def test_what_does_not_balance_is_told_once(figures, complaint):
    (problem,) = problems(figures)
    assert complaint in problem


def test_review_links_must_all_lead_to_one_place():
    (problem,) = problems(FIGURES, destination=lambda mail: f"https://reviews.example.com/{mail.to[0]}")
    assert "lead to different places" in problem
    (problem,) = problems(FIGURES, destination=lambda mail: None)
    assert "lead to different places: None" in problem


def test_a_part_that_nobody_plays_is_not_missed():
    bare = DemoCapabilities(ROLES.sources, None, None, None, reviews=False, missing=())
    assert problems(seen(reviews={}, scores={}, comments={}, tickets={}, alerts={}), bare) == []


def test_tickets_that_were_there_before_do_not_count():
    now = VendorEffects(tickets={"a@example.com": ["1", "2"], "b@example.com": ["3"]})
    before = VendorEffects(tickets={"a@example.com": ["1"], "b@example.com": ["3"]})
    assert tickets_since(now, before) == {"a@example.com": ["2"]}
