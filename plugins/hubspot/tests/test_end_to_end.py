"""The whole product with a HubSpot portal: from the webhook to the score, with every setting that changes the walk."""

from __future__ import annotations

import httpx
import pytest

from nps_connect import RetryLater
from nps_connect_hubspot.simulated.event_log import DEAL_TO_CONTACT_TYPE_ID
from nps_connect_hubspot.simulated.portal import DEAL

ZOE = "zoe@example.com"
SCORES = {"on": "any", "do": "write_score", "via": "crm"}


def routes(**options):
    return {"routes": [{**SCORES, **options}]}


def test_from_a_won_deal_to_the_score_on_its_contact(play):
    walk = play()
    zoe = walk.knows(ZOE)
    walk.answers(ZOE, 9, "Très bien — 谢谢 🎉")
    written = {name: value for name, value in zoe.properties.items() if name.startswith("nps_")}
    assert written == {
        "nps_score": "9",
        "nps_category": "promoter",
        "nps_comment": "Très bien — 谢谢 🎉",
        "nps_answered_at": walk.application.clock().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "nps_survey": "after-purchase",
        "nps_touchpoint": "after-purchase",
        "nps_response_id": written["nps_response_id"],
        "nps_response_count": "1",
    }
    assert zoe.properties["email"] == ZOE
    [mail] = [message for message in walk.application.post.items if message.kind == "survey"]
    assert (mail.to.name, mail.language) == ("Zoé Müller", "fr")
    assert walk.notes() == []


def test_the_previous_score_and_the_count_follow(play):
    walk = play()
    zoe = walk.knows(ZOE)
    walk.answers(ZOE, 3)
    walk.application.clock.forward("91d")
    walk.answers(ZOE, 8)
    assert (zoe.properties["nps_previous_score"], zoe.properties["nps_response_count"]) == ("3", "2")


def test_one_webhook_of_a_hundred_deals_resolves_its_contacts_in_three_calls(play, wire, create_contacts):
    trigger = {"on": "deal.won", "from": "crm", "survey": "after-purchase", "where": "amount >= 100"}
    walk = play({"triggers": [trigger], "limits": {"unusual": 1000}})
    contacts = create_contacts(100)
    facts = [
        fact for contact in contacts for fact in walk.vendor.simulate_event("deal.won", contact.properties["email"])
    ]
    wire.requests.clear()
    walk.accept(facts)
    walk.application.run(only="parse")
    walk.application.run(only="decide")
    assert walk.reasons() == ["surveyed"] * 100
    assert [request.path for request in wire.requests] == [
        "/crm/objects/2026-09/deals/batch/read",
        "/crm/associations/2026-09/deals/contacts/batch/read",
        "/crm/objects/2026-09/contacts/batch/read",
    ]


def test_a_webhook_and_its_resend_are_one_survey(play):
    walk = play()
    walk.knows(ZOE)
    facts = walk.vendor.simulate_event("deal.won", ZOE)
    walk.send(facts)
    walk.send(facts)
    walk.send(list(reversed(facts)))
    assert walk.reasons() == ["surveyed"]


def test_a_deal_with_several_contacts_asks_nobody(play):
    walk = play()
    zoe, max_ = walk.knows(ZOE), walk.knows("max@example.com")
    deal = walk.vendor.portal.create(DEAL, {"dealname": "Order", "amount": "500"}, walk.application.clock())
    for contact in (zoe, max_):
        walk.vendor.portal.link(deal, contact, DEAL_TO_CONTACT_TYPE_ID)
    walk.send([walk.vendor.facts.enter_stage(deal, "closedwon", walk.application.clock())])
    assert walk.reasons() == ["several_contacts"]
    assert walk.application.deliveries() == []


def test_a_label_tells_whom_to_ask(play):
    walk = play(contact_label="Decision maker")
    zoe, max_ = walk.knows(ZOE), walk.knows("max@example.com")
    deal = walk.vendor.portal.create(DEAL, {"dealname": "Order", "amount": "500"}, walk.application.clock())
    walk.vendor.portal.link(deal, zoe, DEAL_TO_CONTACT_TYPE_ID)
    walk.vendor.portal.link(deal, max_, 17, "Decision maker")
    walk.send([walk.vendor.facts.enter_stage(deal, "closedwon", walk.application.clock())])
    walk.application.clock.forward("3d")
    walk.application.run()
    assert [message.to.email for message in walk.application.post.items] == ["max@example.com"]


def test_a_contact_without_an_address_is_told_as_such(play):
    walk = play()
    nobody = walk.vendor.portal.create("contacts", {"firstname": "Zoé"}, walk.application.clock())
    deal = walk.vendor.portal.create(DEAL, {"dealname": "Order", "amount": "500"}, walk.application.clock())
    walk.vendor.portal.link(deal, nobody, DEAL_TO_CONTACT_TYPE_ID)
    walk.send([walk.vendor.facts.enter_stage(deal, "closedwon", walk.application.clock())])
    assert walk.reasons() == ["no_address"]


@pytest.mark.parametrize(
    ("comment", "written"),
    [("full", "Lent, très lent"), ("none", None), ("link", None)],
)
def test_the_route_decides_what_is_written_of_the_comment(play, comment, written):
    walk = play(routes(comment=comment), notes=True)
    zoe = walk.knows(ZOE)
    walk.answers(ZOE, 9, "Lent, très lent")
    assert (zoe.properties.get("nps_comment") or None) == written
    assert ("Lent, très lent" in walk.notes()[0]) == (comment == "full")


def test_a_link_leads_to_the_ticket_and_waits_for_it(play):
    ticket = {"on": "detractor", "do": "open_ticket", "via": "helpdesk"}
    walk = play({"routes": [{**SCORES, "comment": "link"}, ticket]})
    zoe = walk.knows(ZOE)
    walk.application.desk.raising = [RetryLater("down for a moment")]
    walk.answers(ZOE, 2, "Lent, très lent")
    assert "nps_score" not in zoe.properties
    walk.application.clock.forward("10m")
    walk.application.run()
    [row] = walk.application.deliveries("open_ticket")
    assert (row.state, zoe.properties["nps_comment"]) == ("succeeded", row.receipt_link)
    assert row.receipt_link


def test_a_link_is_not_waited_for_longer_than_an_hour(play):
    ticket = {"on": "detractor", "do": "open_ticket", "via": "helpdesk"}
    walk = play({"routes": [{**SCORES, "comment": "link"}, ticket]})
    zoe = walk.knows(ZOE)
    walk.application.desk.raising = [RetryLater("down")] * 100
    walk.answers(ZOE, 2, "Lent, très lent")
    for _ in range(7):
        walk.application.clock.forward("10m")
        walk.application.run()
    assert (zoe.properties["nps_score"], zoe.properties.get("nps_comment")) == ("2", None)


def test_a_comment_of_the_longest_kind_with_html_and_a_formula(play):
    walk = play(notes=True)
    zoe = walk.knows(ZOE)
    comment = "=HYPERLINK(1)<script>alert(1)</script>" + "é" * 5_000
    walk.answers(ZOE, 9, comment)
    assert zoe.properties["nps_comment"].startswith("'=HYPERLINK(1)<script>")
    [note] = walk.notes()
    assert "<script>" not in note
    assert "&lt;script&gt;" in note


def test_one_note_per_answer_and_a_changed_answer_changes_it(play):
    walk = play(notes=True)
    walk.knows(ZOE)
    token = walk.answers(ZOE, 9, "Bien")
    assert "<strong>NPS 9</strong>" in walk.notes()[0]
    walk.application.clock.forward("5m")
    walk.application.answer(token, 3, "Finalement non")
    walk.application.run()
    [note] = walk.notes()
    assert "<strong>NPS 3</strong>" in note
    assert "Finalement non" in note


def test_a_note_whose_answer_was_lost_is_looked_for_and_not_made_twice(play, wire):
    walk = play(notes=True)
    walk.knows(ZOE)
    token = walk.surveyed(ZOE)

    def lost(request: httpx.Request) -> httpx.Response | None:
        if not request.url.path.endswith("/notes/batch/create"):
            wire.faults.insert(0, lost)
            return None
        wire.faults.clear()
        wire.handle_request(request)
        raise httpx.ReadTimeout("no answer", request=request)

    wire.faults = [lost]
    walk.application.answer(token, 9, "Bien")
    walk.application.run()
    [row] = walk.application.deliveries("write_score")
    assert (row.state, row.in_doubt) == ("pending", True)
    walk.application.clock.forward("10m")
    walk.application.run()
    assert [row.state for row in walk.application.deliveries("write_score")] == ["succeeded"]
    assert len(walk.notes()) == 1


@pytest.mark.parametrize(
    ("setting", "told"),
    [(None, {}), (77, {ZOE: {77: "UNSUBSCRIBED"}}), ("all", {ZOE: {0: "UNSUBSCRIBED"}})],
)
def test_our_unsubscribes_are_told_where_the_settings_say_so(play, setting, told):
    walk = play(opt_out_subscription=setting)
    walk.knows(ZOE)
    walk.surveyed(ZOE)
    walk.unsubscribe(ZOE)
    assert walk.vendor.portal.statuses == told
    walk.application.clock.forward("91d")
    walk.won(ZOE)
    assert walk.reasons()[-1] in ("opted_out", "suppressed")


def test_who_opted_out_in_hubspot_gets_neither_survey_nor_review_mail(play):
    walk = play()
    walk.knows(ZOE, hs_email_optout="true")
    walk.won(ZOE)
    assert walk.reasons() == ["opted_out"]
    walk.knows("max@example.com")
    walk.answers("max@example.com", 10)
    walk.vendor.opt_out("max@example.com")
    walk.application.clock.forward("1d")
    walk.application.run()
    [review] = walk.application.deliveries("invite_review")
    assert (review.state, review.last_error) == ("cancelled", "the contact opted out in the CRM")


def test_without_webhooks_a_won_deal_is_polled_once_and_history_never(play):
    walk = play(events="poll")
    walk.knows(ZOE)
    walk.vendor.simulate_event("deal.won", ZOE)
    walk.application.clock.forward("1m")
    walk.application.run()
    assert walk.reasons() == []
    walk.knows("max@example.com")
    walk.application.clock.forward("1m")
    walk.vendor.simulate_event("deal.won", "max@example.com")
    for _ in range(3):
        walk.application.clock.forward("61s")
        walk.application.run()
    assert walk.reasons() == ["surveyed"]
    walk.application.clock.forward("3d")
    walk.application.run()
    assert [mail.to.email for mail in walk.application.post.items] == ["max@example.com"]
