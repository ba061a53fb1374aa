"""Right before a survey mail starts, everything that could have changed since the decision is read again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from support.application import ApplicationHarness
from support.clock import START
from support.fake_vendors import FakeMailChannel

from nps_connect import hookimpl
from nps_connect.ledger import pauses
from nps_connect.ledger.cooldowns import CooldownRow
from nps_connect.ledger.subjects import mailbox_hash, mailbox_subject
from nps_connect.ledger.tables import DeliveryRow, InvitationRow
from nps_connect.services.decisions import paused_surveys
from nps_connect.services.deliveries.operator_cancel import cancel_by_operator

COOLDOWN = timedelta(days=90)
EXEMPT = {"ignore_cooldown": "the follow-up of a repaired order", "name": "repaired"}
SALES = {"on": "deal.won", "from": "crm", "survey": "after-purchase", "delay": "3d", "name": "sales"}


def won(application: ApplicationHarness, *people: str) -> None:
    application.webhook(*(application.won(one, deal=f"{one}-{application.clock().isoformat()}") for one in people))
    application.run()


def surveys(application: ApplicationHarness) -> list[tuple[str, str | None]]:
    return [(row.state, row.last_error) for row in application.deliveries("send_survey")]


def written_to(application: ApplicationHarness) -> list[str]:
    return [mail.to.email for mail in application.post.items if mail.kind == "survey"]


def ends(application: ApplicationHarness) -> dict[str, object]:
    """Until when each mailbox and person cools down."""
    with application.ledger.read() as session:
        return dict(session.execute(select(CooldownRow.subject, CooldownRow.until)).all())


class TestWhoBecomesSomebodyElse:
    """Two people are decided on; before their mails start they turn out to share a mailbox, or to be one person."""

    @pytest.fixture
    def application(self, application):
        application.crm.knows("1", "a@example.com")
        application.crm.knows("2", "b@example.com")
        won(application, "1", "2")
        application.clock.forward("1d")
        return application

    def change_address(self, application):
        application.crm.knows("1", "B@example.com")

    def merge(self, application):
        application.crm.knows("2", "b@example.com", merged_ids=("1",))
        del application.crm.people["1"]

    @pytest.mark.parametrize("change", [change_address, merge])
    def test_gets_one_mail(self, application, change):
        change(self, application)
        application.clock.forward("2d")
        application.run()
        assert written_to(application) == ["b@example.com"]
        assert surveys(application) == [
            (
                "cancelled",
                "surveyed within the cooldown: since the decision the address was changed or contacts were merged",
            ),
            ("succeeded", None),
        ]
        application.crm.knows("3", "a@example.com")
        won(application, "3")  # the old mailbox is free again
        assert application.deliveries("send_survey")[-1].state == "pending"

    def test_is_blocked_by_a_mail_that_went_out_before(self, application):
        application.crm.knows("3", "c@example.com")
        application.clock.forward("2d")
        application.run()
        won(application, "3")
        application.crm.knows("3", "b@example.com")
        application.clock.forward("3d")
        application.run()
        assert sorted(written_to(application)) == ["a@example.com", "b@example.com"]

    def test_the_mailbox_that_was_written_to_cools_down_when_the_person_has_moved_on(self, application):
        application.clock.forward("2d")
        application.run()
        application.crm.knows("1", "new@example.com")
        application.crm.knows("4", "a@example.com")
        won(application, "1", "4")
        assert len(application.deliveries("send_survey")) == 2


class TestAnExemptTrigger:
    """A trigger that may ignore the cooldown lies over a survey of another one."""

    @pytest.fixture
    def application(self, ledger, clock):
        application = ApplicationHarness(
            ledger, clock, {"triggers": [SALES, {**SALES, **EXEMPT, "where": "city == 'Lyon'", "priority": 1}]}
        )
        application.crm.knows("1", "marie@example.com")
        won(application, "1")
        application.clock.forward("1h")
        application.webhook(application.won("1", deal="repaired", city="Lyon"))
        application.run()
        assert [row.state for row in application.deliveries("send_survey")] == ["pending", "pending"]
        return application

    def cancel(self, application, number):
        with application.ledger.write() as session:
            row = session.get(DeliveryRow, application.deliveries("send_survey")[number].id)
            assert cancel_by_operator(session, row, cooldown=COOLDOWN, now=application.clock()).refused is None

    @pytest.mark.parametrize("order", [(0, 1), (1, 0)])
    def test_cancelled_with_the_other_nothing_is_left(self, application, order):
        for number in order:
            self.cancel(application, number)
        assert ends(application) == {}
        won(application, "1")
        assert application.deliveries("send_survey")[-1].state == "pending"

    @pytest.mark.parametrize("gone", [0, 1])
    def test_what_the_other_one_implies_stays(self, application, gone):
        self.cancel(application, gone)
        assert set(ends(application).values()) == {START + timedelta(days=3, hours=1 - gone) + COOLDOWN}
        application.clock.forward("4d")
        application.run()
        assert len(written_to(application)) == 1
        assert set(ends(application).values()) == {application.clock() + COOLDOWN}

    def test_both_go_out_and_the_later_one_counts(self, application):
        application.clock.forward(timedelta(days=2, hours=23))
        application.run()
        application.clock.forward("1h")
        application.run()
        assert len(written_to(application)) == 2
        assert ends(application)[mailbox_subject(mailbox_hash("marie@example.com"))] == application.clock() + COOLDOWN


class TestADayHasRoomForSoMany:
    """`surveys_per_day` holds for what goes out, not only for what is planned."""

    def busy(self, ledger, clock, people, **limits):
        application = ApplicationHarness(
            ledger, clock, {"limits": {"surveys_per_day": 5, **limits}, "triggers": [SALES]}
        )
        for day in range((people + 4) // 5):
            names = [f"{day}-{n}" for n in range(min(5, people - 5 * day))]
            for name in names:
                application.crm.knows(name, f"{name}@example.com")
            won(application, *names)
            clock.forward("1d")
        return application

    def sent_per_day(self, application, days):
        counts = []
        for _ in range(days):
            before = len(written_to(application))
            application.run()
            application.run()
            counts.append(len(written_to(application)) - before)
            application.clock.forward("1d")
        return counts

    def test_after_a_pause_the_rest_is_spread_over_the_days_that_follow(self, ledger, clock):
        application = self.busy(ledger, clock, 15)
        with ledger.write() as session:
            pauses.pause(session, pauses.MAIL_SCOPE, cause="operator", reason="holidays", now=clock())
        clock.forward("7d")
        application.run()
        with ledger.write() as session:
            pauses.resume(session, pauses.MAIL_SCOPE)
        assert self.sent_per_day(application, 4) == [5, 5, 5, 0]
        told = [mail for mail in application.post.items if mail.kind == "fallback"]
        assert ["surveys_per_day = 5" in mail.text for mail in told] == [True]
        with ledger.read() as session:
            rows = session.execute(select(InvitationRow)).scalars().all()
            assert {(row.expires_at - row.sent_at).days for row in rows} == {60}

    def test_after_a_quiet_weekend_monday_has_no_more_than_any_other_day(self, ledger, clock):
        application = self.busy(ledger, clock, 15, quiet_days=["saturday", "sunday"], quiet_hours="20:00-08:00")
        counts = self.sent_per_day(application, 12)
        assert max(counts) <= 5
        assert len(written_to(application)) == 15

    def test_a_trigger_keeps_to_its_own_number_too(self, ledger, clock):
        application = ApplicationHarness(ledger, clock, {"triggers": [{**SALES, "per_day": 2}]})
        for number in range(3):
            application.crm.knows(str(number), f"{number}@example.com")
            won(application, str(number))
        with ledger.write() as session:
            paused_surveys.pause_survey(session, "after-purchase", reason="wrong", now=clock())
        clock.forward("9d")
        application.run()
        with ledger.write() as session:
            paused_surveys.resume_survey(session, "after-purchase")
        assert self.sent_per_day(application, 3) == [2, 1, 0]
        assert [mail for mail in application.post.items if mail.kind == "fallback"] == []


class TestAPause:
    """What an operator stops, stops: whatever kind of mail it is, and whatever has been claimed already."""

    def test_of_a_survey_holds_reminders_and_review_mails_and_resume_brings_them_back(self, ledger, clock):
        application = ApplicationHarness(
            ledger, clock, {"surveys": {"after-purchase": {"channel": "mail", "reminder_after": "4d"}}}
        )
        token = application.surveyed("1", "marie@example.com")
        application.surveyed("2", "paul@example.com")
        application.answer(token, 9)
        with ledger.write() as session:
            assert paused_surveys.pause_survey(session, "after-purchase", reason="wrong", now=clock())
        application.show(application.token("paul@example.com"), application.visit(score=2))
        before = len(application.post.items)
        clock.forward("5d")
        application.run()
        clock.forward("1d")
        application.run()
        assert len(application.post.items) == before
        assert {row.state for row in application.deliveries("send_reminder")} <= {"held", "cancelled"}
        with ledger.write() as session:
            assert paused_surveys.resume_survey(session, "after-purchase")
        application.run()
        assert sorted(mail.kind for mail in application.post.items[before:]) == ["reminder", "review_invitation"]

    def test_during_a_mail_lets_no_other_one_go(self, ledger, clock):
        class Slow(FakeMailChannel):
            @hookimpl
            def nps_send_messages(self, connection, messages):
                with ledger.write() as session:
                    pauses.pause(session, pauses.MAIL_SCOPE, cause="operator", reason="stop!", now=clock())
                return self._called(messages)

        application = ApplicationHarness(ledger, clock, post=(post := Slow()))
        for number in range(10):
            application.crm.knows(str(number), f"{number}@example.com")
        won(application, *(str(number) for number in range(10)))
        clock.forward("3d")
        application.run()
        assert len(post.items) == 1
        assert sorted(row.state for row in application.deliveries("send_survey")) == ["pending"] * 9 + ["succeeded"]
