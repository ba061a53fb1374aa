"""Every planted mistake is named with its cause.

A mistake is an edit of a sound configuration or of the snapshot of its accounts. To add one, write a function that
edits the site, with the words that the report must hold.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest

from nps_connect.errors import ConfigErrors

Mistake = Callable[..., None]
MISTAKES: list[tuple[Mistake, tuple[str, ...]]] = []


def mistake(*words: str) -> Callable[[Mistake], Mistake]:
    """Register an edit and the words that the report must hold."""

    def register(edit: Mistake) -> Mistake:
        MISTAKES.append((edit, words))
        return edit

    return register


@mistake("dealstage", "'closedwonn'", "write 'closedwon'")
def unknown_stage_in_a_filter(site):
    """The only finding: that no event passes the filter follows from it."""
    site.trigger["where"] = 'dealstage == "closedwonn" and amount >= 100'


@mistake("closedwoon", "won_stages")
def unknown_stage_in_the_settings(site):
    site.config["connections"]["crm"]["won_stages"] = ["closedwoon"]


@mistake("can never fire", "amount >= 100 and amount < 50")
def contradiction_in_a_filter(site):
    site.trigger["where"] = "amount >= 100 and amount < 50"


@mistake("'schedule:relationship' can never fire", "annualrevenue > 10 and annualrevenue < 5")
def population_that_nobody_belongs_to(site):
    population = {"from": "crm", "where": "annualrevenue > 10 and annualrevenue < 5"}
    survey = {"channel": "mail", "every": "6 months", "population": population}
    site.config["surveys"]["relationship"] = survey


@mistake("'order_typ'")
def misspelt_property_in_a_filter(site):
    site.trigger["where"] = 'amount >= 100 and order_typ == "web"'


@mistake("reported no deal.won", "only with dealstage = 'closedwon'", "settings of connections.crm")
def stage_that_is_not_won(site):
    site.trigger["where"] = 'amount >= 100 and dealstage == "appointmentscheduled"'


@mistake("did not fire", "2026-11-01", "the dates or the filter of the trigger")
def trigger_past_its_last_day(site):
    site.trigger["active_until"] = "2026-11-01"


@mistake("trigger 'small' did not fire", "crm:deal.won:after-purchase", "a higher priority")
def trigger_behind_another(site):
    site.config["triggers"].append({**site.trigger, "where": "amount >= 500", "name": "small"})


@mistake("never to passive", "forbids")
def gated_review(site):
    site.config["routes"] = [route for route in site.config["routes"] if route.get("lead") != "help"]
    site.config.pop("expect")


@mistake("quiet_hours", "hours of a week")
def quiet_times_without_end(site):
    days = ["monday", "tuesday", "wednesday", "thursday", "saturday", "sunday"]
    site.config["limits"] = {"quiet_hours": "08:00-07:30", "quiet_days": days}


@mistake("0.0 hours of a week between 8:00 and 20:00", "limits.quiet_hours", "08:00-20:00", "the other way round")
def quiet_hours_the_wrong_way_round(site):
    site.config["limits"] = {"quiet_hours": "08:00-20:00"}


@mistake("at night", "limits.quiet_hours", "05:00-02:00")
def mail_only_before_dawn(site):
    site.config["limits"] = {"quiet_hours": "05:00-02:00"}


@mistake("connections.google.location_field", "'stores'", "crm", "write 'store'")
def location_field_that_no_source_has(site):
    site.snapshots["crm"]["fields"]["deal"]["store"] = {"type": "string", "options": {}}
    google = {"location_field": "stores", "locations": {"lyon": "ChIJN1t_tDeuEmsRUsoyG83frYA"}}
    site.config["connections"]["google"].update(google)


@mistake("write score via crm-us", "no effect")
def swapped_connections(site):
    site.config["connections"]["crm-us"] = copy.deepcopy(site.config["connections"]["crm"])
    site.snapshots["crm-us"] = copy.deepcopy(site.snapshots["crm"])
    site.route("write_score")["via"] = "crm-us"
    site.config.pop("expect")


@mistake("write scores", "crm.objects.contacts.write")
def missing_scope(site):
    site.snapshots["crm"]["scopes"].remove("crm.objects.contacts.write")


@mistake("property:nps_score")
def missing_property(site):
    del site.snapshots["crm"]["fields"]["contact"]["nps_score"]


@mistake("'Customer car'")
def unknown_group(site):
    site.config["connections"]["helpdesk"]["group"] = "Customer car"


@mistake("opted out at crm")
def opt_out_that_is_not_read(site):
    site.config["connections"]["crm"]["opt_out_properties"] = ["hs_email_optoutt"]


@mistake("detractor", "no ticket and no alert")
def detractors_that_nobody_hears_of(site):
    site.remove_routes("open_ticket")
    site.remove_routes("send_alert")


@mistake("detractor of after-purchase with scores 6 leads to no ticket", "add scores 6")
def detractors_with_one_score_forgotten(site):
    site.remove_routes("send_alert")
    site.route("open_ticket")["scores"] = [0, 1, 2, 3, 4, 5]


@mistake("stage 9871234", "won_stages")
def mistyped_stage_of_another_pipeline(site):
    site.config["connections"]["crm"]["won_stages"] = ["closedwon", "9871234"]


@mistake("contact.email_domain", "'Example.org'", "write 'example.org'")
def domain_in_capital_letters(site):
    site.trigger["where"] = "amount >= 100 and contact.email_domain != 'Example.org'"


@mistake("ticket.closed", "listen_to has no tickets")
def object_to_which_the_connection_does_not_listen(site):
    closed = {"on": "ticket.closed", "from": "crm", "survey": "after-purchase", "name": "closed"}
    site.config["triggers"].append({**closed, "where": "hs_ticket_priority != 'LOW'"})


@mistake("opt_out_properties", "newsletter_optout")
def one_of_two_opt_out_properties_does_not_exist(site):
    site.config["connections"]["crm"]["opt_out_properties"] = ["hs_email_optout", "newsletter_optout"]


@mistake("route 6", "used by no response")
def route_of_a_survey_with_another_touchpoint(site):
    site.config["surveys"]["after-purchase"]["touchpoint"] = "purchase"
    site.config["surveys"]["after-support"] = {"channel": "mail", "touchpoint": "support"}
    route = {"on": "any", "do": "write_score", "via": "helpdesk"}
    site.config["routes"].append({**route, "surveys": ["after-support"], "touchpoints": ["purchase"]})


@mistake("44 hours after it", "surveys.after-purchase.expires_after")
def link_that_expires_early(site):
    site.config["surveys"]["after-purchase"]["expires_after"] = "1d"


@mistake("expectation 1", "leads to no survey", "not to survey 'after-purchase'")
def threshold_with_a_zero_too_many(site):
    site.trigger["where"] = "amount >= 1000"


@mistake("tickets:write")
def helpdesk_token_without_scope(site):
    site.snapshots["helpdesk"]["scopes"] = ["read", "users:write"]


def add_support_trigger(site, where):
    site.config["surveys"]["after-support"] = {"channel": "mail"}
    solved = {"on": "ticket.solved", "from": "helpdesk", "survey": "after-support", "where": where}
    site.config["triggers"].append(solved)


@mistake("helpdesk:ticket.solved:after-support", "'amount'", "Zendesk does not have")
def field_of_another_source(site):
    add_support_trigger(site, "amount >= 100")


@mistake("fires only from 2036-12-01 on", "active_from")
def first_day_in_a_wrong_year(site):
    site.trigger["active_from"] = "2036-12-01"


@mistake("core.recipient_allow_list", "@staging.example.com", "are not surveyed")
def allow_list_of_staging(site):
    site.config["core"] |= {"mode": "live", "recipient_allow_list": ["@staging.example.com"]}


@mistake("priority", "'urgnt'", "helpdesk does not have", "write 'urgent'")
def misspelt_priority(site):
    add_support_trigger(site, 'priority == "urgnt"')


@mistake("routes.4", "never to scores 10", "forbids")
def happiest_customers_forgotten(site):
    site.route("invite_review")["scores"] = [9]


@mistake("not allowed to read deals", "crm.objects.deals.read")
def token_that_cannot_read_deals(site):
    site.snapshots["crm"]["scopes"].remove("crm.objects.deals.read")


@mistake("nps_score is of type string, not number")
def property_of_another_type(site):
    site.snapshots["crm"]["fields"]["contact"]["nps_score"]["type"] = "string"


@mistake("unknown field 'contact.lifecyclestage'", "known fields")
def property_of_the_contact_in_a_filter(site):
    site.trigger["where"] = "amount >= 100 and contact.lifecyclestage == 'Customer'"


@mistake("route 2", "used by no response", "touchpoints 'after-purchase'", "the responses have 'after purchase'")
def touchpoint_spelt_in_two_ways(site):
    site.trigger["touchpoint"] = "after purchase"
    site.route("open_ticket")["touchpoints"] = ["after-purchase"]
    site.remove_routes("send_alert")


@pytest.mark.parametrize(("edit", "words"), MISTAKES, ids=[edit.__name__ for edit, _ in MISTAKES])
def test_a_planted_mistake_is_named_with_its_cause(edit, words, site):
    edit(site)
    try:
        report = site.prove()
    except ConfigErrors as errors:  # named by every command, without a proof
        lines = [error.sentence() for error in errors.errors]
    else:
        lines = [f"{finding.text} | {finding.fix}" for finding in report.findings]
    assert any(all(word in line for word in words) for line in lines), "\n".join(lines) or "no finding"
