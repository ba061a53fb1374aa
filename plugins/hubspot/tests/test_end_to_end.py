"""The whole product with a HubSpot portal: from the webhook to the score, with every setting that matters."""

from __future__ import annotations

import httpx
import pytest
from sqlalchemy import select

from nps_connect import RetryLater
from nps_connect.ledger.counters import CounterRow
from nps_connect.ledger.tables import RawRequest, ResponseRow
from nps_connect_hubspot.simulated.event_log import DEAL_TO_CONTACT_TYPE_ID
from nps_connect_hubspot.simulated.portal import DEAL

ZOE = "zoe@example.com"
SCORES = {"on": "any", "do": "write_score", "via": "crm"}


def routes(**options):
    return {"routes": [{**SCORES, **options}]}


def test_from_a_won_deal_to_the_score_on_its_contact(make_scenario):
    scenario = make_scenario()
    zoe = scenario.add_contact(ZOE)
    scenario.respond(ZOE, 9, "Très bien — 谢谢 🎉")
    with scenario.application.ledger.read() as session:
        answered_at = session.execute(select(ResponseRow.answered_at)).scalar_one()
    written = {name: value for name, value in zoe.properties.items() if name.startswith("nps_")}
    assert written == {
        "nps_score": "9",
        "nps_category": "promoter",
        "nps_comment": "Très bien — 谢谢 🎉",
        "nps_answered_at": answered_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "nps_survey": "after-purchase",
        "nps_touchpoint": "after-purchase",
        "nps_response_id": written["nps_response_id"],
        "nps_response_count": "1",
    }
    assert zoe.properties["email"] == ZOE
    [mail] = [message for message in scenario.application.post.items if message.kind == "survey"]
    assert (mail.to.name, mail.language) == ("Zoé Müller", "fr")
    assert scenario.notes() == []


def test_a_deal_that_hubspot_shows_only_later_is_surveyed(make_scenario):
    trigger = {"on": "deal.won", "from": "crm", "survey": "after-purchase", "where": "amount >= 100"}
    scenario = make_scenario({"triggers": [trigger]})
    scenario.add_contact(ZOE)
    facts = scenario.vendor.simulate_event("deal.won", ZOE)
    hidden = dict(scenario.vendor.portal.records[DEAL])
    scenario.vendor.portal.records[DEAL].clear()
    scenario.send(facts)
    assert scenario.reasons() == ["no_contact"]
    scenario.vendor.portal.records[DEAL] |= hidden
    scenario.application.clock.forward("1m")
    scenario.application.run()
    assert scenario.reasons() == ["surveyed"]


def test_a_contact_that_is_associated_after_the_deal_was_won_is_surveyed(make_scenario):
    scenario = make_scenario()
    scenario.add_contact(ZOE)
    facts = scenario.vendor.simulate_event("deal.won", ZOE)
    links = dict(scenario.vendor.portal.links)
    scenario.vendor.portal.links.clear()
    scenario.send(facts)
    assert scenario.reasons() == ["no_contact"]
    scenario.vendor.portal.links |= links
    scenario.application.clock.forward("5m")
    scenario.application.run()
    assert scenario.reasons() == ["surveyed"]


def test_one_odd_entry_of_a_webhook_is_counted_and_the_other_one_is_surveyed(make_scenario):
    scenario = make_scenario()
    scenario.add_contact(ZOE)
    facts = scenario.vendor.simulate_event("deal.won", ZOE)
    odd = scenario.vendor.facts.record_event("deal.propertyChange", "5", scenario.application.clock())
    scenario.vendor.facts.entries[odd] |= {
        "occurredAt": "1788597072520",
        "propertyName": "dealstage",
        "propertyValue": "closedwon",
    }
    scenario.send([odd, *facts])
    assert scenario.reasons() == ["surveyed"]
    with scenario.application.ledger.read() as session:
        [row] = session.execute(select(CounterRow)).scalars()
        [request] = session.execute(select(RawRequest)).scalars()
    assert (row.name, row.connection, row.count) == ("webhook_unreadable_entry", "crm", 1)
    assert request.state == "succeeded"


def test_previous_score_and_response_count_are_written(make_scenario):
    scenario = make_scenario()
    zoe = scenario.add_contact(ZOE)
    scenario.respond(ZOE, 3)
    scenario.application.clock.forward("91d")
    scenario.respond(ZOE, 8)
    assert (zoe.properties["nps_previous_score"], zoe.properties["nps_response_count"]) == ("3", "2")


def test_a_webhook_of_a_hundred_deals_needs_three_calls_for_its_contacts(make_scenario, transport, create_contacts):
    trigger = {"on": "deal.won", "from": "crm", "survey": "after-purchase", "where": "amount >= 100"}
    scenario = make_scenario({"triggers": [trigger], "limits": {"unusual": 1000}})
    contacts = create_contacts(100)
    facts = [
        fact for contact in contacts for fact in scenario.vendor.simulate_event("deal.won", contact.properties["email"])
    ]
    transport.requests.clear()
    scenario.deliver_webhooks(facts)
    scenario.application.run(only="parse")
    scenario.application.run(only="decide")
    assert scenario.reasons() == ["surveyed"] * 100
    assert [request.path for request in transport.requests] == [
        "/crm/objects/2026-09/deals/batch/read",
        "/crm/associations/2026-09/deals/contacts/batch/read",
        "/crm/objects/2026-09/contacts/batch/read",
    ]


def test_a_resent_webhook_causes_no_second_survey(make_scenario):
    scenario = make_scenario()
    scenario.add_contact(ZOE)
    facts = scenario.vendor.simulate_event("deal.won", ZOE)
    scenario.send(facts)
    scenario.send(facts)
    scenario.send(list(reversed(facts)))
    assert scenario.reasons() == ["surveyed"]


def test_a_deal_with_several_contacts_is_not_surveyed(make_scenario):
    scenario = make_scenario()
    zoe, max_ = scenario.add_contact(ZOE), scenario.add_contact("max@example.com")
    deal = scenario.vendor.portal.create(DEAL, {"dealname": "Order", "amount": "500"}, scenario.application.clock())
    for contact in (zoe, max_):
        scenario.vendor.portal.link(deal, contact, DEAL_TO_CONTACT_TYPE_ID)
    scenario.send([scenario.vendor.facts.enter_stage(deal, "closedwon", scenario.application.clock())])
    assert scenario.reasons() == ["several_contacts"]
    assert scenario.application.deliveries() == []


def test_the_contact_label_selects_who_is_surveyed(make_scenario):
    scenario = make_scenario(contact_label="Decision maker")
    zoe, max_ = scenario.add_contact(ZOE), scenario.add_contact("max@example.com")
    deal = scenario.vendor.portal.create(DEAL, {"dealname": "Order", "amount": "500"}, scenario.application.clock())
    scenario.vendor.portal.link(deal, zoe, DEAL_TO_CONTACT_TYPE_ID)
    scenario.vendor.portal.link(deal, max_, 17, "Decision maker")
    scenario.send([scenario.vendor.facts.enter_stage(deal, "closedwon", scenario.application.clock())])
    scenario.application.clock.forward("3d")
    scenario.application.run()
    assert [message.to.email for message in scenario.application.post.items] == ["max@example.com"]


def test_a_contact_without_an_address_is_declined_with_that_reason(make_scenario):
    scenario = make_scenario()
    nobody = scenario.vendor.portal.create("contacts", {"firstname": "Zoé"}, scenario.application.clock())
    deal = scenario.vendor.portal.create(DEAL, {"dealname": "Order", "amount": "500"}, scenario.application.clock())
    scenario.vendor.portal.link(deal, nobody, DEAL_TO_CONTACT_TYPE_ID)
    scenario.send([scenario.vendor.facts.enter_stage(deal, "closedwon", scenario.application.clock())])
    assert scenario.reasons() == ["no_address"]


@pytest.mark.parametrize(
    ("comment", "written"),
    [("full", "Lent, très lent"), ("none", None), ("link", None)],
)
def test_the_route_sets_the_comment_policy(make_scenario, comment, written):
    scenario = make_scenario(routes(comment=comment), notes=True)
    zoe = scenario.add_contact(ZOE)
    scenario.respond(ZOE, 9, "Lent, très lent")
    assert (zoe.properties.get("nps_comment") or None) == written
    assert ("Lent, très lent" in scenario.notes()[0]) == (comment == "full")


def test_a_comment_link_waits_for_the_ticket(make_scenario):
    ticket = {"on": "detractor", "do": "open_ticket", "via": "helpdesk"}
    scenario = make_scenario({"routes": [{**SCORES, "comment": "link"}, ticket]})
    zoe = scenario.add_contact(ZOE)
    scenario.application.desk.raising = [RetryLater("down for a moment")]
    scenario.respond(ZOE, 2, "Lent, très lent")
    assert "nps_score" not in zoe.properties
    scenario.application.clock.forward("10m")
    scenario.application.run()
    [row] = scenario.application.deliveries("open_ticket")
    assert (row.state, zoe.properties["nps_comment"]) == ("succeeded", row.receipt_link)
    assert row.receipt_link


def test_a_comment_link_waits_for_at_most_an_hour(make_scenario):
    ticket = {"on": "detractor", "do": "open_ticket", "via": "helpdesk"}
    scenario = make_scenario({"routes": [{**SCORES, "comment": "link"}, ticket]})
    zoe = scenario.add_contact(ZOE)
    scenario.application.desk.raising = [RetryLater("down")] * 100
    scenario.respond(ZOE, 2, "Lent, très lent")
    for _ in range(7):
        scenario.application.clock.forward("10m")
        scenario.application.run()
    assert (zoe.properties["nps_score"], zoe.properties.get("nps_comment")) == ("2", None)


def test_a_long_comment_with_html_and_a_formula_is_escaped(make_scenario):
    scenario = make_scenario(notes=True)
    zoe = scenario.add_contact(ZOE)
    comment = "=HYPERLINK(1)<script>alert(1)</script>" + "é" * 5_000
    scenario.respond(ZOE, 9, comment)
    assert zoe.properties["nps_comment"].startswith("'=HYPERLINK(1)<script>")
    [note] = scenario.notes()
    assert "<script>" not in note
    assert "&lt;script&gt;" in note


def test_a_changed_response_updates_its_note(make_scenario):
    scenario = make_scenario(notes=True)
    scenario.add_contact(ZOE)
    token = scenario.respond(ZOE, 9, "Bien")
    assert "<strong>NPS 9</strong>" in scenario.notes()[0]
    scenario.application.clock.forward("5m")
    scenario.application.answer(token, 3, "Finalement non")
    scenario.application.run()
    [note] = scenario.notes()
    assert "<strong>NPS 3</strong>" in note
    assert "Finalement non" in note


def test_a_note_in_doubt_is_looked_up_and_not_duplicated(make_scenario, transport):
    scenario = make_scenario(notes=True)
    scenario.add_contact(ZOE)
    token = scenario.survey(ZOE)

    def lose_response(request: httpx.Request) -> httpx.Response | None:
        if not request.url.path.endswith("/notes/batch/create"):
            transport.faults.insert(0, lose_response)
            return None
        transport.faults.clear()
        transport.handle_request(request)
        raise httpx.ReadTimeout("no response", request=request)

    transport.faults = [lose_response]
    scenario.application.answer(token, 9, "Bien")
    scenario.application.run()
    [row] = scenario.application.deliveries("write_score")
    assert (row.state, row.in_doubt) == ("pending", True)
    scenario.application.clock.forward("10m")
    scenario.application.run()
    assert [row.state for row in scenario.application.deliveries("write_score")] == ["succeeded"]
    assert len(scenario.notes()) == 1


@pytest.mark.parametrize(
    ("setting", "statuses"),
    [(None, {}), (77, {ZOE: {77: "UNSUBSCRIBED"}}), ("all", {ZOE: {0: "UNSUBSCRIBED"}})],
)
def test_opt_outs_are_written_as_configured(make_scenario, setting, statuses):
    scenario = make_scenario(opt_out_subscription=setting)
    scenario.add_contact(ZOE)
    scenario.survey(ZOE)
    scenario.unsubscribe(ZOE)
    assert scenario.vendor.portal.statuses == statuses
    scenario.application.clock.forward("91d")
    scenario.win_deal(ZOE)
    assert scenario.reasons()[-1] in ("opted_out", "suppressed")


def test_an_opt_out_in_hubspot_stops_surveys_and_review_mail(make_scenario):
    scenario = make_scenario()
    scenario.add_contact(ZOE, hs_email_optout="true")
    scenario.win_deal(ZOE)
    assert scenario.reasons() == ["opted_out"]
    scenario.add_contact("max@example.com")
    scenario.respond("max@example.com", 10)
    scenario.vendor.opt_out("max@example.com")
    scenario.application.clock.forward("1d")
    scenario.application.run()
    [review] = scenario.application.deliveries("invite_review")
    assert (review.state, review.last_error) == ("cancelled", "the contact opted out in the CRM")


def test_a_won_deal_is_polled_once_and_without_history(make_scenario):
    scenario = make_scenario(events="poll")
    scenario.add_contact(ZOE)
    scenario.vendor.simulate_event("deal.won", ZOE)
    scenario.application.clock.forward("1m")
    scenario.application.run()
    assert scenario.reasons() == []
    scenario.add_contact("max@example.com")
    scenario.application.clock.forward("1m")
    scenario.vendor.simulate_event("deal.won", "max@example.com")
    for _ in range(3):
        scenario.application.clock.forward("61s")
        scenario.application.run()
    assert scenario.reasons() == ["surveyed"]
    scenario.application.clock.forward("3d")
    scenario.application.run()
    assert [mail.to.email for mail in scenario.application.post.items] == ["max@example.com"]
