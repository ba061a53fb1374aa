"""The digest: once per period, team and recipient; left by a click; skipped with a reason; never to nobody."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from nps_connect.errors import ConfigErrors, OutcomeUnknown, RetryLater
from nps_connect.ledger.audit_log import AuditRow
from nps_connect.ledger.digests import DigestRow
from nps_connect.rules.digest_period import newest_period
from nps_connect.services.operations.ledger_findings import load_findings
from nps_connect.services.reports.digest_schedule import enqueue_digests

MONDAY = datetime(2026, 11, 23, 8, tzinfo=ZoneInfo("Europe/Paris"))
EVERYONE = ["anna@example.com", "bob@example.com", "boss@example.com", "carl@example.com", "second@example.com"]


def survey_and_answer(application, person="1", score=3, comment="Trop lent."):
    token = application.surveyed(person, f"p{person}@example.com", name=f"Person {person}")
    application.answer(token, score, comment)
    application.run()


def reach(application, moment):
    application.clock.now = moment.astimezone(application.clock.now.tzinfo)
    application.run()


def recipients(application):
    return sorted(mail.to.email.lower() for mail in application.post.sent("digest"))


def records(application):
    with application.ledger.read() as session:
        rows = session.execute(select(DigestRow).order_by(DigestRow.period, DigestRow.scope)).scalars()
        return [(row.period, row.scope, row.state, row.reason, row.recipients) for row in rows]


def mail_to(application, address):
    return next(mail for mail in reversed(application.post.sent("digest")) if mail.to.email == address)


def leave_token(mail):
    return mail.unsubscribe_url.rpartition("/")[2]


def test_each_recipient_gets_one_digest_a_week_however_often_jobs_run(build):
    application = build()
    survey_and_answer(application)
    reach(application, MONDAY - timedelta(minutes=1))
    assert recipients(application) == []
    for _ in range(3):
        reach(application, MONDAY + timedelta(hours=_))
    assert recipients(application) == EVERYONE
    assert len({mail.message_id for mail in application.post.sent("digest")}) == 5
    assert records(application) == [
        ("week-2026-11-23", "", "enqueued", None, 2),
        ("week-2026-11-23", "lyon", "enqueued", None, 3),
    ]
    restarted = build()
    reach(restarted, MONDAY + timedelta(days=1))
    assert recipients(restarted) == []
    survey_and_answer(restarted, "2", 10)
    reach(restarted, MONDAY + timedelta(days=7))
    assert recipients(restarted) == EVERYONE


def test_it_says_what_happened_and_whom_to_call(build):
    application = build()
    application.crm.knows("2", "p2@example.com", name="Person 2")
    application.webhook(application.won("2"))
    survey_and_answer(application, "1", 3, "Trop lent.")
    application.answer(application.token("p2@example.com"), 10, "Parfait !")
    reach(application, MONDAY)
    mail = mail_to(application, "boss@example.com")
    assert mail.subject.startswith("2 réponses")
    assert mail.language == "fr"
    for part in (mail.text, mail.html):
        assert "Trop lent." in part
        assert "Parfait" in part
        assert "Person 1" in part
    assert mail.unsubscribe_url.startswith("https://nps.example.com/d/")
    assert mail.list_id == "company.digest.nps.example.com"
    team = mail_to(application, "anna@example.com")
    assert team.subject.startswith("Lyon – ")
    assert "console/overview?team=lyon" in team.text


def test_a_team_reads_only_its_own_responses_and_customers(build):
    application = build(digest={"teams": ["empty"]})
    survey_and_answer(application)
    reach(application, MONDAY)
    mail = mail_to(application, "dora@example.com")
    assert "Person 1" not in mail.text
    assert "Trop lent." not in mail.text
    assert mail.subject.startswith("empty – 0")


def test_it_is_skipped_with_a_reason_when_nobody_was_asked(build):
    application = build()
    reach(application, MONDAY)
    assert recipients(application) == []
    assert [record[1:4] for record in records(application)] == [
        ("", "skipped", "nothing_asked"),
        ("lyon", "skipped", "nothing_asked"),
    ]


def test_a_team_of_two_gets_no_figures_about_each_other(build):
    pair = {"pair": {"where": "touchpoint == 'after-purchase'", "members": ["anna@example.com", "bob@example.com"]}}
    application = build(digest={"teams": ["pair"]}, teams=pair)
    survey_and_answer(application)
    reach(application, MONDAY)
    assert records(application) == [("week-2026-11-23", "pair", "skipped", "staff_figures", 2)]
    assert recipients(application) == []


def test_a_digest_that_was_due_before_the_first_start_is_left_out(build, clock):
    clock.now = MONDAY.astimezone(clock.now.tzinfo) + timedelta(hours=1)
    application = build()
    application.run()
    reach(application, MONDAY + timedelta(days=2))
    assert records(application) == []


def test_after_a_long_stop_the_old_digest_is_skipped(build):
    application = build()
    survey_and_answer(application)
    reach(application, MONDAY + timedelta(days=4))
    assert {record[3] for record in records(application)} == {"too_late"}
    assert recipients(application) == []


def test_it_waits_for_the_end_of_quiet_hours(build):
    application = build(limits={"quiet_hours": "20:00-09:30", "quiet_days": ["monday"]})
    survey_and_answer(application)
    reach(application, MONDAY)
    assert recipients(application) == []
    reach(application, MONDAY + timedelta(days=1, hours=1, minutes=29))
    assert recipients(application) == []
    reach(application, MONDAY + timedelta(days=1, hours=1, minutes=30))
    assert recipients(application) == EVERYONE


def test_shadow_mode_records_and_sends_nothing(build):
    application = build()
    survey_and_answer(application)
    shadow = build(core={"mode": "shadow"})
    reach(shadow, MONDAY)
    assert recipients(shadow) == []
    assert {record[3] for record in records(shadow)} == {"shadow"}


def test_a_refused_digest_is_tried_again_and_one_in_doubt_is_held_never_doubled(build):
    application = build(digest={"management": ["boss@example.com"]})
    survey_and_answer(application)
    application.post.raising = [RetryLater("busy"), OutcomeUnknown("connection lost")]
    for hours in (0, 1, 24, 72):
        reach(application, MONDAY + timedelta(hours=hours))
    (delivery,) = application.deliveries("send_digest")
    assert (delivery.state, delivery.in_doubt) == ("held", True)
    assert len(application.post.sent("digest")) == 2  # the refused try and the one in doubt


def test_one_click_leaves_that_digest_only_and_can_be_undone(build):
    application = build(digest={"management": ["anna@example.com"], "teams": ["lyon"]})
    survey_and_answer(application)
    reach(application, MONDAY)
    mails = [mail for mail in application.post.sent("digest") if mail.to.email == "anna@example.com"]
    company = next(mail for mail in mails if mail.list_id.startswith("company"))
    token = leave_token(company)
    assert application.backend.digest_page(token).state == "open"
    assert application.backend.digest_page(token).mailbox == "a***@example.com"
    for _ in range(2):
        assert application.backend.leave_digest(token).state == "left"
    survey_and_answer(application, "2")
    reach(application, MONDAY + timedelta(days=7))
    later = [mail for mail in application.post.sent("digest") if mail not in mails][2:]
    assert [mail.list_id.partition(".")[0] for mail in later if mail.to.email == "anna@example.com"] == ["lyon"]
    with application.ledger.read() as session:
        rows = session.execute(select(AuditRow).order_by(AuditRow.id)).scalars().all()
    assert [(row.command, row.object.partition(" m:")[0]) for row in rows] == [("digest leave", "digest:company")]
    assert application.backend.rejoin_digest(token).state == "open"
    survey_and_answer(application, "3")
    reach(application, MONDAY + timedelta(days=14))
    assert mail_to(application, "anna@example.com").subject
    assert recipients(application).count("anna@example.com") == 5


def test_who_leaves_before_the_mail_goes_out_gets_none(build):
    application = build(limits={"quiet_hours": "20:00-09:30"}, digest={"management": ["boss@example.com"]})
    survey_and_answer(application)
    reach(application, MONDAY)
    (delivery,) = application.deliveries("send_digest")
    link = application.ctx.links.digest(("", delivery.options["recipient"]))
    application.backend.leave_digest(link)
    reach(application, MONDAY + timedelta(days=1))
    (delivery,) = application.deliveries("send_digest")
    assert (delivery.state, delivery.cancel_code) == ("cancelled", "recipient_left")
    assert recipients(application) == []


@pytest.mark.parametrize("token", ["", "a.b", "x" * 500])
def test_a_forged_link_changes_nothing(build, token):
    application = build()
    assert application.backend.leave_digest(token).state == "unknown"
    other = application.ctx.links.unsubscribe("0" * 64)
    assert application.backend.leave_digest(other).state == "unknown"


def test_a_digest_that_everyone_left_is_skipped_and_reported(build):
    application = build(digest={"management": ["boss@example.com"]})
    survey_and_answer(application)
    reach(application, MONDAY)
    application.backend.leave_digest(leave_token(mail_to(application, "boss@example.com")))
    survey_and_answer(application, "2")
    reach(application, MONDAY + timedelta(days=7))
    assert records(application)[-1] == ("week-2026-11-30", "", "skipped", "everyone_left", 0)
    with application.ledger.read() as session:
        findings = load_findings(session, application.ctx.settings, application.clock())
    (finding,) = [finding for finding in findings if finding.id == "digest-unread"]
    assert finding.fix


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"digest": {"management": [], "teams": []}}, "reaches nobody"),
        ({"digest": {"every": "month"}}, "reaches nobody"),
        ({"digest": {"teams": ["nowhere"]}}, "no team 'nowhere'"),
        ({"digest": {"teams": ["quiet"]}, "teams": {"quiet": {"where": "survey == 'x'"}}}, "has no members"),
    ],
)
def test_a_digest_to_nobody_is_a_configuration_error(ledger, clock, change, problem):
    from support.application import ApplicationHarness

    with pytest.raises((ConfigErrors, ValueError), match=problem):
        ApplicationHarness(ledger, clock, change)


def test_an_operator_can_send_early_and_nobody_gets_a_second_one(build):
    application = build()
    survey_and_answer(application)
    application.clock.forward("2d")
    period = newest_period(application.ctx.settings.digest, application.clock(), application.ctx.settings.core.zone)
    first = enqueue_digests(application.ctx, period, only="lyon")
    assert [plan.scope for plan in first] == ["lyon"]
    assert enqueue_digests(application.ctx, period, only="lyon") == []
    application.run()
    assert len(application.post.sent("digest")) in (0, 3)
