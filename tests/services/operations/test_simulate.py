"""A simulation writes nothing and predicts the decisions of the configuration."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select
from support.application import ApplicationHarness
from support.clock import START, ManualClock
from support.hypothesis_settings import ledger_settings

from nps_connect.ledger.columns import Base
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.tables import DecisionRow, EventRow, InvitationRow
from nps_connect.services.operations.simulate import compare_results, simulate

TRIGGER = {"on": "deal.won", "from": "crm", "survey": "after-purchase"}
HOURS = st.lists(st.tuples(st.integers(0, 24 * 40), st.sampled_from("123"), st.integers(0, 200)), max_size=8)
CONFIGURATIONS = st.fixed_dictionaries(
    {
        "triggers": st.lists(
            st.fixed_dictionaries(
                {
                    "delay": st.sampled_from(["0s", "1d", "next tuesday 10:00"]),
                    "where": st.sampled_from(["amount >= 0", "amount >= 100", "history.answers == 0"]),
                    "priority": st.integers(0, 2),
                    "sample": st.sampled_from([100, 50]),
                },
                optional={"per_day": st.just(1), "ignore_cooldown": st.just("a written exception")},
            ).map(lambda options: {**TRIGGER, **options}),
            min_size=1,
            max_size=3,
        ).map(lambda triggers: [{**options, "name": f"t{number}"} for number, options in enumerate(triggers)]),
        "limits": st.fixed_dictionaries(
            {
                "cooldown": st.sampled_from(["5d", "20d"]),
                "when_blocked": st.sampled_from(["skip", "defer"]),
                "surveys_per_day": st.sampled_from([1, 200]),
                "unusual": st.sampled_from([1, 50]),
                "unusual_factor": st.sampled_from([1, 30]),
                "unusual_within": st.sampled_from(["1h", "2d"]),
                "quiet_hours": st.just("off"),
                "quiet_days": st.just([]),
            }
        ),
    }
)


EMPTY: list[Ledger] = []


def _created() -> Ledger:
    ledger = Ledger("sqlite://")
    Base.metadata.create_all(ledger.engine)
    return ledger


def _emptied(ledger: Ledger) -> None:
    with ledger.engine.begin() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(table.delete())
    EMPTY.append(ledger)


def shop(happenings, configuration) -> tuple[ApplicationHarness, ManualClock]:
    """Run an application through the happenings, hour by hour."""
    ledger = EMPTY.pop() if EMPTY else _created()
    clock = ManualClock()
    application = ApplicationHarness(ledger, clock, configuration)
    for person, zone in (("1", None), ("2", "Pacific/Auckland"), ("3", "America/Los_Angeles")):
        application.crm.knows(person, f"{person}@example.com", timezone=zone)
    for number, (hour, person, amount) in enumerate(sorted(happenings)):
        clock.now = START + timedelta(hours=hour)
        _live(application, clock)
        application.webhook(application.won(person, deal=str(number), amount=amount))
        _live(application, clock)
    clock.forward("60d")
    _live(application, clock)
    return application, clock


def _live(application: ApplicationHarness, clock: ManualClock) -> None:
    """Process due work, each item when it is due."""
    until = clock.now
    queues = [
        queue_name
        for queue_name in application.queues
        if queue_name.name in ("crm/parse", "crm/decide", "mail/send_survey")
    ]
    for _ in range(100):
        due = [due_at for queue_name in queues if (due_at := queue_name.next_due(application.ctx)) is not None]
        if not due or min(due) > until:
            clock.now = until
            return
        clock.now = max(START, min(due))
        for queue_name in reversed(queues):
            queue_name.drain(lambda: False)
    raise AssertionError("the queues never came to rest")


def counts(application: ApplicationHarness) -> dict[str, int]:
    with application.ledger.read() as session:
        return {
            table.__tablename__: session.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (EventRow, DecisionRow, InvitationRow)
        }


@ledger_settings(8)
@given(HOURS, CONFIGURATIONS, CONFIGURATIONS)
def test_simulation_equals_the_real_decisions(happenings, present, new):
    recorded, clock = shop(happenings, present)
    before = counts(recorded)
    trial = ApplicationHarness(recorded.ledger, clock, new)
    outcome = simulate(trial.ctx, START)
    assert counts(recorded) == before, "nothing is written"
    assert trial.post.calls == []
    real, _ = shop(happenings, new)
    with real.ledger.read() as session:
        invited = select(InvitationRow.event_id, InvitationRow.trigger, InvitationRow.due_at)
        happened = sorted(tuple(row) for row in session.execute(invited))
        grouped = select(DecisionRow.reason, func.count()).group_by(DecisionRow.reason)
        reasons = dict(session.execute(grouped).all())
    assert sorted((survey.event_id, survey.trigger, survey.due_at) for survey in outcome.surveys) == happened
    assert outcome.reasons == reasons
    for application in (recorded, real):
        _emptied(application.ledger)


@pytest.fixture
def month(application, clock) -> ApplicationHarness:
    """Ten people with one deal each on ten days, for 10 to 100."""
    for number in range(1, 11):
        application.crm.knows(str(number), f"{number}@example.com")
        application.webhook(application.won(str(number), amount=number * 10))
        application.run(only="crm/")
        clock.forward("1d")
    return application


def test_differences_are_listed_by_person(month, clock):
    new = ApplicationHarness(month.ledger, clock, {"triggers": [{**TRIGGER, "delay": "4d", "where": "amount > 50"}]})
    present, tried = simulate(month.ctx, START), simulate(new.ctx, START)
    difference = compare_results(present, tried)
    assert [survey.contact for survey in difference.removed] == [f"crm:{number}" for number in range(1, 6)]
    assert difference.added == ()
    assert [after.due_at - before.due_at for before, after in difference.moved] == [timedelta(days=1)] * 5
    assert tried.reasons == {"filter": 5, "surveyed": 5}
    assert compare_results(tried, present).added == difference.removed


def test_earlier_cooldowns_apply_to_simulated_events(month, clock):
    for number in ("1", "10"):
        month.webhook(month.won(number, deal=f"again-{number}", amount=1))
    month.run(only="crm/")
    outcome = simulate(month.ctx, clock() - timedelta(hours=1))
    assert outcome.events == 2
    assert outcome.reasons == {"cooldown": 2}


def test_opt_out_applies_from_its_moment(month, clock):
    from nps_connect.services.suppressions.store import suppress

    moment = START + timedelta(days=8)
    with month.ledger.write() as session:
        for contact, at in (("c:9", moment - timedelta(hours=1)), ("c:1", moment)):
            ctx = replace(month.ctx, clock=ManualClock(at))
            suppress(ctx, session, [contact], "objected", source="page")
    outcome = simulate(month.ctx, START)
    assert outcome.reasons == {"surveyed": 9, "suppressed": 1}
    assert "crm:9" not in {survey.contact for survey in outcome.surveys}


def test_never_completed_events_are_counted_apart(ledger, clock):
    application = ApplicationHarness(ledger, clock, {"triggers": []})
    for number in ("1", "2"):
        application.crm.knows(number, f"{number}@example.com")
        application.webhook(application.won(number, amount=5))
    application.run()
    listening = ApplicationHarness(ledger, clock, {"triggers": [TRIGGER]})
    listening.webhook(listening.won("unknown"))
    listening.run()
    outcome = simulate(listening.ctx, START)
    assert outcome.reasons == {"never_completed": 2, "no_contact": 1}
    assert outcome.never_completed == 2
    filtered = ApplicationHarness(ledger, clock, {"triggers": [{**TRIGGER, "where": "amount >= 100"}]})
    assert simulate(filtered.ctx, START).reasons == {"never_completed": 2, "filter": 1}
