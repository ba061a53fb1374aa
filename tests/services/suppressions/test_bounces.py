"""Bounces and complaints: a hard bounce suppresses the mailbox and releases its cooldown."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from support.bounce_scenarios import load_bounces, load_suppressions, survey_message_id

from nps_connect import (
    Bounce,
    NotAllowed,
    Rejected,
    Undeliverable,
    WebhookRejected,
)
from nps_connect.ledger.suppressions import BounceRow, SuppressionRow
from nps_connect.ledger.tables import DecisionRow


def report_bounces(application, *bounces: Bounce) -> int:
    application.post.bounces = list(bounces)
    return application.backend.report_bounces(application.ctx.links.bounces("mail"), b"a report")


def send_another_survey(application, after: str = "100d") -> str:
    """Survey the same person again; returns the Message-ID."""
    application.clock.forward(after)
    application.webhook(application.won("1", deal=f"deal-{application.clock().timestamp()}"))
    application.run()
    application.clock.forward("3d")
    application.run()
    return application.deliveries("send_survey")[-1].receipt_id


def soft_bounce(application, message_id: str, *, concerns_mailbox: bool = True) -> Bounce:
    return Bounce(kind="soft", message_id=message_id, concerns_mailbox=concerns_mailbox, status="5.2.2")


def decide_again(application, person: str = "1") -> str:
    application.clock.forward("1m")
    application.webhook(application.won(person, deal=f"deal-{application.clock().timestamp()}"))
    application.run()
    with application.ledger.read() as session:
        return session.execute(select(DecisionRow).order_by(DecisionRow.id.desc())).scalars().first().reason


def test_a_mailbox_refused_at_delivery_is_suppressed(application):
    application.crm.knows("1", "gone@example.com")
    application.webhook(application.won("1"))
    application.run()
    application.clock.forward("3d")
    application.post.raising = [Undeliverable("the mail server refused the recipient (550 5.1.1)", status=550)]
    application.run()
    assert application.deliveries("send_survey")[0].state == "dead"
    assert load_suppressions(application) == [("m", "bounced")]
    assert load_bounces(application) == [("hard", "smtp", None)]
    assert decide_again(application) == "suppressed"
    application.crm.knows("1", "new@example.com")
    assert decide_again(application) == "surveyed"


def test_another_refusal_is_a_soft_bounce_without_suppression(application):
    application.crm.knows("1", "full@example.com")
    application.webhook(application.won("1"))
    application.run()
    application.clock.forward("3d")
    application.post.raising = [Rejected("the mail server refused the recipient (552 5.2.2)", status=552)]
    application.run()
    assert application.deliveries("send_survey")[0].state == "dead"
    assert load_suppressions(application) == []
    assert load_bounces(application) == [("soft", "smtp", None)]
    assert decide_again(application) == "surveyed"


def test_a_server_that_refuses_us_suppresses_nobody_and_holds_the_next_mail(application):
    application.crm.knows("1", "marie@example.com")
    application.crm.knows("2", "paul@example.com")
    application.webhook(application.won("1"))
    application.webhook(application.won("2"))
    application.run()
    application.clock.forward("3d")
    application.post.raising = [NotAllowed("the mail server refused the recipient (550)", status=550)]
    application.run()
    assert {row.state for row in application.deliveries("send_survey")} <= {"pending", "held"}
    assert load_suppressions(application) == []
    assert load_bounces(application) == []


def test_a_refusal_by_a_helpdesk_is_not_a_bounce(application):
    application.desk.raising = [Rejected("the form is closed")]
    application.answer(application.surveyed(), 2)
    application.run()
    assert application.deliveries("open_ticket")[0].state == "dead"
    assert load_bounces(application) == []


def test_a_hard_bounce_suppresses_the_mailbox_and_releases_the_cooldown(application):
    application.surveyed()
    bounce = Bounce(
        kind="hard", address="marie@example.com", message_id=survey_message_id(application), status="5.1.1", detail="no"
    )
    assert report_bounces(application, bounce) == 1
    assert report_bounces(application, bounce) == 0
    assert load_suppressions(application) == [("m", "bounced")]
    assert load_bounces(application) == [("hard", "relay", "5.1.1")]
    assert decide_again(application) == "suppressed"
    application.crm.knows("1", "new@example.com")
    assert decide_again(application) == "surveyed"


def test_a_bounce_suppresses_the_mailbox_of_the_mail_and_not_a_newer_one(application):
    application.surveyed()
    application.crm.knows("1", "new@example.com")
    assert decide_again(application) == "cooldown"
    report_bounces(application, Bounce(kind="hard", message_id=survey_message_id(application)))
    assert decide_again(application) == "surveyed"


def test_a_soft_bounce_is_recorded_without_consequences(application):
    application.surveyed()
    assert (
        report_bounces(application, Bounce(kind="soft", message_id=survey_message_id(application), status="4.2.2")) == 1
    )
    assert load_suppressions(application) == []
    assert decide_again(application) == "cooldown"


def test_a_complaint_suppresses_the_person_and_writes_the_opt_out_to_the_crm(application):
    application.answer(application.surveyed(), 9)
    application.run()
    report_bounces(application, Bounce(kind="complaint", message_id=survey_message_id(application)))
    application.run()
    assert load_suppressions(application) == [("c", "objected"), ("m", "objected")]
    assert application.deliveries("invite_review")[0].state == "cancelled"
    assert [opt_out.contact.id for opt_out in application.crm.opt_outs] == ["1"]


@pytest.mark.parametrize("kind", ["hard", "complaint"])
@pytest.mark.parametrize("message_id", [None, "<other@example.com>", "other", "<\x00@example.com>"])
def test_a_report_that_names_none_of_our_mails_is_recorded_without_effect(application, kind, message_id):
    application.surveyed()
    bounce = Bounce(kind=kind, address="marie@example.com", message_id=message_id, detail="no\x00\x1b[2J")
    assert report_bounces(application, bounce) == 0
    application.run()
    assert load_suppressions(application) == []
    assert application.crm.opt_outs == []
    with application.ledger.read() as session:
        [row] = session.execute(select(BounceRow)).scalars()
    assert (row.kind, row.delivery_id, row.contact_id, row.detail) == (kind, None, None, "no[2J")


def test_a_bounce_of_a_mailbox_behind_an_alias_does_not_suppress_the_alias(application):
    application.surveyed()
    bounce = Bounce(kind="hard", address="member@example.com", message_id=survey_message_id(application))
    assert report_bounces(application, bounce) == 0
    assert load_suppressions(application) == []
    spelled_otherwise = bounce.model_copy(update={"address": "MARIE@Example.com"})
    assert report_bounces(application, spelled_otherwise) == 1
    assert load_suppressions(application) == [("m", "bounced")]


def test_a_report_without_effect_has_one_when_the_receipt_is_known(application):
    bounce = Bounce(kind="hard", address="marie@example.com", message_id="FakeMailChannel-1-0")
    assert report_bounces(application, bounce) == 0
    application.surveyed()
    assert survey_message_id(application) == bounce.message_id
    assert report_bounces(application, bounce) == 1


def test_three_soft_bounces_about_the_mailbox_suppress_it(application):
    application.surveyed()
    report_bounces(application, soft_bounce(application, survey_message_id(application)))
    report_bounces(application, soft_bounce(application, send_another_survey(application)))
    assert load_suppressions(application) == []
    report_bounces(application, soft_bounce(application, send_another_survey(application)))
    assert load_suppressions(application) == [("m", "bounced")]
    with application.ledger.read() as session:
        assert session.execute(select(SuppressionRow)).scalars().one().source == "repeated soft bounces (relay)"


def test_a_warning_of_a_delay_hides_no_later_bounce_of_the_same_mail(application):
    application.surveyed()
    message_id = survey_message_id(application)
    report_bounces(application, soft_bounce(application, message_id, concerns_mailbox=False))
    assert report_bounces(application, soft_bounce(application, message_id)) == 1
    assert report_bounces(application, soft_bounce(application, message_id)) == 0


def test_soft_bounces_about_us_or_the_moment_never_count(application):
    application.surveyed()
    report_bounces(application, soft_bounce(application, survey_message_id(application)))
    report_bounces(application, soft_bounce(application, send_another_survey(application)))
    about_us = soft_bounce(application, send_another_survey(application), concerns_mailbox=False)
    report_bounces(application, about_us)
    assert load_suppressions(application) == []


@pytest.mark.parametrize("activity", ["view", "response"])
def test_a_sign_of_life_between_soft_bounces_starts_the_count_again(application, activity):
    token = application.surveyed()
    report_bounces(application, soft_bounce(application, survey_message_id(application)))
    application.clock.forward("1d")
    if activity == "view":
        application.show(token, application.visit())
    else:
        application.answer(token, 9)
    report_bounces(application, soft_bounce(application, send_another_survey(application)))
    report_bounces(application, soft_bounce(application, send_another_survey(application)))
    assert load_suppressions(application) == []
    report_bounces(application, soft_bounce(application, send_another_survey(application)))
    assert load_suppressions(application) == [("m", "bounced")]


def test_soft_refusals_in_the_session_count_too(application):
    application.surveyed()
    report_bounces(application, soft_bounce(application, survey_message_id(application)))
    report_bounces(application, soft_bounce(application, send_another_survey(application)))
    application.post.raising = [Rejected("the mail server refused the recipient (552 5.2.2)", concerns_mailbox=True)]
    send_another_survey(application)
    assert load_suppressions(application) == [("m", "bounced")]


def test_a_report_dated_in_the_future_counts_as_arriving_now(application):
    application.surveyed()
    bounce = Bounce(
        kind="hard", message_id=survey_message_id(application), at=application.clock() + timedelta(days=9000)
    )
    report_bounces(application, bounce)
    with application.ledger.read() as session:
        assert session.execute(select(BounceRow.at)).scalar() == application.clock()


def test_a_bounce_after_a_response_keeps_the_cooldown(application):
    application.answer(application.surveyed(), 9)
    report_bounces(application, Bounce(kind="hard", message_id=survey_message_id(application)))
    application.crm.knows("1", "new@example.com")
    assert decide_again(application) == "cooldown"


def test_a_bounce_report_needs_a_valid_token(application):
    token = application.ctx.links.bounces("mail")
    for invalid in ("", "x", token[:-1], application.ctx.links.survey("0" * 32), application.ctx.links.bounces("crm")):
        with pytest.raises(WebhookRejected):
            application.backend.report_bounces(invalid, b"a report")
