"""Blocked contacts get no mail, whenever the block becomes known."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, select
from support.application import ApplicationHarness
from support.clock import START

from nps_connect import AuthFailed, RetryLater
from nps_connect.ledger import pauses
from nps_connect.ledger.columns import Base
from nps_connect.ledger.suppressions import SuppressionRow
from nps_connect.ledger.tables import DecisionRow, InvitationRow
from nps_connect.records.contacts import ContactKey
from nps_connect.services.intake.manual_events import create_manual_event


def decided(application: ApplicationHarness) -> list[tuple[str, str]]:
    with application.ledger.read() as session:
        rows = session.execute(select(DecisionRow).order_by(DecisionRow.id)).scalars()
        return [(row.verdict, row.reason) for row in rows]


def won(application: ApplicationHarness, person: str = "1", **fields) -> None:
    application.webhook(application.won(person, deal=f"deal-{person}-{application.clock().timestamp()}", **fields))
    application.run()


def test_crm_opt_out_during_the_delay_prevents_the_survey(application):
    application.crm.knows("1", "marie@example.com")
    won(application)
    application.clock.forward("2d")
    application.crm.knows("1", "marie@example.com", opted_out=True)
    application.clock.forward("1d")
    application.run()
    row = application.deliveries("send_survey")[0]
    assert (row.state, row.last_error) == ("cancelled", "the contact opted out in the CRM")
    assert application.post.items == []


def test_cancelled_survey_releases_its_cooldown(application):
    application.crm.knows("1", "marie@example.com", opted_out=True)
    application.crm.people["1"] = application.crm.people["1"].model_copy(update={"opted_out": False})
    won(application)
    application.crm.knows("1", "marie@example.com", opted_out=True)
    application.clock.forward("3d")
    application.run()
    application.crm.knows("1", "marie@example.com")
    won(application)
    assert decided(application) == [("yes", "surveyed"), ("yes", "surveyed")]


def test_unavailable_crm_prevents_mail(application):
    application.crm.knows("1", "marie@example.com")
    won(application)
    application.clock.forward("3d")
    application.crm.looking = [RetryLater("the CRM is down")]
    application.run()
    row = application.deliveries("send_survey")[0]
    assert (row.state, row.attempts) == ("pending", 1)
    application.clock.forward("1m")
    application.run()
    assert len(application.post.items) == 1


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
def test_every_no_has_its_reason(application, people, reason):
    for person in people:
        application.crm.knows(**person)
    won(application)
    application.clock.forward("16m")
    application.run()
    assert decided(application) == [("no", reason)]
    assert application.deliveries() == []


@pytest.mark.parametrize("minutes", [1, 5, 14])
def test_a_contact_that_the_crm_finds_later_is_surveyed(application, minutes):
    won(application)
    assert decided(application) == [("deferred", "no_contact")]
    application.clock.forward(f"{minutes}m")
    application.crm.knows("1", "marie@example.com")
    application.clock.forward("10m")
    application.run()
    assert decided(application) == [("yes", "surveyed")]


def test_a_contact_that_was_missing_for_long_is_not_looked_up_again(application):
    application.webhook(application.won("1", deal="deal-1"))
    application.clock.forward("16m")
    application.run()
    assert decided(application) == [("no", "no_contact")]


def test_second_event_within_cooldown_sends_no_survey(application):
    application.surveyed()
    application.clock.forward("89d")
    won(application)
    assert decided(application) == [("yes", "surveyed"), ("no", "cooldown")]
    application.clock.forward("2d")
    won(application)
    assert decided(application)[-1] == ("yes", "surveyed")


def test_contacts_with_one_mailbox_share_its_cooldown(application):
    application.crm.knows("1", "Info@Example.com")
    application.crm.knows("2", "info@example.com ")
    won(application, "1")
    won(application, "2")
    assert decided(application) == [("yes", "surveyed"), ("no", "cooldown")]


def test_event_older_than_a_week_is_too_old(application):
    application.crm.knows("1", "marie@example.com")
    application.clock.forward("8d")
    application.webhook(application.won("1", at=START))
    application.run()
    assert decided(application) == [("no", "too_old")]


def test_unsubscribe_cancels_mail_updates_the_crm_and_persists(application):
    token = application.surveyed()
    application.answer(token, 9)
    application.run()
    unsubscribe = application.token("marie@example.com", "u")
    assert application.backend.unsubscribe_page(unsubscribe).state == "open"
    assert application.deliveries("invite_review")[0].state == "pending"
    for _ in range(2):
        assert application.backend.unsubscribe(unsubscribe).state == "done"
    application.run()
    assert application.deliveries("invite_review")[0].state == "cancelled"
    assert [opt_out.contact.id for opt_out in application.crm.opt_outs] == ["1"]
    application.clock.forward("100d")
    won(application)
    assert decided(application)[-1] == ("no", "suppressed")


def test_person_erased_at_the_vendor_is_erased_and_never_contacted(application):
    token = application.surveyed(name="Marie Martin")
    application.answer(token, 9, "Merci")
    application.webhook({"id": "1", "kind": "contact.privacy_deleted", "at": application.clock().isoformat()})
    application.clock.forward("1d")
    application.run()
    assert [mail.kind for mail in application.post.items] == ["survey"]
    assert application.show(token, application.visit()).state == "unknown"
    application.clock.forward("100d")
    won(application)
    assert decided(application)[-1] == ("no", "suppressed")
    assert stored(application, "marie@example.com", "Marie Martin", "Merci") == []


def test_erasure_covers_events_that_name_the_person_and_the_same_batch(application):
    application.crm.knows("1", "marie@example.com", name="Marie Martin")
    application.crm.knows("2", "marie@example.com", name="Marie Martin")
    marie = ContactKey(kind="email", value="marie@example.com")
    create_manual_event(
        application.ctx, "crm", "deal.won", contact=marie, object_id="d-1", fields={"city": "Marie Martin"}
    )
    application.run()
    application.webhook(application.won("1", city="Marie Martin"), application.won("2", city="Marie Martin"))
    for person in ("1", "2"):
        application.webhook({"id": person, "kind": "contact.privacy_deleted", "at": application.clock().isoformat()})
    application.run()
    assert len(decided(application)) == 3
    assert stored(application, "marie@example.com", "Marie Martin") == []


def stored(application, *texts):
    """Rows that contain one of these texts, except bodies of webhooks, which are deleted after 30 days."""
    with application.ledger.engine.connect() as connection:
        return [
            (table.name, row)
            for table in Base.metadata.sorted_tables
            if table.name != "raw_requests"
            for row in connection.execute(select(table)).all()
            if any(text in str(row) for text in texts)
        ]


def test_paused_mail_does_not_stop_tickets(application):
    token = application.surveyed()
    application.crm.knows("2", "paul@example.com")
    application.webhook(application.won("2"))
    application.run()
    with application.ledger.write() as session:
        assert pauses.pause(session, pauses.MAIL_SCOPE, cause="operator", reason="checking", now=application.clock())
    application.answer(token, 0)
    application.clock.forward("17d")
    application.run()
    assert len(application.desk.items) == 1
    assert len(application.post.items) == 1
    with application.ledger.write() as session:
        assert pauses.resume(session, pauses.MAIL_SCOPE)
    application.run()
    assert len(application.post.items) == 3


def test_allow_list_limits_recipients(ledger, clock):
    application = ApplicationHarness(
        ledger, clock, {"core": {"recipient_allow_list": ["@staging.example.com", "qa@example.com"]}}
    )
    for number, email in enumerate(["qa@example.com", "x@staging.example.com", "marie@example.com"]):
        application.crm.knows(str(number), email)
        application.webhook(application.won(str(number)))
    application.run()
    application.clock.forward("3d")
    application.run()
    assert sorted(mail.to.email for mail in application.post.items) == ["qa@example.com", "x@staging.example.com"]
    assert "allow-list" in next(row.last_error for row in application.deliveries() if row.state == "cancelled")


def test_shadow_mode_decides_and_sends_nothing(ledger, clock):
    application = ApplicationHarness(ledger, clock, {"core": {"mode": "shadow"}})
    application.crm.knows("1", "marie@example.com")
    won(application)
    application.clock.forward("1h")
    won(application)
    application.clock.forward("4d")
    application.run()
    assert decided(application) == [("yes", "surveyed"), ("no", "cooldown")]
    assert application.post.calls == []
    with ledger.read() as session:
        assert session.execute(select(InvitationRow.state)).scalars().all() == ["shadow"]
    live = ApplicationHarness(ledger, clock)
    live.crm.knows("1", "marie@example.com")
    won(live)
    assert decided(live)[-1] == ("yes", "surveyed")


def test_401_pauses_the_connection_until_resumed(application):
    token = application.surveyed()
    application.desk.raising = [AuthFailed("the token is refused")]
    application.answer(token, 1)
    application.run()
    assert application.deliveries("open_ticket")[0].state == "pending"
    assert len(application.desk.calls) == 1
    with application.ledger.write() as session:
        stopped = pauses.load_pauses(session)
        assert stopped["connection:helpdesk"].cause == "auth"
        pauses.resume(session, "connection:helpdesk")
    application.run()
    assert application.deliveries("open_ticket")[0].state == "succeeded"


def test_old_unsubscribe_link_works_after_rotation_and_erasure(application):
    application.surveyed()
    unsubscribe = application.token("marie@example.com", "u")
    application.webhook({"id": "1", "kind": "contact.privacy_deleted", "at": application.clock().isoformat()})
    application.run()
    application.clock.forward("400d")
    rotated = ApplicationHarness(
        application.ledger,
        application.clock,
        {"core": {"signing_keys": ["a-new-signing-key", "a-signing-key-for-tests"]}},
    )
    assert rotated.backend.unsubscribe_page(unsubscribe).state == "open"
    assert rotated.backend.unsubscribe(unsubscribe).mailbox is None
    with application.ledger.write() as session:  # even if the erasure itself were forgotten
        session.execute(delete(SuppressionRow).where(SuppressionRow.reason == "erased"))
    rotated.crm.knows("2", "Marie@Example.com")
    rotated.webhook(rotated.won("2"))
    rotated.run()
    assert decided(rotated)[-1] == ("no", "suppressed")
