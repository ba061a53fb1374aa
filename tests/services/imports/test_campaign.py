"""Campaigns: people from a file go through the same rules as everybody else, once."""

import random
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import select
from support.application import ApplicationHarness

from nps_connect.errors import RetryLater
from nps_connect.ledger.subjects import mailbox_hash, mailbox_subject
from nps_connect.ledger.tables import DecisionRow, EventRow, InvitationRow
from nps_connect.services.imports.campaign import add_to_campaign, plan_campaign
from nps_connect.services.imports.dedup_store import DedupStore
from nps_connect.services.imports.dry_run import run_dry_run
from nps_connect.services.imports.people import AmbiguousConnection, ImportedPerson, choose_connection
from nps_connect.services.operations.explain import explain_person, resolve_contacts
from nps_connect.services.operations.simulate import simulate
from nps_connect.services.suppressions.store import suppress


def person(line, email=None, vendor_id=None, name=None, language=None):
    return ImportedPerson(line, email, vendor_id, name, language)


def known(application, number):
    """So many people whom the CRM knows, as a file tells them."""
    for one in range(number):
        application.crm.knows(f"p{one}", f"p{one}@example.com")
    return [person(one + 2, f"p{one}@example.com") for one in range(number)]


def campaign_of(application, name="spring", connection="crm", per_day=None):
    return plan_campaign(application.ctx, name=name, survey="after-purchase", connection=connection, per_day=per_day)


def rehearsed(application, campaign, people):
    with DedupStore() as dedup_store:
        return run_dry_run(application.ctx, campaign, people, dedup_store)


def reasons(application):
    """Why, of every decision of a campaign."""
    query = select(DecisionRow.reason).where(DecisionRow.trigger.startswith("campaign:")).order_by(DecisionRow.id)
    with application.ledger.read() as session:
        return list(session.execute(query).scalars())


def test_everybody_gets_one_mail_and_the_story_tells_why(application):
    people = known(application, 3)
    campaign = campaign_of(application)
    assert rehearsed(application, campaign, people).reachable == 3
    assert add_to_campaign(application.ctx, campaign, people) == 3
    application.run()
    assert sorted(message.to.email for message in application.post.items) == [f"p{n}@example.com" for n in range(3)]
    with application.ledger.read() as session:
        story = explain_person(session, resolve_contacts(session, "p1@example.com", ["crm"]), now=application.clock())
    told = [entry.text for entry in story.entries]
    assert "contact.imported of spring at crm, by manual" in told[0]
    assert "yes (surveyed) by campaign:spring" in told[1]


def test_the_same_file_again_reaches_nobody_even_after_the_cooldown(application):
    people = known(application, 3)
    add_to_campaign(application.ctx, campaign_of(application), people)
    application.run()
    application.clock.forward("200d")
    again = rehearsed(application, campaign_of(application), people)
    assert (again.people, again.already_imported, again.reachable) == (3, 3, 0)
    assert add_to_campaign(application.ctx, campaign_of(application), people) == 0
    application.run()
    assert len(application.post.items) == 3
    assert rehearsed(application, campaign_of(application, "autumn"), people).reachable == 3


def test_the_rules_of_everybody_hold_and_the_rehearsal_knows_it(application):
    for number in range(6):
        application.crm.knows(f"p{number}", f"p{number}@example.com", opted_out=number == 1)
    application.crm.knows("twin", "p5@example.com")
    application.surveyed("p0", "p0@example.com")
    with application.ledger.write() as session:
        suppress(
            session,
            [mailbox_subject(mailbox_hash("p2@example.com"))],
            "bounced",
            source="mail",
            now=application.clock(),
        )
    people = [person(n + 2, f"p{n}@example.com") for n in range(6)] + [person(9, "nobody@example.com")]
    expected = {
        "surveyed": 2,
        "cooldown": 1,
        "opted_out": 1,
        "suppressed": 1,
        "several_contacts": 1,
        "no_contact": 1,
    }
    found = rehearsed(application, campaign_of(application), people)
    assert dict(found.reasons) == expected
    assert found.reachable == 2
    before = len(application.post.items)
    add_to_campaign(application.ctx, campaign_of(application), people)
    application.run()
    assert len(application.post.items) - before == 2
    assert Counter(reasons(application)) == expected


def test_a_rehearsal_writes_nothing(application):
    people = known(application, 3)
    rehearsed(application, campaign_of(application), people)
    with application.ledger.read() as session:
        for table in (EventRow, DecisionRow, InvitationRow):
            assert session.execute(select(table)).first() is None
        assert resolve_contacts(session, "p1@example.com", ["crm"]) == []


def test_more_than_a_day_takes_are_spread_over_the_days_that_follow(application):
    people = known(application, 25)
    campaign = campaign_of(application, per_day=10)
    found = rehearsed(application, campaign, people)
    assert found.reachable == 25
    add_to_campaign(application.ctx, campaign, people)
    sent = []
    for _ in range(3):
        application.run()
        sent.append(len(application.post.items))
        application.clock.forward("1d")
    assert sent == [10, 20, 25]
    with application.ledger.read() as session:
        last = max(session.execute(select(InvitationRow.due_at)).scalars())
    assert found.last_due_at == last


def mails(application):
    return [message for message in application.post.items if message.to.email.startswith("p")]


def test_a_campaign_leaves_room_for_triggers_and_waits_where_there_is_none(ledger, clock):
    application = ApplicationHarness(ledger, clock, {"limits": {"surveys_per_day": 4}})
    assert (campaign_of(application).per_day, campaign_of(application, per_day=9).per_day) == (2, 4)
    for one in ("a", "b"):
        application.crm.knows(one, f"{one}@example.com")
    application.webhook(application.won("a"), application.won("b"))
    application.run()
    application.clock.forward("3d")
    application.run()
    people = known(application, 6)
    campaign = campaign_of(application, per_day=4)
    found = rehearsed(application, campaign, people)
    assert (found.reachable, found.deferred, dict(found.reasons)) == (6, 4, {"surveyed": 2, "daily_cap": 4})
    add_to_campaign(application.ctx, campaign, people)
    application.run()
    assert len(mails(application)) == 2
    application.clock.forward("1d")
    application.run()
    assert len(mails(application)) == 6


def test_an_operator_who_was_asked_is_not_asked_again_by_the_flood_gate(ledger, clock):
    application = ApplicationHarness(ledger, clock, {"limits": {"unusual": 2}})
    people = known(application, 5)
    assert rehearsed(application, campaign_of(application), people).reachable == 5
    add_to_campaign(application.ctx, campaign_of(application), people)
    application.run()
    assert reasons(application) == ["surveyed"] * 5
    assert simulate(application.ctx, clock() - timedelta(hours=1)).reasons == {"surveyed": 5}


def test_shadow_records_only_and_going_live_begins_anew(ledger, clock):
    application = ApplicationHarness(ledger, clock, {"core": {"mode": "shadow"}})
    people = known(application, 3)
    add_to_campaign(application.ctx, campaign_of(application), people)
    application.run()
    assert application.post.items == []
    assert reasons(application) == ["surveyed"] * 3
    live = ApplicationHarness(ledger, clock, acme=application.crm)
    assert rehearsed(live, campaign_of(live), people).reachable == 3
    add_to_campaign(live.ctx, campaign_of(live), people)
    live.run()
    assert len(live.post.items) == 3


def test_quiet_time_and_the_allow_list_hold(ledger, clock):
    change = {
        "limits": {"quiet_hours": "08:00-20:00"},
        "core": {"recipient_allow_list": ["p0@example.com", "@staff.example.com"]},
    }
    application = ApplicationHarness(ledger, clock, change)
    people = known(application, 2)
    found = rehearsed(application, campaign_of(application), people)
    assert (found.reachable, dict(found.reasons)) == (1, {"surveyed": 1, "allow_list": 1})
    add_to_campaign(application.ctx, campaign_of(application), people)
    application.run()
    assert application.post.items == []
    application.clock.forward("12h")
    application.run()
    assert [message.to.email for message in application.post.items] == ["p0@example.com"]


def test_a_connection_that_looks_nobody_up_believes_the_file(application):
    campaign = campaign_of(application, connection="mail")
    assert not campaign.lookup_enabled
    add_to_campaign(application.ctx, campaign, [person(2, "zoe@example.com", name="Zoé", language="fr")])
    application.run()
    [message] = application.post.items
    assert (message.to.email, message.to.name, message.language) == ("zoe@example.com", "Zoé", "fr")
    application.clock.forward("1d")
    assert rehearsed(application, campaign_of(application, "two", "mail"), [person(2, "ZOE@example.com")]).reasons == {
        "cooldown": 1
    }


def test_people_are_found_by_id_where_the_file_tells_it(application):
    application.crm.knows("77", "zoe@example.com")
    add_to_campaign(application.ctx, campaign_of(application), [person(2, vendor_id="77")])
    application.run()
    assert [message.to.email for message in application.post.items] == ["zoe@example.com"]


def test_of_an_erased_person_nothing_is_stored_again(application):
    with application.ledger.write() as session:
        suppress(
            session,
            [mailbox_subject(mailbox_hash("zoe@example.com"))],
            "erased",
            source="vendor",
            now=application.clock(),
        )
    people = [person(2, "Zoe@example.com")]
    for connection in ("crm", "mail"):
        campaign = campaign_of(application, connection=connection)
        assert dict(rehearsed(application, campaign, people).reasons) == {"erased": 1}
        assert add_to_campaign(application.ctx, campaign, people) == 0


def test_two_addresses_of_one_person_are_one_person(application):
    application.crm.knows("1", "zoe@example.com")
    application.crm.people["alias"] = application.crm.people["1"].model_copy(update={"email": "z@example.com"})
    people = [person(2, "zoe@example.com"), person(3, "z@example.com")]
    found = rehearsed(application, campaign_of(application), people)
    assert (found.reachable, dict(found.reasons)) == (1, {"surveyed": 1, "cooldown": 1})
    add_to_campaign(application.ctx, campaign_of(application), people)
    application.run()
    assert sorted(reasons(application)) == ["cooldown", "surveyed"]


def test_a_vendor_that_asks_for_patience_gets_it(application):
    people = known(application, 2)
    application.crm.looking = [RetryLater("busy"), RetryLater("busy")]
    began = application.clock()
    assert rehearsed(application, campaign_of(application), people).reachable == 2
    assert (application.clock() - began).total_seconds() == 12
    application.crm.looking = [RetryLater("busy") for _ in range(9)]
    with pytest.raises(RetryLater):
        rehearsed(application, campaign_of(application), people)


def test_which_connection_knows_the_people(application):
    assert choose_connection(application.ctx, None, "after-purchase") == "crm"
    assert choose_connection(application.ctx, "mail", "after-purchase") == "mail"
    with pytest.raises(AmbiguousConnection, match="there is no connection 'crn'; allowed: crm, mail"):
        choose_connection(application.ctx, "crn", "after-purchase")


@pytest.mark.parametrize("seed", range(3))
def test_however_often_an_import_is_interrupted_nobody_is_asked_twice(application, seed):
    people = known(application, 40)
    chance = random.Random(seed)
    for _ in range(6):
        for begin in range(0, chance.randrange(41), 7):
            add_to_campaign(application.ctx, campaign_of(application), people[begin : begin + 7])
        application.run()
        application.clock.forward("1h")
    add_to_campaign(application.ctx, campaign_of(application), people)
    application.run()
    assert sorted(message.to.email for message in application.post.items) == sorted(one.email for one in people)
