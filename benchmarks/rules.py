"""Cost of the pure rules, which must be negligible compared with a database commit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from time import perf_counter

from nps_connect.records.contacts import Contact
from nps_connect.records.events import Event
from nps_connect.records.responses import Response
from nps_connect.records.surveys import ContactHistory
from nps_connect.rules.evaluate import check_trigger
from nps_connect.rules.filters import compile_filter
from nps_connect.rules.nps_arithmetic import compute_nps
from nps_connect.rules.routing import plan_actions
from nps_connect.rules.trigger_decision import Facts
from nps_connect.services.deliveries.factory import delivery_key
from nps_connect.settings.model import Limits, Route, Trigger

NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)
FIELDS = {"amount": "number", "stage": "text"}
WHERE = 'amount >= 100 and stage not in ["trial", "internal"] and contact.language == "fr"'
ROUTES = [
    Route(on="any", do="write_score", via="crm"),
    Route(on="promoter", do="invite_review", via="reviews"),
    Route(on=["passive", "detractor"], do="invite_review", via="reviews", lead="help"),
    Route(on="detractor", do="open_ticket", via="helpdesk"),
    Route(on="detractor", do="send_alert", via="team"),
]


def measure() -> Iterator[tuple[str, int, float]]:
    """Yield each figure: text, count, seconds, remark."""
    facts = Facts(
        trigger=Trigger.model_validate({"on": "deal.won", "from": "crm", "survey": "after-purchase", "delay": "3d"}),
        event=Event(
            key="1", kind="deal.won", object_id="1", occurred_at=NOW, fields={"amount": "120.00", "stage": "won"}
        ),
        now=NOW,
        limits=Limits(),
        filter=compile_filter(WHERE, FIELDS, open_fields=False),
        contacts=(Contact(connection="crm", id="17", email="anne@example.com", language="fr"),),
        suppression_reason=None,
        veto_reason=None,
        history=ContactHistory(),
        surveys_due=lambda _day: 0,
        trigger_surveys_due=lambda _day: 0,
        outranked_by=None,
        blocked_until=None,
        reached=0,
        baseline=lambda: 0.0,
        released=False,
        seen_at=NOW,
        zone=UTC,
    )
    response = Response(
        id="r1", revision=1, survey="after-purchase", touchpoint="purchase", score=3, language="fr", answered_at=NOW
    )
    values = facts.values()
    yield timed("compile a filter", 200, lambda: compile_filter(WHERE, FIELDS, open_fields=False))
    yield timed("match a filter", 20_000, lambda: facts.filter is not None and facts.filter.matches(values))
    yield timed("decide on an event", 20_000, lambda: check_trigger(facts))
    yield timed("plan an answer's actions", 20_000, lambda: plan_actions(ROUTES, response=response, grace_periods={}))
    yield timed(
        "make a delivery's key",
        20_000,
        lambda: delivery_key(action="write_score", subject="r1", revision=1, route="crm"),
    )
    yield timed("compute a score with its margin", 20_000, lambda: compute_nps(700, 200, 100, provisional=50))


def timed(what: str, count: int, work: Callable[[], object]) -> tuple[str, int, float]:
    """Run some work repeatedly."""
    started = perf_counter()
    for _ in range(count):
        work()
    return what, count, perf_counter() - started
