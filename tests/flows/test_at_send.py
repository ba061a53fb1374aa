"""Right before a survey mail starts, everything that could have changed since the decision is read again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from support.clock import START
from support.house import House
from support.vendors import Post

from nps_connect import hookimpl
from nps_connect.flows.deciding import holding
from nps_connect.flows.delivering.withdraw import withdraw
from nps_connect.ledger import pauses
from nps_connect.ledger.subjects import mailbox, mailbox_hash
from nps_connect.ledger.tables import CooldownRow, DeliveryRow, InvitationRow

COOLDOWN = timedelta(days=90)
EXEMPT = {"ignore_cooldown": "the follow-up of a repaired order", "name": "repaired"}
SALES = {"on": "deal.won", "from": "crm", "survey": "after-purchase", "delay": "3d", "name": "sales"}


def won(house: House, *people: str) -> None:
    house.webhook(*(house.won(one, deal=f"{one}-{house.clock().isoformat()}") for one in people))
    house.run()


def surveys(house: House) -> list[tuple[str, str | None]]:
    return [(row.state, row.last_error) for row in house.deliveries("send_survey")]


def written_to(house: House) -> list[str]:
    return [mail.to.email for mail in house.post.items if mail.kind == "survey"]


def ends(house: House) -> dict[str, object]:
    """Until when each mailbox and person cools down."""
    with house.ledger.read() as session:
        return dict(session.execute(select(CooldownRow.subject, CooldownRow.until)).all())


class TestWhoBecomesSomebodyElse:
    """Two people are decided on; before their mails start they turn out to share a mailbox, or to be one person."""

    @pytest.fixture
    def house(self, house):
        house.crm.knows("1", "a@example.com")
        house.crm.knows("2", "b@example.com")
        won(house, "1", "2")
        house.clock.forward("1d")
        return house

    def change_address(self, house):
        house.crm.knows("1", "B@example.com")

    def merge(self, house):
        house.crm.knows("2", "b@example.com", merged_ids=("1",))
        del house.crm.people["1"]

    @pytest.mark.parametrize("change", [change_address, merge])
    def test_gets_one_mail(self, house, change):
        change(self, house)
        house.clock.forward("2d")
        house.run()
        assert written_to(house) == ["b@example.com"]
        assert surveys(house) == [
            (
                "cancelled",
                "surveyed within the cooldown: since the decision the address was changed or contacts were merged",
            ),
            ("succeeded", None),
        ]
        house.crm.knows("3", "a@example.com")
        won(house, "3")  # the old mailbox is free again
        assert house.deliveries("send_survey")[-1].state == "pending"

    def test_is_blocked_by_a_mail_that_went_out_before(self, house):
        house.crm.knows("3", "c@example.com")
        house.clock.forward("2d")
        house.run()
        won(house, "3")
        house.crm.knows("3", "b@example.com")
        house.clock.forward("3d")
        house.run()
        assert sorted(written_to(house)) == ["a@example.com", "b@example.com"]

    def test_the_mailbox_that_was_written_to_cools_down_when_the_person_has_moved_on(self, house):
        house.clock.forward("2d")
        house.run()
        house.crm.knows("1", "new@example.com")
        house.crm.knows("4", "a@example.com")
        won(house, "1", "4")
        assert len(house.deliveries("send_survey")) == 2


class TestAnExemptTrigger:
    """A trigger that may ignore the cooldown lies over a survey of another one."""

    @pytest.fixture
    def house(self, ledger, clock):
        house = House(
            ledger, clock, {"triggers": [SALES, {**SALES, **EXEMPT, "where": "city == 'Lyon'", "priority": 1}]}
        )
        house.crm.knows("1", "marie@example.com")
        won(house, "1")
        house.clock.forward("1h")
        house.webhook(house.won("1", deal="repaired", city="Lyon"))
        house.run()
        assert [row.state for row in house.deliveries("send_survey")] == ["pending", "pending"]
        return house

    def cancel(self, house, number):
        with house.ledger.write() as session:
            row = session.get(DeliveryRow, house.deliveries("send_survey")[number].id)
            assert withdraw(session, row, cooldown=COOLDOWN, now=house.clock()).refused is None

    @pytest.mark.parametrize("order", [(0, 1), (1, 0)])
    def test_cancelled_with_the_other_nothing_is_left(self, house, order):
        for number in order:
            self.cancel(house, number)
        assert ends(house) == {}
        won(house, "1")
        assert house.deliveries("send_survey")[-1].state == "pending"

    @pytest.mark.parametrize("gone", [0, 1])
    def test_what_the_other_one_implies_stays(self, house, gone):
        self.cancel(house, gone)
        assert set(ends(house).values()) == {START + timedelta(days=3, hours=1 - gone) + COOLDOWN}
        house.clock.forward("4d")
        house.run()
        assert len(written_to(house)) == 1
        assert set(ends(house).values()) == {house.clock() + COOLDOWN}

    def test_both_go_out_and_the_later_one_counts(self, house):
        house.clock.forward(timedelta(days=2, hours=23))
        house.run()
        house.clock.forward("1h")
        house.run()
        assert len(written_to(house)) == 2
        assert ends(house)[mailbox(mailbox_hash("marie@example.com"))] == house.clock() + COOLDOWN


class TestADayHasRoomForSoMany:
    """`surveys_per_day` holds for what goes out, not only for what is planned."""

    def busy(self, ledger, clock, people, **limits):
        house = House(ledger, clock, {"limits": {"surveys_per_day": 5, **limits}, "triggers": [SALES]})
        for day in range((people + 4) // 5):
            names = [f"{day}-{n}" for n in range(min(5, people - 5 * day))]
            for name in names:
                house.crm.knows(name, f"{name}@example.com")
            won(house, *names)
            clock.forward("1d")
        return house

    def sent_per_day(self, house, days):
        counts = []
        for _ in range(days):
            before = len(written_to(house))
            house.run()
            house.run()
            counts.append(len(written_to(house)) - before)
            house.clock.forward("1d")
        return counts

    def test_after_a_pause_the_rest_is_spread_over_the_days_that_follow(self, ledger, clock):
        house = self.busy(ledger, clock, 15)
        with ledger.write() as session:
            pauses.pause(session, pauses.MAIL, cause="operator", reason="holidays", now=clock())
        clock.forward("7d")
        house.run()
        with ledger.write() as session:
            pauses.resume(session, pauses.MAIL)
        assert self.sent_per_day(house, 4) == [5, 5, 5, 0]
        told = [mail for mail in house.post.items if mail.kind == "fallback"]
        assert ["surveys_per_day (5)" in mail.text for mail in told] == [True]
        with ledger.read() as session:
            rows = session.execute(select(InvitationRow)).scalars().all()
            assert {(row.expires_at - row.sent_at).days for row in rows} == {60}

    def test_after_a_quiet_weekend_monday_has_no_more_than_any_other_day(self, ledger, clock):
        house = self.busy(ledger, clock, 15, quiet_days=["saturday", "sunday"], quiet_hours="20:00-08:00")
        counts = self.sent_per_day(house, 12)
        assert max(counts) <= 5
        assert len(written_to(house)) == 15

    def test_a_trigger_keeps_to_its_own_number_too(self, ledger, clock):
        house = House(ledger, clock, {"triggers": [{**SALES, "per_day": 2}]})
        for number in range(3):
            house.crm.knows(str(number), f"{number}@example.com")
            won(house, str(number))
        with ledger.write() as session:
            holding.pause_survey(session, "after-purchase", reason="wrong", now=clock())
        clock.forward("9d")
        house.run()
        with ledger.write() as session:
            holding.resume_survey(session, "after-purchase")
        assert self.sent_per_day(house, 3) == [2, 1, 0]
        assert [mail for mail in house.post.items if mail.kind == "fallback"] == []


class TestAPause:
    """What an operator stops, stops: whatever kind of mail it is, and whatever has been claimed already."""

    def test_of_a_survey_holds_reminders_and_review_mails_and_resume_brings_them_back(self, ledger, clock):
        house = House(ledger, clock, {"surveys": {"after-purchase": {"channel": "mail", "reminder_after": "4d"}}})
        token = house.surveyed("1", "marie@example.com")
        house.surveyed("2", "paul@example.com")
        house.answer(token, 9)
        with ledger.write() as session:
            assert holding.pause_survey(session, "after-purchase", reason="wrong", now=clock())
        house.show(house.token("paul@example.com"), house.visit(score=2))
        before = len(house.post.items)
        clock.forward("5d")
        house.run()
        clock.forward("1d")
        house.run()
        assert len(house.post.items) == before
        assert {row.state for row in house.deliveries("send_reminder")} <= {"held", "cancelled"}
        with ledger.write() as session:
            assert holding.resume_survey(session, "after-purchase")
        house.run()
        assert sorted(mail.kind for mail in house.post.items[before:]) == ["reminder", "review_invitation"]

    def test_during_a_mail_lets_no_other_one_go(self, ledger, clock):
        class Slow(Post):
            @hookimpl
            def nps_send_messages(self, connection, messages):
                with ledger.write() as session:
                    pauses.pause(session, pauses.MAIL, cause="operator", reason="stop!", now=clock())
                return self._called(messages)

        house = House(ledger, clock, post=(post := Slow()))
        for number in range(10):
            house.crm.knows(str(number), f"{number}@example.com")
        won(house, *(str(number) for number in range(10)))
        clock.forward("3d")
        house.run()
        assert len(post.items) == 1
        assert sorted(row.state for row in house.deliveries("send_survey")) == ["pending"] * 9 + ["succeeded"]
