"""Unsubscribe links: they speak for the mailbox that the mail went to, whoever has it now."""

from __future__ import annotations

from sqlalchemy import select

from nps_connect.ledger.subjects import mailbox_hash, mailbox_subject
from nps_connect.ledger.suppressions import SuppressionRow
from nps_connect.ledger.tables import DecisionRow


def decide(application, person: str) -> str:
    """Decide on a new deal of a person; returns the reason."""
    application.webhook(application.won(person, deal=f"deal-{application.clock().timestamp()}-{person}"))
    application.run()
    with application.ledger.read() as session:
        return session.execute(select(DecisionRow.reason).order_by(DecisionRow.id.desc())).scalars().first()


def test_both_contacts_of_a_mailbox_are_opted_out_and_written_to_the_crm(application):
    application.crm.knows("2", "Marie@Example.com")
    decide(application, "2")
    application.clock.forward("200d")
    application.surveyed("1", "marie@example.com")
    application.backend.unsubscribe(application.token("marie@example.com", "u"))
    application.run()
    assert sorted(opt_out.contact.id for opt_out in application.crm.opt_outs) == ["1", "2"]
    for person in ("1", "2"):  # the opt-out follows the people to new addresses
        application.crm.knows(person, f"new-{person}@example.com")
        assert decide(application, person) == "suppressed"


def test_a_contact_that_gets_the_mailbox_later_is_opted_out_by_the_next_click(application):
    application.surveyed()
    unsubscribe = application.token("marie@example.com", "u")
    application.backend.unsubscribe(unsubscribe)
    application.crm.knows("2", "marie@example.com")
    assert decide(application, "2") == "suppressed"
    application.backend.unsubscribe(unsubscribe)
    application.run()
    assert [opt_out.contact.id for opt_out in application.crm.opt_outs] == ["1", "2"]


def test_the_link_of_an_old_address_suppresses_that_address_and_not_the_new_one(application):
    application.surveyed("1", "old@example.com")
    application.crm.knows("1", "new@example.com")
    application.clock.forward("200d")
    assert decide(application, "1") == "surveyed"
    unsubscribe = application.token("old@example.com", "u")
    assert application.backend.unsubscribe_page(unsubscribe).mailbox is None
    application.backend.unsubscribe(unsubscribe)
    application.run()
    with application.ledger.read() as session:
        subjects = session.execute(select(SuppressionRow.subject)).scalars().all()
    assert subjects == [mailbox_subject(mailbox_hash("old@example.com"))]
    assert application.crm.opt_outs == []
    application.clock.forward("3d")
    application.run()
    assert application.post.items[-1].to.email == "new@example.com"


def test_the_unsubscribe_link_of_a_survey_page_is_that_of_its_mail(application):
    token = application.surveyed("1", "old@example.com")
    application.crm.knows("1", "new@example.com")
    decide(application, "1")
    assert application.show(token, application.visit()).unsubscribe_token == application.token("old@example.com", "u")


def test_the_page_shows_a_masked_address_only_to_who_has_its_link(application):
    application.surveyed()
    page = application.backend.unsubscribe_page(application.token("marie@example.com", "u"))
    assert page.mailbox == "m***@example.com"
