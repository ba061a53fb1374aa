"""Checks right before a survey mail starts: merges, addresses, cooldowns, daily caps and pauses."""

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
from nps_connect.services.deliveries.operator_actions import cancel_by_operator

COOLDOWN = timedelta(days=90)
EXEMPT = {"ignore_cooldown": "a repaired order", "name": "repaired"}
SALES = {"on": "deal.won", "from": "crm", "survey": "after-purchase", "delay": "3d", "name": "sales"}


def win_deals(application: ApplicationHarness, *people: str) -> None:
    application.webhook(
        *(application.won(person, deal=f"{person}-{application.clock().isoformat()}") for person in people)
    )
    application.run()


def survey_states(application: ApplicationHarness) -> list[tuple[str, str | None]]:
    return [(row.state, row.last_error) for row in application.deliveries("send_survey")]


def survey_recipients(application: ApplicationHarness) -> list[str]:
    return [mail.to.email for mail in application.post.items if mail.kind == "survey"]


def cooldown_ends(application: ApplicationHarness) -> dict[str, object]:
    """End of the cooldown by subject."""
    with application.ledger.read() as session:
        return dict(session.execute(select(CooldownRow.subject, CooldownRow.until)).all())


class TestMergedContacts:
    """Two contacts turn out to share a mailbox or to be one person after the decisions and before their mails."""

    @pytest.fixture
    def application(self, application):
        application.crm.knows("1", "a@example.com")
        application.crm.knows("2", "b@example.com")
        win_deals(application, "1", "2")
        application.clock.forward("1d")
        return application

    def change_address(self, application):
        application.crm.knows("1", "B@example.com")

    def merge(self, application):
        application.crm.knows("2", "b@example.com", merged_ids=("1",))
        del application.crm.people["1"]

    @pytest.mark.parametrize("change", [change_address, merge])
    def test_one_mail_is_sent(self, application, change):
        change(self, application)
        application.clock.forward("2d")
        application.run()
        assert survey_recipients(application) == ["b@example.com"]
        assert survey_states(application) == [
            (
                "cancelled",
                "surveyed within the cooldown: since the decision the address was changed or contacts were merged",
            ),
            ("succeeded", None),
        ]
        application.crm.knows("3", "a@example.com")
        win_deals(application, "3")  # the cooldown of the old mailbox was released
        assert application.deliveries("send_survey")[-1].state == "pending"

    def test_a_mail_sent_before_blocks_the_next(self, application):
        application.crm.knows("3", "c@example.com")
        application.clock.forward("2d")
        application.run()
        win_deals(application, "3")
        application.crm.knows("3", "b@example.com")
        application.clock.forward("3d")
        application.run()
        assert sorted(survey_recipients(application)) == ["a@example.com", "b@example.com"]

    def test_the_mailbox_of_a_sent_mail_stays_in_cooldown_after_a_change_of_address(self, application):
        application.clock.forward("2d")
        application.run()
        application.crm.knows("1", "new@example.com")
        application.crm.knows("4", "a@example.com")
        win_deals(application, "1", "4")
        assert len(application.deliveries("send_survey")) == 2


class TestExemptTrigger:
    """A trigger that ignores the cooldown overlaps with a survey of another trigger."""

    @pytest.fixture
    def application(self, ledger, clock):
        application = ApplicationHarness(
            ledger, clock, {"triggers": [SALES, {**SALES, **EXEMPT, "where": "city == 'Lyon'", "priority": 1}]}
        )
        application.crm.knows("1", "marie@example.com")
        win_deals(application, "1")
        application.clock.forward("1h")
        application.webhook(application.won("1", deal="repaired", city="Lyon"))
        application.run()
        assert [row.state for row in application.deliveries("send_survey")] == ["pending", "pending"]
        return application

    def cancel(self, application, number):
        with application.ledger.write() as session:
            row = session.get(DeliveryRow, application.deliveries("send_survey")[number].id)
            assert (
                cancel_by_operator(
                    session,
                    row,
                    actions=application.ctx.actions,
                    settings=application.ctx.settings,
                    now=application.clock(),
                ).refused
                is None
            )

    @pytest.mark.parametrize("order", [(0, 1), (1, 0)])
    def test_cancelling_both_surveys_releases_the_cooldown(self, application, order):
        for number in order:
            self.cancel(application, number)
        assert cooldown_ends(application) == {}
        win_deals(application, "1")
        assert application.deliveries("send_survey")[-1].state == "pending"

    @pytest.mark.parametrize("cancelled", [0, 1])
    def test_cancelling_one_survey_keeps_the_cooldown_of_the_other(self, application, cancelled):
        self.cancel(application, cancelled)
        assert set(cooldown_ends(application).values()) == {START + timedelta(days=3, hours=1 - cancelled) + COOLDOWN}
        application.clock.forward("4d")
        application.run()
        assert len(survey_recipients(application)) == 1
        assert set(cooldown_ends(application).values()) == {application.clock() + COOLDOWN}

    def test_both_are_sent_and_the_later_cooldown_counts(self, application):
        application.clock.forward(timedelta(days=2, hours=23))
        application.run()
        application.clock.forward("1h")
        application.run()
        assert len(survey_recipients(application)) == 2
        assert (
            cooldown_ends(application)[mailbox_subject(mailbox_hash("marie@example.com"))]
            == application.clock() + COOLDOWN
        )


class TestDailyCap:
    """`surveys_per_day` limits the surveys sent on a day, not only the surveys planned for it."""

    def plan_surveys(self, ledger, clock, people, **limits):
        application = ApplicationHarness(
            ledger, clock, {"limits": {"surveys_per_day": 5, **limits}, "triggers": [SALES]}
        )
        for day in range((people + 4) // 5):
            names = [f"{day}-{n}" for n in range(min(5, people - 5 * day))]
            for name in names:
                application.crm.knows(name, f"{name}@example.com")
            win_deals(application, *names)
            clock.forward("1d")
        return application

    def sent_per_day(self, application, days):
        counts = []
        for _ in range(days):
            before = len(survey_recipients(application))
            application.run()
            application.run()
            counts.append(len(survey_recipients(application)) - before)
            application.clock.forward("1d")
        return counts

    def test_after_a_pause_waiting_surveys_are_spread_over_the_next_days(self, ledger, clock):
        application = self.plan_surveys(ledger, clock, 15)
        with ledger.write() as session:
            pauses.pause(session, pauses.MAIL_SCOPE, cause="operator", reason="holidays", now=clock())
        clock.forward("7d")
        application.run()
        with ledger.write() as session:
            pauses.resume(session, pauses.MAIL_SCOPE)
        assert self.sent_per_day(application, 4) == [5, 5, 5, 0]
        notices = [mail for mail in application.post.items if mail.kind == "fallback"]
        assert ["surveys_per_day = 5" in mail.text for mail in notices] == [True]
        with ledger.read() as session:
            rows = session.execute(select(InvitationRow)).scalars().all()
            assert {(row.expires_at - row.sent_at).days for row in rows} == {60}

    def test_after_a_quiet_weekend_monday_stays_within_the_cap(self, ledger, clock):
        application = self.plan_surveys(ledger, clock, 15, quiet_days=["saturday", "sunday"], quiet_hours="20:00-08:00")
        counts = self.sent_per_day(application, 12)
        assert max(counts) <= 5
        assert len(survey_recipients(application)) == 15

    def test_a_trigger_stays_within_its_own_cap(self, ledger, clock):
        application = ApplicationHarness(ledger, clock, {"triggers": [{**SALES, "per_day": 2}]})
        for number in range(3):
            application.crm.knows(str(number), f"{number}@example.com")
            win_deals(application, str(number))
        with ledger.write() as session:
            paused_surveys.pause_survey(session, "after-purchase", reason="wrong", now=clock())
        clock.forward("9d")
        application.run()
        with ledger.write() as session:
            paused_surveys.resume_survey(session, "after-purchase")
        assert self.sent_per_day(application, 3) == [2, 1, 0]
        assert [mail for mail in application.post.items if mail.kind == "fallback"] == []


class TestPause:
    """A pause of an operator stops every kind of mail, claimed deliveries included."""

    def test_a_paused_survey_holds_reminders_and_review_invitations_until_it_is_resumed(self, ledger, clock):
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

    def test_a_pause_during_a_batch_stops_its_other_mails(self, ledger, clock):
        class PausingChannel(FakeMailChannel):
            @hookimpl
            def nps_send_messages(self, connection, messages):
                with ledger.write() as session:
                    pauses.pause(session, pauses.MAIL_SCOPE, cause="operator", reason="stop!", now=clock())
                return self._record_call(messages)

        application = ApplicationHarness(ledger, clock, post=(channel := PausingChannel()))
        for number in range(10):
            application.crm.knows(str(number), f"{number}@example.com")
        win_deals(application, *(str(number) for number in range(10)))
        clock.forward("3d")
        application.run()
        assert len(channel.items) == 1
        assert sorted(row.state for row in application.deliveries("send_survey")) == ["pending"] * 9 + ["succeeded"]
