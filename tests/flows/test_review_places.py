"""Where a review link leads: to the place of the event or the person, to nobody's harm."""

from __future__ import annotations

import pytest
from support.house import House
from support.reviewing import Shops
from support.vendors import Crm, Stars

from nps_connect import ReviewDestination, hookimpl
from nps_connect.errors import ConfigErrors
from nps_connect.flows.reviewing.policy import policy_findings


@pytest.mark.parametrize(("city", "place"), [("Lyon", "Lyon"), ("Paris", "Paris"), (None, "all")])
def test_the_place_follows_the_event_on_page_mail_and_click(ledger, clock, city, place):
    house = House(ledger, clock, stars=Shops())
    house.crm.knows("1", "marie@example.com")
    house.webhook(house.won("1", **({"city": city} if city else {})))
    house.run()
    house.clock.forward("3d")
    house.run()
    page = house.answer(house.token("marie@example.com"), 10)
    house.run()
    house.clock.forward("2h")
    house.run()
    links = [page.reviews[0].url.rpartition("/")[2], house.token("marie@example.com", "r")]
    assert {house.doors.review_target(link, house.visit()) for link in links} == {f"https://stars.example.com/{place}"}


def test_the_place_may_be_a_property_of_the_contact_and_the_crm_is_asked_for_it(ledger, clock):
    class Completing(Crm):
        asked: tuple[str, ...] = ()

        @hookimpl
        def nps_complete_events(self, connection, events, fields):
            self.asked = tuple(fields)
            person = self.knows("1", "marie@example.com", fields={"city": "Lyon"})
            return [event.model_copy(update={"contacts": (person,)}) for event in events]

    crm = Completing()
    house = House(ledger, clock, acme=crm, stars=Shops())
    page = house.answer(house.surveyed(), 10)
    assert crm.asked == ("city",)
    token = page.reviews[0].url.rpartition("/")[2]
    assert house.doors.review_target(token, house.visit()) == "https://stars.example.com/Lyon"


def test_an_unknown_place_gets_no_link_and_the_delivery_names_it(ledger, clock):
    house = House(ledger, clock, stars=Shops())
    house.crm.knows("1", "marie@example.com")
    house.webhook(house.won("1", city="Atlantis"))
    house.run()
    house.clock.forward("3d")
    house.run()
    assert house.answer(house.token("marie@example.com"), 10).reviews == ()
    house.clock.forward("2h")
    house.run()
    [row] = house.deliveries("invite_review")
    assert row.state == "skipped"
    assert "'Atlantis'" in row.last_error


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "http://stars.example.com/",
        "https://me@stars.example.com/",
        "//stars.example.com",
        "https:///x",
        "data:text/html,x",
    ],
)
def test_a_target_that_is_not_https_is_never_shown_nor_followed(ledger, clock, url):
    class Wrong(Stars):
        @hookimpl
        def nps_review_destination(self, connection, invitation):
            return ReviewDestination(url=url, title="Stars")

    house = House(ledger, clock, stars=Wrong())
    from nps_connect.flows.links import ReviewLink

    assert house.answer(house.surveyed(), 10).reviews == ()
    token = house.ctx.links.review(ReviewLink(1, "stars", "mail"))
    assert house.doors.review_target(token, house.visit()) is None


def test_links_of_the_erased_and_forged_ones_lead_nowhere(house):
    page = house.answer(house.surveyed(), 10)
    token = page.reviews[0].url.rpartition("/")[2]
    assert house.doors.review_target(token, house.visit())
    for forged in ("", "x", token[:-1], f"{token}?url=https://elsewhere.example.com", token.swapcase()):
        assert house.doors.review_target(forged, house.visit()) is None
    house.webhook({"id": "1", "kind": "contact.privacy_deleted", "at": house.clock().isoformat()})
    house.run()
    assert house.doors.review_target(token, house.visit()) is None


def test_a_configuration_that_gates_is_refused_and_with_a_reason_accepted_and_named(ledger, clock):
    route = {"on": "promoter", "do": "invite_review", "via": "stars"}
    with pytest.raises(ConfigErrors, match="never to passive and detractor"):
        House(ledger, clock, {"routes": [route]})
    reason = "agreed with the platform on 2026-05-01"
    house = House(ledger, clock, {"routes": [{**route, "accept_selective_invitation": reason}]})
    [finding] = policy_findings(house.ctx, "stars")
    assert finding.severity == "warning"
    assert reason in finding.text
    [finding] = policy_findings(House(ledger, clock).ctx, "stars")
    assert (finding.severity, "everybody is asked alike" in finding.text) == ("ok", True)
    assert policy_findings(house.ctx, "crm") == []
