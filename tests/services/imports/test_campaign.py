"""Campaigns: people of a file are subject to all rules, and are surveyed once."""

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
    """Build people of a file who are in the CRM."""
    for index in range(number):
        application.crm.knows(f"p{index}", f"p{index}@example.com")
    return [person(index + 2, f"p{index}@example.com") for index in range(number)]


def campaign_of(application, name="spring", connection="crm", per_day=None):
    return plan_campaign(application.ctx, name=name, survey="after-purchase", connection=connection, per_day=per_day)


def dry_run_of(application, campaign, people):
    with DedupStore() as dedup_store:
        return run_dry_run(application.ctx, campaign, people, dedup_store)


def reasons(application):
    """Reasons of all decisions of a campaign."""
    query = select(DecisionRow.reason).where(DecisionRow.trigger.startswith("campaign:")).order_by(DecisionRow.id)
    with application.ledger.read() as session:
        return list(session.execute(query).scalars())


def test_each_person_gets_one_mail_and_explain_names_the_campaign(application):
    people = known(application, 3)
    campaign = campaign_of(application)
    assert dry_run_of(application, campaign, people).reachable == 3
    assert add_to_campaign(application.ctx, campaign, people) == 3
    application.run()
    assert sorted(message.to.email for message in application.post.items) == [f"p{n}@example.com" for n in range(3)]
    with application.ledger.read() as session:
        story = explain_person(session, resolve_contacts(session, "p1@example.com", ["crm"]), now=application.clock())
    texts = [entry.text for entry in story.entries]
    assert "contact.imported of spring at crm, by manual" in texts[0]
    assert "yes (surveyed) by campaign:spring" in texts[1]


def test_repeated_import_reaches_nobody_even_after_the_cooldown(application):
    people = known(application, 3)
    add_to_campaign(application.ctx, campaign_of(application), people)
    application.run()
    application.clock.forward("200d")
    second_result = dry_run_of(application, campaign_of(application), people)
    assert (second_result.people, second_result.already_imported, second_result.reachable) == (3, 3, 0)
    assert add_to_campaign(application.ctx, campaign_of(application), people) == 0
    application.run()
    assert len(application.post.items) == 3
    assert dry_run_of(application, campaign_of(application, "autumn"), people).reachable == 3


def test_all_rules_apply_and_dry_run_predicts_them(application):
    for number in range(6):
        application.crm.knows(f"p{number}", f"p{number}@example.com", opted_out=number == 1)
    application.crm.knows("twin", "p5@example.com")
    application.surveyed("p0", "p0@example.com")
    with application.ledger.write() as session:
        suppress(
            application.ctx,
            session,
            [mailbox_subject(mailbox_hash("p2@example.com"))],
            "bounced",
            source="mail",
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
    result = dry_run_of(application, campaign_of(application), people)
    assert dict(result.reasons) == expected
    assert result.reachable == 2
    before = len(application.post.items)
    add_to_campaign(application.ctx, campaign_of(application), people)
    application.run()
    assert len(application.post.items) - before == 2
    assert Counter(reasons(application)) == expected


def test_dry_run_writes_nothing(application):
    people = known(application, 3)
    dry_run_of(application, campaign_of(application), people)
    with application.ledger.read() as session:
        for table in (EventRow, DecisionRow, InvitationRow):
            assert session.execute(select(table)).first() is None
        assert resolve_contacts(session, "p1@example.com", ["crm"]) == []


def test_surveys_are_spread_over_days(application):
    people = known(application, 25)
    campaign = campaign_of(application, per_day=10)
    result = dry_run_of(application, campaign, people)
    assert result.reachable == 25
    add_to_campaign(application.ctx, campaign, people)
    sent = []
    for _ in range(3):
        application.run()
        sent.append(len(application.post.items))
        application.clock.forward("1d")
    assert sent == [10, 20, 25]
    with application.ledger.read() as session:
        last = max(session.execute(select(InvitationRow.due_at)).scalars())
    assert result.last_due_at == last


def mails(application):
    return [message for message in application.post.items if message.to.email.startswith("p")]


def test_campaign_leaves_room_for_triggers_and_waits_for_free_days(ledger, clock):
    application = ApplicationHarness(ledger, clock, {"limits": {"surveys_per_day": 4}})
    assert (campaign_of(application).per_day, campaign_of(application, per_day=9).per_day) == (2, 4)
    for name in ("a", "b"):
        application.crm.knows(name, f"{name}@example.com")
    application.webhook(application.won("a"), application.won("b"))
    application.run()
    application.clock.forward("3d")
    application.run()
    people = known(application, 6)
    campaign = campaign_of(application, per_day=4)
    result = dry_run_of(application, campaign, people)
    assert (result.reachable, result.deferred, dict(result.reasons)) == (6, 4, {"surveyed": 2, "daily_cap": 4})
    add_to_campaign(application.ctx, campaign, people)
    application.run()
    assert len(mails(application)) == 2
    application.clock.forward("1d")
    application.run()
    assert len(mails(application)) == 6


def test_campaign_is_not_held_as_unusual(ledger, clock):
    application = ApplicationHarness(ledger, clock, {"limits": {"unusual": 2}})
    people = known(application, 5)
    assert dry_run_of(application, campaign_of(application), people).reachable == 5
    add_to_campaign(application.ctx, campaign_of(application), people)
    application.run()
    assert reasons(application) == ["surveyed"] * 5
    assert simulate(application.ctx, clock() - timedelta(hours=1)).reasons == {"surveyed": 5}


def test_shadow_campaign_records_only_and_starts_anew_when_live(ledger, clock):
    application = ApplicationHarness(ledger, clock, {"core": {"mode": "shadow"}})
    people = known(application, 3)
    add_to_campaign(application.ctx, campaign_of(application), people)
    application.run()
    assert application.post.items == []
    assert reasons(application) == ["surveyed"] * 3
    live = ApplicationHarness(ledger, clock, acme=application.crm)
    assert dry_run_of(live, campaign_of(live), people).reachable == 3
    add_to_campaign(live.ctx, campaign_of(live), people)
    live.run()
    assert len(live.post.items) == 3


def test_quiet_hours_and_allow_list_apply(ledger, clock):
    change = {
        "limits": {"quiet_hours": "08:00-20:00"},
        "core": {"recipient_allow_list": ["p0@example.com", "@staff.example.com"]},
    }
    application = ApplicationHarness(ledger, clock, change)
    people = known(application, 2)
    result = dry_run_of(application, campaign_of(application), people)
    assert (result.reachable, dict(result.reasons)) == (1, {"surveyed": 1, "allow_list": 1})
    add_to_campaign(application.ctx, campaign_of(application), people)
    application.run()
    assert application.post.items == []
    application.clock.forward("12h")
    application.run()
    assert [message.to.email for message in application.post.items] == ["p0@example.com"]


def test_connection_without_lookup_uses_the_file(application):
    campaign = campaign_of(application, connection="mail")
    assert not campaign.lookup_enabled
    add_to_campaign(application.ctx, campaign, [person(2, "zoe@example.com", name="Zoé", language="fr")])
    application.run()
    [message] = application.post.items
    assert (message.to.email, message.to.name, message.language) == ("zoe@example.com", "Zoé", "fr")
    application.clock.forward("1d")
    assert dry_run_of(application, campaign_of(application, "two", "mail"), [person(2, "ZOE@example.com")]).reasons == {
        "cooldown": 1
    }


def test_people_are_looked_up_by_id_if_the_file_has_one(application):
    application.crm.knows("77", "zoe@example.com")
    add_to_campaign(application.ctx, campaign_of(application), [person(2, vendor_id="77")])
    application.run()
    assert [message.to.email for message in application.post.items] == ["zoe@example.com"]


def test_erased_person_is_not_stored_again(application):
    with application.ledger.write() as session:
        suppress(
            application.ctx,
            session,
            [mailbox_subject(mailbox_hash("zoe@example.com"))],
            "erased",
            source="vendor",
        )
    people = [person(2, "Zoe@example.com")]
    for connection in ("crm", "mail"):
        campaign = campaign_of(application, connection=connection)
        assert dict(dry_run_of(application, campaign, people).reasons) == {"erased": 1}
        assert add_to_campaign(application.ctx, campaign, people) == 0


def test_two_addresses_of_one_contact_count_once(application):
    application.crm.knows("1", "zoe@example.com")
    application.crm.people["alias"] = application.crm.people["1"].model_copy(update={"email": "z@example.com"})
    people = [person(2, "zoe@example.com"), person(3, "z@example.com")]
    result = dry_run_of(application, campaign_of(application), people)
    assert (result.reachable, dict(result.reasons)) == (1, {"surveyed": 1, "cooldown": 1})
    add_to_campaign(application.ctx, campaign_of(application), people)
    application.run()
    assert sorted(reasons(application)) == ["cooldown", "surveyed"]


def test_lookup_waits_as_the_vendor_requests(application):
    people = known(application, 2)
    application.crm.looking = [RetryLater("busy"), RetryLater("busy")]
    began = application.clock()
    assert dry_run_of(application, campaign_of(application), people).reachable == 2
    assert (application.clock() - began).total_seconds() == 12
    application.crm.looking = [RetryLater("busy") for _ in range(9)]
    with pytest.raises(RetryLater):
        dry_run_of(application, campaign_of(application), people)


def test_choose_connection(application):
    assert choose_connection(application.ctx, None, "after-purchase") == "crm"
    assert choose_connection(application.ctx, "mail", "after-purchase") == "mail"
    with pytest.raises(AmbiguousConnection, match="there is no connection 'crn'; allowed: crm, mail"):
        choose_connection(application.ctx, "crn", "after-purchase")


@pytest.mark.parametrize("seed", range(3))
def test_interrupted_imports_survey_nobody_twice(application, seed):
    people = known(application, 40)
    chance = random.Random(seed)
    for _ in range(6):
        for begin in range(0, chance.randrange(41), 7):
            add_to_campaign(application.ctx, campaign_of(application), people[begin : begin + 7])
        application.run()
        application.clock.forward("1h")
    add_to_campaign(application.ctx, campaign_of(application), people)
    application.run()
    assert sorted(message.to.email for message in application.post.items) == sorted(
        person_of_file.email for person_of_file in people
    )
