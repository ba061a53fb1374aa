"""Review links lead to the location of the event or the contact, and only to safe URLs."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from support.application import ApplicationHarness
from support.fake_vendors import FakeCrm, FakeReviewPlatform
from support.review_scenarios import MultiLocationReviewPlatform

from nps_connect import ReviewDestination, hookimpl
from nps_connect.errors import ConfigErrors
from nps_connect.ledger.tables import ResponseRow
from nps_connect.services.links import ReviewLink
from nps_connect.services.reviews.policy import policy_findings


@pytest.mark.parametrize(("city", "location"), [("Lyon", "Lyon"), ("Paris", "Paris"), (None, "all")])
def test_the_location_comes_from_the_event_on_page_in_mail_and_on_click(ledger, clock, city, location):
    application = ApplicationHarness(ledger, clock, stars=MultiLocationReviewPlatform())
    application.crm.knows("1", "marie@example.com")
    application.webhook(application.won("1", **({"city": city} if city else {})))
    application.run()
    application.clock.forward("3d")
    application.run()
    page = application.answer(application.token("marie@example.com"), 10)
    application.run()
    application.clock.forward("2h")
    application.run()
    links = [application.review_token(page), application.token("marie@example.com", "r")]
    assert {application.backend.resolve_review_link(link, application.visit()) for link in links} == {
        f"https://stars.example.com/{location}"
    }


def test_the_location_may_be_a_contact_field_that_the_crm_is_asked_for(ledger, clock):
    class Completing(FakeCrm):
        requested_fields: tuple[str, ...] = ()

        @hookimpl
        def nps_complete_events(self, connection, events, fields):
            self.requested_fields = tuple(fields)
            person = self.knows("1", "marie@example.com", fields={"city": "Lyon"})
            return [event.model_copy(update={"contacts": (person,)}) for event in events]

    crm = Completing()
    application = ApplicationHarness(ledger, clock, acme=crm, stars=MultiLocationReviewPlatform())
    page = application.answer(application.surveyed(), 10)
    assert crm.requested_fields == ("city",)
    token = application.review_token(page)
    assert application.backend.resolve_review_link(token, application.visit()) == "https://stars.example.com/Lyon"


def test_a_field_that_only_a_dimension_names_is_asked_for_with_the_event(ledger, clock):
    class Completing(FakeCrm):
        requested_fields: tuple[str, ...] = ()

        @hookimpl
        def nps_complete_events(self, connection, events, fields):
            self.requested_fields = tuple(fields)
            return list(events)

    crm = Completing()
    application = ApplicationHarness(ledger, clock, {"core": {"dimensions": {"shop": "shop_name"}}}, acme=crm)
    crm.knows("1", "marie@example.com")
    application.webhook(application.won("1"))
    application.run()
    assert "shop_name" in crm.requested_fields


def test_an_unknown_location_has_no_link_and_is_named_by_the_delivery(ledger, clock):
    application = ApplicationHarness(ledger, clock, stars=MultiLocationReviewPlatform())
    application.crm.knows("1", "marie@example.com")
    application.webhook(application.won("1", city="Atlantis"))
    application.run()
    application.clock.forward("3d")
    application.run()
    assert application.answer(application.token("marie@example.com"), 10).reviews == ()
    application.clock.forward("2h")
    application.run()
    [row] = application.deliveries("invite_review")
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
def test_a_page_that_is_not_https_is_never_shown_nor_redirected_to(ledger, clock, url):
    class UnsafePlatform(FakeReviewPlatform):
        @hookimpl
        def nps_review_destination(self, connection, invitation):
            return ReviewDestination(url=url, title="Stars")

    application = ApplicationHarness(ledger, clock, stars=UnsafePlatform())
    page = application.answer(application.surveyed(), 10)
    assert page.reviews == ()
    with ledger.read() as session:
        response = session.execute(select(ResponseRow.public_id)).scalar_one()
    token = application.ctx.links.review(ReviewLink(response, "stars", "mail"))
    assert application.backend.resolve_review_link(token, application.visit()) is None


def test_forged_links_and_links_of_erased_contacts_are_rejected(application):
    page = application.answer(application.surveyed(), 10)
    token = application.review_token(page)
    assert application.backend.resolve_review_link(token, application.visit())
    for forged in ("", "x", token[:-1], f"{token}?url=https://elsewhere.example.com", token.swapcase()):
        assert application.backend.resolve_review_link(forged, application.visit()) is None
    application.webhook({"id": "1", "kind": "contact.privacy_deleted", "at": application.clock().isoformat()})
    application.run()
    assert application.backend.resolve_review_link(token, application.visit()) is None


def test_review_gating_is_refused_unless_a_reason_is_given_which_is_reported(ledger, clock):
    route = {"on": "promoter", "do": "invite_review", "via": "stars"}
    with pytest.raises(ConfigErrors, match="never to passive and detractor"):
        ApplicationHarness(ledger, clock, {"routes": [route]})
    reason = "agreed with the platform on 2026-05-01"
    application = ApplicationHarness(ledger, clock, {"routes": [{**route, "accept_selective_invitation": reason}]})
    [finding] = policy_findings(application.ctx, "stars")
    assert finding.severity == "warning"
    assert reason in finding.text
    [finding] = policy_findings(ApplicationHarness(ledger, clock).ctx, "stars")
    assert (finding.severity, "everybody is asked alike" in finding.text) == ("ok", True)
    assert policy_findings(application.ctx, "crm") == []
