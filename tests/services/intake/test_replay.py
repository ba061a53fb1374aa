"""Manual events are marked as such; redeciding keeps earlier decisions."""

from __future__ import annotations

from sqlalchemy import select
from support.application import ApplicationHarness

from nps_connect.ledger.tables import DecisionRow, EventRow
from nps_connect.records.contacts import ContactKey
from nps_connect.services.decisions.held_triggers import reject_held
from nps_connect.services.intake.manual_events import create_manual_event
from nps_connect.services.operations.explain import explain_event
from nps_connect.services.operations.redecide import redecide


def test_manual_event_is_marked_and_decided(application, clock):
    application.crm.knows("1", "marie@example.com")
    marie = ContactKey(kind="email", value="marie@example.com")
    event_id, new = create_manual_event(
        application.ctx, "crm", "deal.won", contact=marie, object_id="d-1", fields={"amount": "5"}
    )
    assert new
    assert create_manual_event(application.ctx, "crm", "deal.won", contact=marie, object_id="d-1", fields={}) == (
        event_id,
        False,
    )
    clock.forward("1m")
    create_manual_event(application.ctx, "crm", "deal.won", contact=marie, object_id=None, fields={})
    application.run()
    with application.ledger.read() as session:
        assert session.execute(select(EventRow.source)).scalars().all() == ["manual", "manual"]
        assert session.execute(select(DecisionRow.reason)).scalars().all() == ["surveyed", "cooldown"]


WHERE = {"on": "deal.won", "from": "crm", "survey": "after-purchase", "name": "won"}


def decisions(ledger) -> list[DecisionRow]:
    with ledger.read() as session:
        return list(session.execute(select(DecisionRow).order_by(DecisionRow.event_id)).scalars())


def redo(application: ApplicationHarness, why: str = "the filter was wrong") -> int:
    with application.ledger.write() as session:
        ids = list(session.execute(select(EventRow.id)).scalars())
        labels = [trigger.label for trigger in application.ctx.settings.triggers]
        redone = len(redecide(session, ids, labels, reason=why, now=application.clock()))
    application.run(only="crm/")
    return redone


def bought(ledger, clock, where: str) -> ApplicationHarness:
    """Two people with deals of 50 and 200."""
    application = ApplicationHarness(ledger, clock, {"triggers": [{**WHERE, "where": where}]})
    for person, amount in (("1", 50), ("2", 200)):
        application.crm.knows(person, f"{person}@example.com")
        application.webhook(application.won(person, amount=amount))
    application.run(only="crm/")
    return application


def with_corrected_trigger(application: ApplicationHarness, **trigger: str) -> ApplicationHarness:
    after = ApplicationHarness(application.ledger, application.clock, {"triggers": [{**WHERE, **trigger}]})
    after.crm.people = application.crm.people
    return after


def test_no_is_decided_again_after_a_filter_fix_and_keeps_the_previous_decision(ledger, clock):
    before = bought(ledger, clock, "amount >= 100")
    assert [row.reason for row in decisions(ledger)] == ["filter", "surveyed"]
    after = with_corrected_trigger(before, where="amount >= 10")
    clock.forward("1d")
    assert redo(after) == 1
    small, large = decisions(ledger)
    assert (small.verdict, small.reason) == ("yes", "surveyed")
    assert large.previous_decisions is None
    with ledger.read() as session:
        texts = [entry.text for entry in explain_event(session, small.event_id).entries if entry.kind == "decision"]
    assert len(texts) == 1
    assert "decided again because: the filter was wrong; before, 20" in texts[0]
    assert "no (filter), 'amount >= 100' does not hold: amount = 50" in texts[0]
    assert redo(after) == 0


def test_repeated_no_keeps_all_previous_decisions(ledger, clock):
    application = bought(ledger, clock, "amount >= 100")
    assert (redo(application, "first"), redo(application, "second")) == (1, 1)
    small = decisions(ledger)[0]
    assert (small.verdict, small.reason) == ("no", "filter")
    assert [previous["again"] for previous in small.previous_decisions] == ["first", "second"]


def test_yes_rejection_and_opt_out_are_never_decided_again(ledger, clock):
    application = ApplicationHarness(ledger, clock, {"triggers": [WHERE], "limits": {"unusual": 1}})
    for person, more in (("1", {}), ("2", {}), ("3", {"opted_out": True})):
        application.crm.knows(person, f"{person}@example.com", **more)
        application.webhook(application.won(person))
    application.run(only="crm/")
    with ledger.write() as session:
        reject_held(session, "won")
    assert sorted(row.reason for row in decisions(ledger)) == ["opted_out", "refused", "surveyed"]
    assert redo(with_corrected_trigger(application)) == 0


def test_event_that_became_too_old_surveys_nobody(ledger, clock):
    before = bought(ledger, clock, "amount >= 100")
    clock.forward("30d")
    redo(with_corrected_trigger(before))
    assert [row.reason for row in decisions(ledger)] == ["too_old", "surveyed"]


def test_event_age_is_counted_up_to_receipt(ledger, clock):
    application = ApplicationHarness(ledger, clock)
    application.crm.knows("1", "marie@example.com")
    application.webhook(application.won("1"))
    application.run(only="crm/parse")
    clock.forward("10d")
    application.run(only="crm/decide")
    assert [row.reason for row in decisions(ledger)] == ["surveyed"]


def test_manual_event_key_holds_no_address(application):
    marie = ContactKey(kind="email", value="marie@example.com")
    create_manual_event(application.ctx, "crm", "deal.won", contact=marie, object_id=None, fields={})
    with application.ledger.read() as session:
        (row,) = session.execute(select(EventRow)).scalars()
    assert "marie" not in f"{row.key} {row.object_id}"
