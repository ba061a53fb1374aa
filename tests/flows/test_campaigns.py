"""Campaigns: people from a file go through the same rules as everybody else, once."""

import random
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import select
from support.house import House

from nps_connect.errors import RetryLater
from nps_connect.flows.contacts.people import suppress as silence
from nps_connect.flows.deciding.simulate import simulate
from nps_connect.flows.importing.campaign import enter, plan_campaign
from nps_connect.flows.importing.people import FilePerson, NoOneConnection, connection_for
from nps_connect.flows.importing.rehearsing import rehearse
from nps_connect.flows.importing.scratch import Scratch
from nps_connect.flows.minding.explain import explain_person, find_people
from nps_connect.ledger.subjects import mailbox, mailbox_hash
from nps_connect.ledger.tables import DecisionRow, EventRow, InvitationRow


def person(line, email=None, vendor_id=None, name=None, language=None):
    return FilePerson(line, email, vendor_id, name, language)


def known(house, number):
    """So many people whom the CRM knows, as a file tells them."""
    for one in range(number):
        house.crm.knows(f"p{one}", f"p{one}@example.com")
    return [person(one + 2, f"p{one}@example.com") for one in range(number)]


def campaign_of(house, name="spring", connection="crm", per_day=None):
    return plan_campaign(house.ctx, name=name, survey="after-purchase", connection=connection, per_day=per_day)


def rehearsed(house, campaign, people):
    with Scratch() as scratch:
        return rehearse(house.ctx, campaign, people, scratch)


def reasons(house):
    """Why, of every decision of a campaign."""
    query = select(DecisionRow.reason).where(DecisionRow.trigger.startswith("campaign:")).order_by(DecisionRow.id)
    with house.ledger.read() as session:
        return list(session.execute(query).scalars())


def test_everybody_gets_one_mail_and_the_story_tells_why(house):
    people = known(house, 3)
    campaign = campaign_of(house)
    assert rehearsed(house, campaign, people).reached == 3
    assert enter(house.ctx, campaign, people) == 3
    house.run()
    assert sorted(message.to.email for message in house.post.items) == [f"p{n}@example.com" for n in range(3)]
    with house.ledger.read() as session:
        story = explain_person(session, find_people(session, "p1@example.com", ["crm"]), now=house.clock())
    told = [step.told for step in story.steps]
    assert "contact.imported of spring at crm, by manual" in told[0]
    assert "yes (surveyed) by campaign:spring" in told[1]


def test_the_same_file_again_reaches_nobody_even_after_the_cooldown(house):
    people = known(house, 3)
    enter(house.ctx, campaign_of(house), people)
    house.run()
    house.clock.forward("200d")
    again = rehearsed(house, campaign_of(house), people)
    assert (again.people, again.known, again.reached) == (3, 3, 0)
    assert enter(house.ctx, campaign_of(house), people) == 0
    house.run()
    assert len(house.post.items) == 3
    assert rehearsed(house, campaign_of(house, "autumn"), people).reached == 3


def test_the_rules_of_everybody_hold_and_the_rehearsal_knows_it(house):
    for number in range(6):
        house.crm.knows(f"p{number}", f"p{number}@example.com", opted_out=number == 1)
    house.crm.knows("twin", "p5@example.com")
    house.surveyed("p0", "p0@example.com")
    with house.ledger.write() as session:
        silence(session, mailbox(mailbox_hash("p2@example.com")), "bounced", source="mail", now=house.clock())
    people = [person(n + 2, f"p{n}@example.com") for n in range(6)] + [person(9, "nobody@example.com")]
    expected = {
        "surveyed": 2,
        "cooldown": 1,
        "opted_out": 1,
        "suppressed": 1,
        "several_contacts": 1,
        "no_contact": 1,
    }
    found = rehearsed(house, campaign_of(house), people)
    assert dict(found.reasons) == expected
    assert found.reached == 2
    before = len(house.post.items)
    enter(house.ctx, campaign_of(house), people)
    house.run()
    assert len(house.post.items) - before == 2
    assert Counter(reasons(house)) == expected


def test_a_rehearsal_writes_nothing(house):
    people = known(house, 3)
    rehearsed(house, campaign_of(house), people)
    with house.ledger.read() as session:
        for table in (EventRow, DecisionRow, InvitationRow):
            assert session.execute(select(table)).first() is None
        assert find_people(session, "p1@example.com", ["crm"]) == []


def test_more_than_a_day_takes_are_spread_over_the_days_that_follow(house):
    people = known(house, 25)
    campaign = campaign_of(house, per_day=10)
    found = rehearsed(house, campaign, people)
    assert found.reached == 25
    enter(house.ctx, campaign, people)
    sent = []
    for _ in range(3):
        house.run()
        sent.append(len(house.post.items))
        house.clock.forward("1d")
    assert sent == [10, 20, 25]
    with house.ledger.read() as session:
        last = max(session.execute(select(InvitationRow.due_at)).scalars())
    assert found.last_due == last


def mails(house):
    return [message for message in house.post.items if message.to.email.startswith("p")]


def test_a_campaign_leaves_room_for_triggers_and_waits_where_there_is_none(ledger, clock):
    house = House(ledger, clock, {"limits": {"surveys_per_day": 4}})
    assert (campaign_of(house).per_day, campaign_of(house, per_day=9).per_day) == (2, 4)
    for one in ("a", "b"):
        house.crm.knows(one, f"{one}@example.com")
    house.webhook(house.won("a"), house.won("b"))
    house.run()
    house.clock.forward("3d")
    house.run()
    people = known(house, 6)
    campaign = campaign_of(house, per_day=4)
    found = rehearsed(house, campaign, people)
    assert (found.reached, found.later, dict(found.reasons)) == (6, 4, {"surveyed": 2, "daily_cap": 4})
    enter(house.ctx, campaign, people)
    house.run()
    assert len(mails(house)) == 2
    house.clock.forward("1d")
    house.run()
    assert len(mails(house)) == 6


def test_an_operator_who_was_asked_is_not_asked_again_by_the_flood_gate(ledger, clock):
    house = House(ledger, clock, {"limits": {"unusual": 2}})
    people = known(house, 5)
    assert rehearsed(house, campaign_of(house), people).reached == 5
    enter(house.ctx, campaign_of(house), people)
    house.run()
    assert reasons(house) == ["surveyed"] * 5
    assert simulate(house.ctx, clock() - timedelta(hours=1)).reasons == {"surveyed": 5}


def test_shadow_records_only_and_going_live_begins_anew(ledger, clock):
    house = House(ledger, clock, {"core": {"mode": "shadow"}})
    people = known(house, 3)
    enter(house.ctx, campaign_of(house), people)
    house.run()
    assert house.post.items == []
    assert reasons(house) == ["surveyed"] * 3
    live = House(ledger, clock, acme=house.crm)
    assert rehearsed(live, campaign_of(live), people).reached == 3
    enter(live.ctx, campaign_of(live), people)
    live.run()
    assert len(live.post.items) == 3


def test_quiet_time_and_the_allow_list_hold(ledger, clock):
    change = {
        "limits": {"quiet_hours": "08:00-20:00"},
        "core": {"recipient_allow_list": ["p0@example.com", "@staff.example.com"]},
    }
    house = House(ledger, clock, change)
    people = known(house, 2)
    found = rehearsed(house, campaign_of(house), people)
    assert (found.reached, dict(found.reasons)) == (1, {"surveyed": 1, "allow_list": 1})
    enter(house.ctx, campaign_of(house), people)
    house.run()
    assert house.post.items == []
    house.clock.forward("12h")
    house.run()
    assert [message.to.email for message in house.post.items] == ["p0@example.com"]


def test_a_connection_that_looks_nobody_up_believes_the_file(house):
    campaign = campaign_of(house, connection="mail")
    assert not campaign.looks_up
    enter(house.ctx, campaign, [person(2, "zoe@example.com", name="Zoé", language="fr")])
    house.run()
    [message] = house.post.items
    assert (message.to.email, message.to.name, message.language) == ("zoe@example.com", "Zoé", "fr")
    house.clock.forward("1d")
    assert rehearsed(house, campaign_of(house, "two", "mail"), [person(2, "ZOE@example.com")]).reasons == {
        "cooldown": 1
    }


def test_people_are_found_by_id_where_the_file_tells_it(house):
    house.crm.knows("77", "zoe@example.com")
    enter(house.ctx, campaign_of(house), [person(2, vendor_id="77")])
    house.run()
    assert [message.to.email for message in house.post.items] == ["zoe@example.com"]


def test_of_an_erased_person_nothing_is_stored_again(house):
    with house.ledger.write() as session:
        silence(session, mailbox(mailbox_hash("zoe@example.com")), "erased", source="vendor", now=house.clock())
    people = [person(2, "Zoe@example.com")]
    for connection in ("crm", "mail"):
        campaign = campaign_of(house, connection=connection)
        assert dict(rehearsed(house, campaign, people).reasons) == {"erased": 1}
        assert enter(house.ctx, campaign, people) == 0


def test_two_addresses_of_one_person_are_one_person(house):
    house.crm.knows("1", "zoe@example.com")
    house.crm.people["alias"] = house.crm.people["1"].model_copy(update={"email": "z@example.com"})
    people = [person(2, "zoe@example.com"), person(3, "z@example.com")]
    found = rehearsed(house, campaign_of(house), people)
    assert (found.reached, dict(found.reasons)) == (1, {"surveyed": 1, "cooldown": 1})
    enter(house.ctx, campaign_of(house), people)
    house.run()
    assert sorted(reasons(house)) == ["cooldown", "surveyed"]


def test_a_vendor_that_asks_for_patience_gets_it(house):
    people = known(house, 2)
    house.crm.looking = [RetryLater("busy"), RetryLater("busy")]
    began = house.clock()
    assert rehearsed(house, campaign_of(house), people).reached == 2
    assert (house.clock() - began).total_seconds() == 12
    house.crm.looking = [RetryLater("busy") for _ in range(9)]
    with pytest.raises(RetryLater):
        rehearsed(house, campaign_of(house), people)


def test_which_connection_knows_the_people(house):
    assert connection_for(house.ctx, None, "after-purchase") == "crm"
    assert connection_for(house.ctx, "mail", "after-purchase") == "mail"
    with pytest.raises(NoOneConnection, match="there is no connection 'crn'; allowed: crm, mail"):
        connection_for(house.ctx, "crn", "after-purchase")


@pytest.mark.parametrize("seed", range(3))
def test_however_often_an_import_is_interrupted_nobody_is_asked_twice(house, seed):
    people = known(house, 40)
    chance = random.Random(seed)
    for _ in range(6):
        for begin in range(0, chance.randrange(41), 7):
            enter(house.ctx, campaign_of(house), people[begin : begin + 7])
        house.run()
        house.clock.forward("1h")
    enter(house.ctx, campaign_of(house), people)
    house.run()
    assert sorted(message.to.email for message in house.post.items) == sorted(one.email for one in people)
