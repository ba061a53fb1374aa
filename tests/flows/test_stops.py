"""Who must not be written to is not written to, whenever that becomes known."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, select
from support.clock import START
from support.house import House

from nps_connect import AuthFailed, RetryLater
from nps_connect.flows.intake.replay import send
from nps_connect.ledger import pauses
from nps_connect.ledger.columns import Base
from nps_connect.ledger.keeping import SuppressionRow
from nps_connect.ledger.tables import DecisionRow, InvitationRow
from nps_connect.records.contacts import ContactKey


def decided(house: House) -> list[tuple[str, str]]:
    with house.ledger.read() as session:
        rows = session.execute(select(DecisionRow).order_by(DecisionRow.id)).scalars()
        return [(row.verdict, row.reason) for row in rows]


def won(house: House, person: str = "1", **fields) -> None:
    house.webhook(house.won(person, deal=f"deal-{person}-{house.clock().timestamp()}", **fields))
    house.run()


def test_an_opt_out_in_the_crm_on_the_second_day_of_the_delay_wins(house):
    house.crm.knows("1", "marie@example.com")
    won(house)
    house.clock.forward("2d")
    house.crm.knows("1", "marie@example.com", opted_out=True)
    house.clock.forward("1d")
    house.run()
    row = house.deliveries("send_survey")[0]
    assert (row.state, row.last_error) == ("cancelled", "the contact opted out in the CRM")
    assert house.post.items == []


def test_a_cancelled_survey_gives_its_cooldown_back(house):
    house.crm.knows("1", "marie@example.com", opted_out=True)
    house.crm.people["1"] = house.crm.people["1"].model_copy(update={"opted_out": False})
    won(house)
    house.crm.knows("1", "marie@example.com", opted_out=True)
    house.clock.forward("3d")
    house.run()
    house.crm.knows("1", "marie@example.com")
    won(house)
    assert decided(house) == [("yes", "surveyed"), ("yes", "surveyed")]


def test_while_the_crm_cannot_be_asked_nobody_is_written_to(house):
    house.crm.knows("1", "marie@example.com")
    won(house)
    house.clock.forward("3d")
    house.crm.looking = [RetryLater("the CRM is down")]
    house.run()
    row = house.deliveries("send_survey")[0]
    assert (row.state, row.attempts) == ("pending", 1)
    house.clock.forward("1m")
    house.run()
    assert len(house.post.items) == 1


@pytest.mark.parametrize(
    ("people", "reason"),
    [
        ([], "no_contact"),
        ([{"contact_id": "1"}], "no_address"),
        ([{"contact_id": "1", "email": "a@example.com", "opted_out": True}], "opted_out"),
        ([{"contact_id": "1", "email": "a@example.com", "deleted": True}], "no_contact"),
        (
            [
                {"contact_id": "1", "email": "a@example.com"},
                {"contact_id": "2", "email": "b@example.com", "merged_ids": ("1",)},
            ],
            "several_contacts",
        ),
    ],
)
def test_every_no_has_its_reason(house, people, reason):
    for person in people:
        house.crm.knows(**person)
    won(house)
    assert decided(house) == [("no", reason)]
    assert house.deliveries() == []


def test_a_second_event_within_the_cooldown_leads_to_no_survey(house):
    house.surveyed()
    house.clock.forward("89d")
    won(house)
    assert decided(house) == [("yes", "surveyed"), ("no", "cooldown")]
    house.clock.forward("2d")
    won(house)
    assert decided(house)[-1] == ("yes", "surveyed")


def test_two_contacts_with_one_mailbox_share_its_cooldown(house):
    house.crm.knows("1", "Info@Example.com")
    house.crm.knows("2", "info@example.com ")
    won(house, "1")
    won(house, "2")
    assert decided(house) == [("yes", "surveyed"), ("no", "cooldown")]


def test_an_event_older_than_a_week_is_too_old(house):
    house.crm.knows("1", "marie@example.com")
    house.clock.forward("8d")
    house.webhook(house.won("1", at=START))
    house.run()
    assert decided(house) == [("no", "too_old")]


def test_our_unsubscribe_cancels_pending_mail_tells_the_crm_and_stays(house):
    token = house.surveyed()
    house.answer(token, 9)
    house.run()
    unsubscribe = house.token("marie@example.com", "u")
    assert house.doors.unsubscribe_page(unsubscribe).state == "open"
    assert house.deliveries("invite_review")[0].state == "pending"
    for _ in range(2):
        assert house.doors.unsubscribe(unsubscribe).state == "done"
    house.run()
    assert house.deliveries("invite_review")[0].state == "cancelled"
    assert [opt_out.contact.id for opt_out in house.crm.opt_outs] == ["1"]
    house.clock.forward("100d")
    won(house)
    assert decided(house)[-1] == ("no", "suppressed")


def test_erased_at_the_vendor_nobody_is_known_or_written_to_any_more(house):
    token = house.surveyed(name="Marie Martin")
    house.answer(token, 9, "Merci")
    house.webhook({"id": "1", "kind": "contact.privacy_deleted", "at": house.clock().isoformat()})
    house.clock.forward("1d")
    house.run()
    assert [mail.kind for mail in house.post.items] == ["survey"]
    assert house.show(token, house.visit()).state == "unknown"
    house.clock.forward("100d")
    won(house)
    assert decided(house)[-1] == ("no", "suppressed")
    assert stored(house, "marie@example.com", "Marie Martin", "Merci") == []


def test_erasure_reaches_events_that_only_name_the_person_and_those_of_the_same_moment(house):
    house.crm.knows("1", "marie@example.com", name="Marie Martin")
    house.crm.knows("2", "marie@example.com", name="Marie Martin")
    marie = ContactKey(kind="email", value="marie@example.com")
    send(house.ctx, "crm", "deal.won", contact=marie, object_id="d-1", fields={"city": "Marie Martin"})
    house.run()
    house.webhook(house.won("1", city="Marie Martin"), house.won("2", city="Marie Martin"))
    for person in ("1", "2"):
        house.webhook({"id": person, "kind": "contact.privacy_deleted", "at": house.clock().isoformat()})
    house.run()
    assert len(decided(house)) == 3
    assert stored(house, "marie@example.com", "Marie Martin") == []


def stored(house, *texts):
    """Rows that hold one of these texts anywhere; bodies of webhooks apart, which go after 30 days."""
    with house.ledger.engine.connect() as connection:
        return [
            (table.name, row)
            for table in Base.metadata.sorted_tables
            if table.name != "raw_requests"
            for row in connection.execute(select(table)).all()
            if any(text in str(row) for text in texts)
        ]


def test_paused_mail_waits_while_tickets_go_on(house):
    token = house.surveyed()
    house.crm.knows("2", "paul@example.com")
    house.webhook(house.won("2"))
    house.run()
    with house.ledger.write() as session:
        assert pauses.pause(session, pauses.MAIL, cause="operator", reason="checking", now=house.clock())
    house.answer(token, 0)
    house.clock.forward("17d")
    house.run()
    assert len(house.desk.items) == 1
    assert len(house.post.items) == 1
    with house.ledger.write() as session:
        assert pauses.resume(session, pauses.MAIL)
    house.run()
    assert len(house.post.items) == 3


def test_the_allow_list_lets_only_its_own_through(ledger, clock):
    house = House(ledger, clock, {"core": {"recipient_allow_list": ["@staging.example.com", "qa@example.com"]}})
    for number, email in enumerate(["qa@example.com", "x@staging.example.com", "marie@example.com"]):
        house.crm.knows(str(number), email)
        house.webhook(house.won(str(number)))
    house.run()
    house.clock.forward("3d")
    house.run()
    assert sorted(mail.to.email for mail in house.post.items) == ["qa@example.com", "x@staging.example.com"]
    assert "allow-list" in next(row.last_error for row in house.deliveries() if row.state == "cancelled")


def test_in_shadow_everything_is_decided_and_nothing_leaves(ledger, clock):
    house = House(ledger, clock, {"core": {"mode": "shadow"}})
    house.crm.knows("1", "marie@example.com")
    won(house)
    house.clock.forward("1h")
    won(house)
    house.clock.forward("4d")
    house.run()
    assert decided(house) == [("yes", "surveyed"), ("no", "cooldown")]
    assert house.post.calls == []
    with ledger.read() as session:
        assert session.execute(select(InvitationRow.state)).scalars().all() == ["shadow"]
    live = House(ledger, clock)
    live.crm.knows("1", "marie@example.com")
    won(live)
    assert decided(live)[-1] == ("yes", "surveyed")


def test_a_401_stops_the_connection_keeps_its_deliveries_and_resume_lets_them_go(house):
    token = house.surveyed()
    house.desk.raising = [AuthFailed("the token is refused")]
    house.answer(token, 1)
    house.run()
    assert house.deliveries("open_ticket")[0].state == "pending"
    assert len(house.desk.calls) == 1
    with house.ledger.write() as session:
        stopped = pauses.current(session)
        assert stopped["connection:helpdesk"].cause == "auth"
        pauses.resume(session, "connection:helpdesk")
    house.run()
    assert house.deliveries("open_ticket")[0].state == "succeeded"


def test_an_old_unsubscribe_link_works_after_rotation_and_erasure_and_holds_for_who_is_imported_anew(house):
    house.surveyed()
    unsubscribe = house.token("marie@example.com", "u")
    house.webhook({"id": "1", "kind": "contact.privacy_deleted", "at": house.clock().isoformat()})
    house.run()
    house.clock.forward("400d")
    rotated = House(
        house.ledger, house.clock, {"core": {"signing_keys": ["a-new-signing-key", "a-signing-key-for-tests"]}}
    )
    assert rotated.doors.unsubscribe_page(unsubscribe).state == "open"
    assert rotated.doors.unsubscribe(unsubscribe).mailbox is None
    with house.ledger.write() as session:  # even if the erasure itself were forgotten
        session.execute(delete(SuppressionRow).where(SuppressionRow.reason == "erased"))
    rotated.crm.knows("2", "Marie@Example.com")
    rotated.webhook(rotated.won("2"))
    rotated.run()
    assert decided(rotated)[-1] == ("no", "suppressed")
