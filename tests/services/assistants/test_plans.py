"""Plans: an assistant stores them, a person approves each once, and nothing else has an effect."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select
from support.application import ApplicationHarness
from support.assistant import OPERATOR, Assistant, stored_rows, vendor_calls

from nps_connect.errors import Rejected
from nps_connect.ledger import pauses
from nps_connect.ledger.approvals import ApprovalRow
from nps_connect.ledger.audit_log import AuditRow
from nps_connect.services.approvals.approvals import (
    MAX_OPEN_PLANS,
    PlanRefused,
    decide_plan,
    delete_old_plans,
    find_plan,
)
from nps_connect.services.assistants.plans import approve_plan
from nps_connect.services.assistants.retry_deliveries import RETRY_DELIVERIES


def pseudonyms(assistant):
    return [item["contact"]["pseudonym"] for item in assistant.call("responses")["items"]]


def approve(application, plan):
    return approve_plan(application.ctx, plan["plan"], OPERATOR)


def dead_delivery(application):
    [row] = [row for row in application.deliveries("send_alert") if row.state == "dead"]
    return row.id


def audited(application):
    with application.ledger.read() as session:
        rows = session.execute(select(AuditRow).order_by(AuditRow.id)).scalars()
        return [(row.actor_kind, row.actor_name, row.command, row.object) for row in rows]


def test_a_plan_has_no_effect_until_it_is_approved_and_then_once(assisted, analyst):
    before, calls = stored_rows(assisted), vendor_calls(assisted)
    plan = analyst.call("plan_retry_deliveries", deliveries=[dead_delivery(assisted)])
    assert (plan["people"], plan["items"], plan["state"]) == (0, 1, "open")
    assert (stored_rows(assisted), vendor_calls(assisted)) == (before, calls)
    assert approve(assisted, plan) == "1 deliveries due now"
    assisted.run()
    assert vendor_calls(assisted)["bell"] == calls["bell"] + 1
    assert audited(assisted) == [
        ("cli", "anna", "approvals approve", f"plan:{plan['plan']}, retry_deliveries, planned by api:assistant"),
        ("cli", "anna", "deliveries retry", f"1 deliveries: {assisted.deliveries('send_alert')[0].id}"),
    ]
    with pytest.raises(PlanRefused, match="was approved at"):
        approve(assisted, plan)
    assert [entry["state"] for entry in analyst.call("plans")["plans"]] == ["approved"]


def test_people_are_asked_by_the_usual_rules_after_an_approval(assisted, analyst, clock):
    people = pseudonyms(analyst)
    plan = analyst.call("plan_ask_people", survey="after-purchase", people=people)
    assert plan["people"] == 2
    clock.forward("1m")
    assert "2 added to campaign assistant-" in approve(assisted, plan)
    sent = len(assisted.post.sent("survey"))
    assisted.run()
    assert len(assisted.post.sent("survey")) == sent  # both are in their cooldown
    assert "done already" in analyst.call("plan_ask_people", survey="after-purchase", people=people)["refused"]


def test_a_plan_to_ask_somebody_who_opted_out_since_is_refused(assisted, analyst, staff):
    plan = analyst.call("plan_ask_people", survey="after-purchase", people=pseudonyms(analyst))
    suppress_marie(assisted)
    with pytest.raises(PlanRefused, match="something else by now"):
        approve(assisted, plan)
    assert staff.call("plan_ask_people", survey="after-purchase", people=["crm:1042", "crm:7"])["people"] == 1


def suppress_marie(application):
    from nps_connect.ledger.subjects import mailbox_hash, mailbox_subject
    from nps_connect.services.suppressions.store import suppress

    subject = mailbox_subject(mailbox_hash("veronique.dupont-martel@victim.example"))
    with application.ledger.write() as session:
        suppress(application.ctx, session, [subject], "opted_out", source="the test")


def test_a_plan_expires_and_a_rejected_one_cannot_be_approved(assisted, analyst, clock):
    plan = analyst.call("plan_pause")
    with assisted.ledger.write() as session:
        decide_plan(session, find_plan(session, plan["plan"]), "rejected", actor=OPERATOR, now=clock())
    with pytest.raises(PlanRefused, match="was rejected"):
        approve(assisted, plan)
    late = analyst.call("plan_pause")
    assert late["plan"] != plan["plan"]
    clock.forward("15m")
    with pytest.raises(PlanRefused, match="has expired"):
        approve(assisted, late)
    assert [entry[2] for entry in audited(assisted)] == ["approvals reject"]


def test_pause_and_resume_are_plans_too(assisted, analyst):
    assert approve(assisted, analyst.call("plan_pause", connection="crm")) == "connection:crm is now paused"
    assert analyst.call("plan_pause", connection="crm") == {"refused": "it is paused already"}
    assert analyst.call("plan_resume", survey="after-purchase") == {"refused": "it is not paused"}
    assert approve(assisted, analyst.call("plan_resume", connection="crm")) == "connection:crm resumed"


def test_a_plan_to_resume_is_refused_when_other_mail_waits_by_now(assisted, analyst):
    approve(assisted, analyst.call("plan_pause"))
    assisted.crm.knows("9", "luc@example.com")
    assisted.webhook(assisted.won("9"))
    assisted.run()
    plan = analyst.call("plan_resume")
    assert plan["people"] >= 1
    assisted.crm.knows("10", "eve@example.com")
    assisted.webhook(assisted.won("10"))
    assisted.run()
    with pytest.raises(PlanRefused, match="something else by now"):
        approve(assisted, plan)
    assert approve(assisted, analyst.call("plan_resume")) == "mail resumed"


def test_bounces_are_left_to_a_person(assisted, analyst, clock):
    with assisted.ledger.write() as session:
        pauses.pause(session, "connection:mail", cause="bounces", reason="many", now=clock())
    assert "a person has to decide" in analyst.call("plan_resume", connection="mail")["refused"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_approved_plans_reach_no_more_people_a_day_than_the_setting(ledger, clock):
    application = ApplicationHarness(ledger, clock, {"assistants": {"people_per_day": 1}})
    for person, name in (("1", "marie"), ("2", "paul")):
        application.answer(application.surveyed(person, f"{name}@example.com"), 9)
    assistant = Assistant(application)
    people = pseudonyms(assistant)
    both = assistant.call("plan_ask_people", survey="after-purchase", people=people)
    assert "assistants.people_per_day is 1" in both["refused"]
    plans = [assistant.call("plan_ask_people", survey="after-purchase", people=[person]) for person in people]
    approve(application, plans[0])
    with pytest.raises(PlanRefused, match="approved plans reach 1 today"):
        approve(application, plans[1])
    clock.forward("1d")
    assert assistant.call("plan_ask_people", survey="after-purchase", people=people[:1])["people"] == 1


def test_a_key_has_few_open_plans_and_equal_ones_are_one(assisted, analyst, staff):
    same = {analyst.call("plan_pause")["plan"] for _ in range(50)}
    assert len(same) == 1
    with assisted.ledger.write() as session:
        row = find_plan(session, same.pop())
        copy = {
            name: getattr(row, name)
            for name in ApprovalRow.model_fields
            if name not in ("id", "public_id", "plan_hash")
        }
        for number in range(MAX_OPEN_PLANS - 1):
            session.add(ApprovalRow(public_id=str(number), plan_hash=str(number), **copy))
    assert "wait for a person already" in analyst.call("plan_pause", connection="crm")["refused"]
    assert staff.call("plan_pause", connection="crm")["state"] == "open"


def test_old_plans_are_deleted(assisted, analyst, clock):
    analyst.call("plan_pause")
    clock.forward("89d")
    delete_old_plans(assisted.ctx)
    assert len(analyst.call("plans")["plans"]) == 1
    clock.forward("2d")
    delete_old_plans(assisted.ctx)
    assert analyst.call("plans")["plans"] == []


def test_a_plan_names_deliveries_not_their_number(assisted, analyst):
    plan = analyst.call("plan_retry_deliveries", action="send_alert", state="dead")
    RETRY_DELIVERIES.execute(assisted.ctx, {"deliveries": [dead_delivery(assisted)]}, OPERATOR)
    assisted.run()
    assisted.bell.raising = [Rejected("no", status=422, request_id="r")]
    now = assisted.clock.now
    assisted.answer(assisted.surveyed("11", "ana@example.com"), 1)
    assisted.run()
    assisted.clock.now = now  # the plan has not expired
    with pytest.raises(PlanRefused, match="something else by now"):
        approve(assisted, plan)
    assert dead_delivery(assisted)


def test_of_two_approvals_at_the_same_time_one_is_carried_out(assisted, analyst):
    plan = analyst.call("plan_retry_deliveries", deliveries=[dead_delivery(assisted)])

    def decide(_number):
        try:
            return approve(assisted, plan)
        except PlanRefused as refusal:
            return str(refusal)

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(decide, range(2)))
    assert "1 deliveries due now" in results
    assert sum("deliveries due now" in result for result in results) == 1
    assert [entry[2] for entry in audited(assisted)] == ["approvals approve", "deliveries retry"]
