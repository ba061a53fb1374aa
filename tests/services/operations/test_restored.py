"""After a restore nobody is contacted twice, and nobody who opted out since the backup."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from support.postgres import create_database, drop_database
from support.restorable_application import PostgresApplication, RestorableApplication

from nps_connect.errors import NpsConnectError
from nps_connect.ledger import pauses
from nps_connect.ledger.identity import lock_identity
from nps_connect.ledger.pauses import DATABASE_SCOPE, RESTORED_SCOPE
from nps_connect.ledger.subjects import mailbox_hash, mailbox_subject
from nps_connect.ledger.tables import ContactRow
from nps_connect.records.actions import HoldCode
from nps_connect.services.imports.campaign import add_to_campaign, plan_campaign
from nps_connect.services.imports.people import ImportedPerson
from nps_connect.services.suppressions.store import suppress
from nps_connect.services.suppressions.unconfirmed import confirm_opt_outs, count_unconfirmed


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def application(request, tmp_path, sqlite_template, clock):
    if request.param == "sqlite":
        (tmp_path / "ledger.db").write_bytes(sqlite_template.read_bytes())
        application = RestorableApplication(f"sqlite:///{tmp_path / 'ledger.db'}", tmp_path, clock)
        yield application
        application.ledger.close()
        return
    maintenance = request.getfixturevalue("postgres")
    url = create_database(maintenance, request.getfixturevalue("postgres_template"))
    application = PostgresApplication(maintenance, url, tmp_path, clock)
    yield application
    application.ledger.close()
    drop_database(maintenance, url)


def decide(application, person, email):
    """Let a deal of a person be decided; the survey mail is due in three days."""
    application.crm.knows(person, email)
    application.webhook(application.won(person))
    application.run()


def test_nothing_is_sent_until_the_restore_is_dealt_with(application):
    decide(application, "1", "marie@example.com")
    application.back_up()
    application.restore()
    application.clock.forward("4d")
    application.run()
    assert application.mailed() == []
    assert application.open_pauses() == {DATABASE_SCOPE}


def test_customer_mail_that_was_due_since_the_backup_is_held_and_later_mail_is_sent(application):
    decide(application, "1", "marie@example.com")
    application.clock.forward("2d")
    decide(application, "2", "paul@example.com")
    application.back_up()
    application.clock.forward("2d")
    application.run()
    assert application.mailed() == ["marie@example.com"]
    application.restore()
    report = application.mark_restored()
    application.run()
    application.clock.forward("1d")
    application.run()
    assert (report.held, report.unconfirmed) == (1, 0)
    assert application.mailed() == ["marie@example.com", "paul@example.com"]
    held = application.deliveries("send_survey")[0]
    assert (held.state, held.hold_code, held.in_doubt) == ("held", HoldCode.IN_DOUBT, True)
    assert held.last_error == "the database was restored from a backup: this may have been sent since then"


def test_a_fact_that_the_database_has_lost_and_hears_of_again_is_in_doubt_too(application):
    application.back_up()
    won_at = application.clock()
    decide(application, "1", "marie@example.com")
    application.clock.forward("3d")
    application.run()
    assert application.mailed() == ["marie@example.com"]
    application.restore()
    application.clock.forward("1h")
    application.mark_restored()
    application.webhook(application.won("1", at=won_at))
    application.run()
    assert application.mailed() == ["marie@example.com"]
    assert [(row.state, row.hold_code) for row in application.deliveries("send_survey")] == [("held", "in_doubt")]


def test_a_ticket_is_looked_up_before_it_is_opened_again(application):
    token = application.surveyed()
    application.answer(token, 2)
    application.back_up()
    application.run()
    assert len(application.desk.items) == 1
    application.restore()
    report = application.mark_restored()
    application.run()
    assert report.looked_up >= 1
    assert len(application.desk.items) == 1
    [ticket] = application.deliveries("open_ticket")
    assert (ticket.state, ticket.in_doubt) == ("succeeded", False)


def test_a_score_is_written_again(application):
    application.answer(application.surveyed(), 9)
    application.back_up()
    application.run()
    written = len(application.crm.items)
    application.restore()
    assert application.mark_restored().repeated >= 1
    application.run()
    assert len(application.crm.items) > written
    assert [row.state for row in application.deliveries("write_score")] == ["succeeded"]


@pytest.mark.parametrize("event", ["unsubscribe", "erase"])
def test_who_opted_out_or_was_erased_since_the_backup_is_never_contacted(application, event):
    application.surveyed("1", "marie@example.com")
    application.back_up()
    application.clock.forward("1h")
    if event == "unsubscribe":
        application.backend.unsubscribe(application.token("marie@example.com", "u"))
    else:
        application.webhook({"id": "1", "kind": "contact.privacy_deleted", "at": application.clock().isoformat()})
    application.run()
    application.restore()
    report = application.mark_restored()
    assert (report.suppressions > 0, report.unconfirmed) == (True, 0)
    mails = len(application.mailed())
    application.clock.forward("200d")
    application.webhook(application.won("1", deal="another"))
    application.run()
    application.clock.forward("3d")
    application.run()
    assert len(application.mailed()) == mails
    with application.ledger.read() as session:
        contact = session.get(ContactRow, 1)
        assert (contact.erased_at is not None, contact.email is None) == ((event == "erase"),) * 2


def test_without_a_newer_journal_people_who_were_mailed_are_held_until_an_operator_confirms(application):
    application.surveyed("1", "marie@example.com")
    application.clock.forward("100d")
    application.webhook(application.won("1", deal="second"))
    application.run()
    decide(application, "2", "paul@example.com")
    report = application.mark_restored()  # a snapshot of the whole machine: the state directory went back too
    assert report.unconfirmed == 1
    mails = len(application.mailed())
    application.clock.forward("3d")
    application.run()
    assert application.mailed()[mails:] == ["paul@example.com"]
    with application.ledger.write() as session:
        assert count_unconfirmed(session) == 1
        assert confirm_opt_outs(session) == 1
    application.run()
    assert application.mailed()[mails:] == ["paul@example.com", "marie@example.com"]


def test_another_host_s_journal_is_applied_and_kept(application, tmp_path):
    application.surveyed("1", "marie@example.com")
    application.back_up()
    application.backend.unsubscribe(application.token("marie@example.com", "u"))
    other = tmp_path / "other.log"
    application.ctx.journal.path.rename(other)
    application.ctx.journal.path.touch()
    application.restore()
    assert application.mark_restored(journals=[other]).suppressions > 0
    assert [entry.reason for entry in application.ctx.journal.read(application.ctx.journal.path)] != []


def test_the_moment_of_the_backup_can_only_be_made_earlier(application):
    decide(application, "1", "marie@example.com")
    newest = application.clock()
    application.back_up()
    application.clock.forward("1d")
    application.restore()
    with pytest.raises(NpsConnectError, match="--taken-at can only name an earlier one"):
        application.mark_restored(taken_at=newest + timedelta(seconds=1))
    assert application.open_pauses() == {DATABASE_SCOPE}
    assert application.mark_restored(taken_at=newest - timedelta(days=1)).taken_at == newest - timedelta(days=1)


def test_marking_twice_changes_nothing_more(application):
    decide(application, "1", "marie@example.com")
    application.back_up()
    application.clock.forward("4d")
    application.restore()
    application.mark_restored()
    assert application.open_pauses() == {RESTORED_SCOPE}
    assert application.start()
    application.mark_restored(journals=[application.ctx.journal.path])
    assert [row.state for row in application.deliveries("send_survey")] == ["held"]
    with application.ledger.read() as session:
        assert lock_identity(session).newest_at is None


def test_a_campaign_to_all_after_a_restore_mails_nobody_who_opted_out_or_was_erased(application):
    """The CRM keeps no opt-outs: only the journal knows."""
    people = [ImportedPerson(number, f"p{number}@example.com", None, None, None) for number in range(1, 6)]
    for person in people:
        application.crm.knows(f"c{person.line}", person.email)
    add_to_campaign(application.ctx, plan(application, "spring"), people)
    application.run()
    assert len(application.mailed()) == 5
    application.back_up()
    application.clock.forward("1h")
    application.backend.unsubscribe(application.token("p1@example.com", "u"))
    application.webhook({"id": "c2", "kind": "contact.privacy_deleted", "at": application.clock().isoformat()})
    application.run()
    application.restore()
    application.mark_restored()
    application.clock.forward("200d")
    add_to_campaign(application.ctx, plan(application, "autumn"), people)
    application.run()
    assert sorted(application.mailed()[5:]) == ["p3@example.com", "p4@example.com", "p5@example.com"]


def plan(application, name):
    return plan_campaign(application.ctx, name=name, survey="after-purchase", connection="crm", per_day=None)


def test_people_whom_the_database_has_lost_are_suppressed_when_they_come_again(application):
    application.back_up()
    application.surveyed("9", "new@example.com")
    application.backend.unsubscribe(application.token("new@example.com", "u"))
    application.restore()
    application.mark_restored()
    mails = len(application.mailed())
    application.clock.forward("200d")
    application.webhook(application.won("9", deal="again"))
    application.run()
    application.clock.forward("3d")
    application.run()
    assert len(application.mailed()) == mails


def test_the_crm_s_own_opt_out_counts_after_a_restore_without_a_journal(application):
    decide(application, "1", "marie@example.com")
    application.mark_restored()
    application.crm.knows("1", "marie@example.com", opted_out=True)
    application.clock.forward("4d")
    application.run()
    assert application.mailed() == []


@pytest.mark.parametrize("kind", ["hard", "complaint"])
def test_bounces_and_complaints_since_the_backup_are_applied_again(application, kind):
    application.surveyed("1", "marie@example.com")
    application.back_up()
    with application.ledger.write() as session:
        reason = {"hard": "bounced", "complaint": "objected"}[kind]
        suppress(application.ctx, session, [mailbox_subject(mailbox_hash("marie@example.com"))], reason, source="test")
    application.restore()
    assert application.mark_restored().suppressions == 1
    application.clock.forward("200d")
    application.webhook(application.won("1", deal="again"))
    application.run()
    application.clock.forward("3d")
    application.run()
    assert len(application.mailed()) == 1


def test_a_person_without_an_address_is_erased_again_by_vendor_id(application):
    application.crm.knows("7", None, name="Zoé Martin")
    application.webhook(application.won("7"))
    application.run()
    application.back_up()
    application.webhook({"id": "7", "kind": "contact.privacy_deleted", "at": application.clock().isoformat()})
    application.run()
    application.restore()
    application.mark_restored()
    with application.ledger.read() as session:
        contact = session.execute(select(ContactRow)).scalar_one()
        assert (contact.erased_at is not None, contact.name) == (True, None)


def test_a_ticket_for_a_response_that_is_given_again_after_a_restore_is_looked_for_first(application):
    token = application.surveyed()
    application.back_up()
    application.answer(token, 2)
    application.run()
    key = application.deliveries("open_ticket")[0].key
    application.restore()
    application.mark_restored()
    application.clock.forward("1d")
    with application.ledger.write() as session:
        assert pauses.resume(session, RESTORED_SCOPE)
    looked_for = application.desk.looked_for
    application.answer(token, 2)
    application.run()
    assert application.desk.looked_for == looked_for + 1
    assert len(application.desk.tickets) == 1
    [ticket] = application.deliveries("open_ticket")
    assert (ticket.key, ticket.state, ticket.in_doubt, ticket.receipt_id) == (key, "succeeded", False, "found")


def test_a_response_that_is_given_again_after_a_restore_leads_to_no_second_review_mail(application):
    token = application.surveyed()
    application.back_up()
    application.answer(token, 9)
    application.clock.forward("5d")
    application.run()
    mailed = application.mailed()
    application.restore()
    application.mark_restored()
    application.answer(token, 9)
    application.clock.forward("5d")
    application.run()
    assert application.mailed() == mailed
    assert [row.hold_code for row in application.deliveries("invite_review")] == [HoldCode.IN_DOUBT]


def test_what_a_later_survey_leads_to_is_not_in_doubt(application):
    application.back_up()
    application.restore()
    application.mark_restored()
    application.clock.forward("1h")
    application.answer(application.surveyed("2", "paul@example.com"), 2)
    application.run()
    assert application.desk.looked_for == 0
    assert [row.state for row in application.deliveries("open_ticket")] == ["succeeded"]


def test_people_whose_opt_outs_are_unknown_are_decided_on_and_mailed_when_an_operator_confirms(application):
    application.surveyed("1", "marie@example.com")
    assert application.mark_restored().unconfirmed == 1
    mails = len(application.mailed())
    application.clock.forward("100d")
    application.webhook(application.won("1", deal="second"))
    application.run()
    application.clock.forward("3d")
    application.run()
    [_first, second] = application.deliveries("send_survey")
    assert (second.state, second.hold_code) == ("held", HoldCode.OPT_OUTS_UNKNOWN)
    assert len(application.mailed()) == mails
    with application.ledger.write() as session:
        confirm_opt_outs(session)
    application.run()
    assert application.mailed()[mails:] == ["marie@example.com"]


def test_the_crm_is_asked_for_each_person_before_the_mail_of_a_campaign_after_a_restore(application):
    """The opt-outs are the CRM's own: no journal has them, and the campaign was planned before they were known."""
    people = [ImportedPerson(number, f"p{number}@example.com", None, None, None) for number in range(1, 5)]
    for person in people:
        application.crm.knows(f"c{person.line}", person.email)
    application.back_up()
    application.restore()
    application.mark_restored()
    application.clock.forward("1h")
    add_to_campaign(application.ctx, plan(application, "autumn"), people)
    for opted_out in (1, 3):
        application.crm.knows(f"c{opted_out}", f"p{opted_out}@example.com", opted_out=True)
    application.crm.asked_for.clear()
    application.run()
    asked_for = {key.value for key in application.crm.asked_for}
    assert asked_for >= {person.email for person in people}  # before the decision
    assert asked_for >= {"c2", "c4"}  # before the mail
    assert sorted(application.mailed()) == ["p2@example.com", "p4@example.com"]


@pytest.mark.parametrize("scope", ["mail", "connection:crm", "survey:after-purchase"])
def test_pauses_of_an_operator_since_the_backup_survive_a_restore(application, scope):
    decide(application, "1", "marie@example.com")
    application.set_paused("connection:helpdesk")
    application.back_up()
    application.set_paused(scope)
    application.set_paused("connection:helpdesk", None)
    application.restore()
    assert scope not in application.open_pauses()
    application.mark_restored()
    assert application.open_pauses() == {RESTORED_SCOPE, scope, "connection:helpdesk"}
    application.set_paused(scope, None)
    application.mark_restored(journals=[application.ctx.journal.path])
    assert scope not in application.open_pauses()
