"""A sound configuration gives no finding."""

from __future__ import annotations

import copy

import pytest

SOUND = []


def sound(edit):
    """Register an edit that leaves the configuration sound."""
    SOUND.append(edit)
    return edit


@sound
def as_it_is(site):
    pass


@sound
def polled(site):
    for name in ("crm", "helpdesk"):
        site.config["connections"][name]["events"] = "poll"
    site.config["surveys"]["after-support"] = {"channel": "mail"}
    site.config["triggers"].append({"on": "ticket.solved", "from": "helpdesk", "survey": "after-support"})
    site.config["limits"] = {"max_event_age": "1h"}  # polls are minutes late


@sound
def without_snapshots(site):
    site.snapshots.clear()
    site.trigger["where"] = 'amount >= 100 and order_type == "web"'
    site.config["connections"]["crm"]["won_stages"] = ["1234567"]
    site.config.pop("expect")


@sound
def stages_of_the_account(site):
    stage = site.snapshots["crm"]["fields"]["deal"]["dealstage"]["options"]
    stage["1234567"] = "Won (support contracts)"
    site.config["connections"]["crm"]["won_stages"] = ["closedwon", "1234567"]
    site.trigger["where"] = 'amount >= 100 and dealstage == "1234567"'
    site.config["expect"][0]["fields"]["dealstage"] = "1234567"


@sound
def triggers_by_amount(site):
    site.config["triggers"].append({**site.trigger, "where": "amount < 100", "name": "small", "delay": "1d"})
    site.config["expect"].pop()


@sound
def immediately_in_two_languages(site):
    site.config["core"]["languages"] = ["en", "fr"]
    site.trigger["delay"] = "0s"
    site.config["limits"] = {"quiet_hours": "off", "quiet_days": []}


@sound
def solved_tickets_with_a_recovery_survey(site):
    site.config["surveys"]["after-support"] = {"channel": "mail"}
    solved = {"on": "ticket.solved", "from": "helpdesk", "survey": "after-support", "where": "priority != 'low'"}
    site.config["triggers"].append(solved)
    site.config["recovery"] = {"survey": "after-purchase"}


@sound
def two_accounts_of_one_vendor(site):
    site.config["connections"]["crm-us"] = copy.deepcopy(site.config["connections"]["crm"])
    site.snapshots["crm-us"] = copy.deepcopy(site.snapshots["crm"])
    site.config["surveys"]["us"] = {"channel": "mail"}
    site.config["triggers"].append({**site.trigger, "from": "crm-us", "survey": "us"})
    site.route("write_score")["surveys"] = ["after-purchase"]
    site.config["routes"].append({"on": "any", "do": "write_score", "via": "crm-us", "surveys": ["us"]})


@sound
def shops_by_a_property_of_the_contact(site):
    site.snapshots["crm"]["fields"]["contact"]["store"] = {"type": "string", "options": {}}
    google = {"location_field": "store", "locations": {"lyon": "ChIJN1t_tDeuEmsRUsoyG83frYA"}}
    site.config["connections"]["google"].update(google)
    site.config["limits"] = {"quiet_hours": "18:30-09:30"}


@sound
def group_in_other_letters(site):
    """Zendesk's names are compared without case: the tickets get the group."""
    site.config["connections"]["helpdesk"]["group"] = "customer CARE"
    site.config["core"] |= {"mode": "live", "recipient_allow_list": ["@staff.example.com"]}
    site.trigger["where"] = "amount >= 100 and contact.email_domain == 'staff.example.com'"
    site.config.pop("expect")


@sound
def few_people_now_and_then(site):
    site.trigger.update({"sample": 5, "per_day": 2, "active_from": "2027-01-01", "delay": "2d then next tuesday 10:00"})
    site.config["core"]["recipient_allow_list"] = ["@staff.example.com"]
    site.config["limits"] = {"surveys_per_day": 1, "unusual": 1}


@sound
def only_the_angriest_get_a_ticket(site):
    site.route("open_ticket")["scores"] = [0, 1, 2, 3]
    site.config["surveys"]["after-purchase"] |= {"reminder_after": "4d", "reminders": 2}


@pytest.mark.parametrize("edit", SOUND, ids=[edit.__name__ for edit in SOUND])
def test_a_sound_configuration_gives_no_finding(edit, site):
    edit(site)
    report = site.prove()
    assert [finding.text for finding in report.findings] == []
    assert report.responses > 0
    assert report.mails > report.responses


def test_the_same_seed_gives_the_same_report(site):
    site.trigger["where"] = "amount >= 1000"  # a finding, so that the report says something
    assert site.prove(seed=7) == site.prove(seed=7)
