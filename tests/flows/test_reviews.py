"""Review invitations: promoters are invited first, nobody is barred, nobody is asked twice, every link is accounted for."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from support.house import House
from support.vendors import Crm, Stars

from nps_connect import ConnectionSettings, Rejected, ReviewDestination, hookimpl
from nps_connect.errors import ConfigErrors
from nps_connect.flows.reviewing.policy import policy_findings
from nps_connect.ledger.accounts import bands
from nps_connect.ledger.cases import CaseRow
from nps_connect.ledger.tables import VisitRow

BOTH = {
    "connections": {"stars": {"plugin": "stars"}, "other": {"plugin": "stars"}},
    "routes": [
        {"on": "any", "do": "invite_review", "via": "stars"},
        {"on": "any", "do": "invite_review", "via": "other"},
    ],
    "limits": {"cooldown": "1d"},
}
QUIET = {"quiet_hours": "20:00-08:00", "quiet_days": ["saturday", "sunday"]}


class ShopSettings(ConnectionSettings):
    """Settings of a platform with several places."""

    location_field: str | None = "city"


class Shops(Stars):
    """A platform with two places; a place that is not listed is refused."""

    @hookimpl
    def nps_connector(self):
        info = super().nps_connector()
        return info.model_copy(update={"settings": ShopSettings, "location_field": lambda own: own.location_field})

    @hookimpl
    def nps_review_destination(self, connection, invitation):
        if invitation.location not in ("Lyon", "Paris", None):
            raise Rejected(f"nothing is configured for {invitation.location!r}")
        return ReviewDestination(url=f"https://stars.example.com/{invitation.location or 'all'}", title="Stars")


def mails(house):
    return house.post.sent("review_invitation")


def solve(house):
    house.run()
    with house.ledger.write() as session:
        case = session.execute(select(CaseRow)).scalar()
        case.state, case.solved_at = "solved", house.clock()


def audit(house):
    with house.ledger.read() as session:
        return {
            (band.platform, band.segment): (band.answered, band.shown, band.sent, band.opened, band.machine)
            for band in bands(session)
        }


def test_every_score_gets_one_mail_with_the_same_link_and_the_page_shows_it_too(house):
    targets, subjects = set(), {}
    for score in (10, 7, 2):
        email = f"p{score}@example.com"
        page = house.answer(house.surveyed(str(score), email), score)
        targets.add(house.doors.review_target(page.reviews[0].url.rpartition("/")[2], house.visit()))
        house.run()
    house.clock.forward("14d")
    house.run()
    assert len(mails(house)) == 3
    for mail in mails(house):
        subjects[mail.to.email] = mail.subject
        targets.add(house.doors.review_target(house.token(mail.to.email, "r"), house.visit()))
    assert targets == {"https://stars.example.com/write"}
    assert subjects["p7@example.com"] == subjects["p2@example.com"] != subjects["p10@example.com"]


def test_an_open_ticket_keeps_the_mail_back_until_it_is_solved(house):
    house.answer(house.surveyed(), 2)
    house.run()
    house.clock.forward("5d")
    house.run()
    [row] = house.deliveries("invite_review")
    assert (row.state, row.hold) == ("pending", "waits until the ticket is solved")
    solve(house)
    house.clock.forward("1d")
    house.run()
    assert len(mails(house)) == 1


def test_an_open_ticket_keeps_the_mail_back_for_fourteen_days_at_most(house):
    house.answer(house.surveyed(), 2)
    house.run()
    house.clock.forward(timedelta(days=14) - timedelta(minutes=1))
    house.run()
    assert mails(house) == []
    house.clock.forward("1m")
    house.run()
    assert len(mails(house)) == 1


def test_a_promoter_with_a_ticket_of_another_survey_waits_as_well(ledger, clock):
    house = House(ledger, clock, {"limits": {"cooldown": "1d"}})
    house.answer(house.surveyed(), 1)
    house.run()
    house.answer(house.surveyed(), 10)
    house.run()
    house.clock.forward("3h")
    house.run()
    assert mails(house) == []


def test_no_mail_in_quiet_hours_by_the_clock_of_the_customer(ledger, clock):
    house = House(ledger, clock, {"limits": QUIET})
    tokens = [
        house.surveyed("1", "paris@example.com"),
        house.surveyed("2", "tokyo@example.com", timezone="Asia/Tokyo"),
    ]
    for token in tokens:
        house.answer(token, 10)
    first, second = house.deliveries("invite_review")
    assert first.due_at.astimezone(house.ctx.settings.core.zone).hour in range(8, 20)
    assert (second.due_at.hour + 9) % 24 in range(8, 20)
    assert all(row.due_at.astimezone(house.ctx.settings.core.zone).weekday() < 5 for row in (first,))


def test_a_mail_that_comes_late_into_the_night_waits_for_the_morning(ledger, clock):
    house = House(ledger, clock, {"limits": QUIET})
    house.crm.knows("1", "marie@example.com")
    house.answer(house.surveyed(), 10)
    clock.now = house.deliveries("invite_review")[0].due_at.replace(hour=22)
    house.run()
    [row] = house.deliveries("invite_review")
    assert (row.state, row.hold) == ("pending", "it is quiet where the person lives")
    assert row.due_at > house.clock()
    house.clock.now = row.due_at
    house.run()
    assert len(mails(house)) == 1


def test_nobody_is_asked_twice_for_one_platform_and_not_soon_for_another(ledger, clock):
    house = House(ledger, clock, BOTH)
    chosen = []
    for wait in ("200d", "200d", "200d"):
        house.answer(house.surveyed(), 10)
        house.run()
        house.clock.forward(wait)
        chosen.append(len(mails(house)))
    assert chosen == [1, 2, 2]
    sent = [row for row in house.deliveries("invite_review") if row.state == "succeeded"]
    assert {row.options["platform"] for row in sent} == {"stars", "other"}
    assert "nobody is asked twice" in house.deliveries("invite_review")[-1].last_error


def test_within_the_cooldown_there_is_no_second_mail_and_the_reason_is_written_down(ledger, clock):
    house = House(ledger, clock, BOTH)
    for _ in range(2):
        house.answer(house.surveyed(), 10)
        house.run()
        house.clock.forward("30d")
    assert len(mails(house)) == 1
    assert "cooldown" in house.deliveries("invite_review")[-1].last_error


def test_two_contacts_of_one_mailbox_are_asked_once(house):
    for person in ("1", "2"):
        house.answer(house.surveyed(person, "info@example.com"), 10)
        house.run()
        house.clock.forward("200d")
    house.run()
    assert len(mails(house)) == 1


def test_an_invitation_that_never_goes_out_gives_its_place_back(ledger, clock):
    routes = [
        {"on": "promoter", "do": "invite_review", "via": "stars", "accept_selective_invitation": "agreed by mail"}
    ]
    house = House(ledger, clock, {"routes": routes, "limits": {"cooldown": "1d"}})
    token = house.surveyed()
    house.answer(token, 10)
    house.clock.forward("1m")
    house.answer(token, 3)
    house.run()
    assert mails(house) == []
    house.answer(house.surveyed(), 9)
    house.run()
    assert len(mails(house)) == 1


def test_one_reminder_unless_the_link_was_opened_whatever_the_score(ledger, clock):
    house = House(ledger, clock, {"reviews": {"reminder_after": "5d", "wait_for_ticket": "0s"}})
    for score, email in ((10, "a@example.com"), (7, "b@example.com"), (2, "c@example.com"), (10, "d@example.com")):
        house.answer(house.surveyed(email[0], email), score)
        house.run()
    house.clock.forward("4d")
    house.run()
    house.clock.forward("1h")
    house.doors.review_target(house.token("d@example.com", "r"), house.visit())
    house.clock.forward("20d")
    house.run()
    house.clock.forward("20d")
    house.run()
    counts = {
        email: [mail.to.email for mail in mails(house)].count(email)
        for email in ("a@example.com", "b@example.com", "c@example.com", "d@example.com")
    }
    assert counts == {"a@example.com": 2, "b@example.com": 2, "c@example.com": 2, "d@example.com": 1}
    assert house.deliveries("invite_review")[-1].options["platform"] == "stars"


def test_every_link_is_accounted_for_and_machines_are_counted_apart(house):
    tokens = {score: house.surveyed(str(score), f"p{score}@example.com") for score in (10, 9, 3)}
    for score, token in tokens.items():
        house.answer(token, score)
        house.doors.survey_page(token, house.visit())
    house.run()
    house.clock.forward("2h")
    house.run()
    house.doors.review_target(house.token("p10@example.com", "r"), house.visit())
    house.doors.review_target(house.token("p9@example.com", "r"), house.visit("HEAD"))
    house.clock.forward("1m")
    for _ in range(2):
        house.doors.review_target(house.token("p9@example.com", "r"), house.visit())
    assert audit(house) == {("stars", "promoter"): (2, 2, 2, 1, 2), ("stars", "detractor"): (1, 1, 0, 0, 0)}
    with house.ledger.read() as session:
        signs = session.execute(select(VisitRow.signs).where(VisitRow.purpose == "review")).scalars().all()
    assert signs == ["fast", "head,fast", None, None]


def test_a_changed_answer_moves_its_accounts_to_the_new_band(house):
    token = house.surveyed()
    house.answer(token, 10)
    house.doors.survey_page(token, house.visit())
    house.clock.forward("1m")
    house.answer(token, 3)
    assert audit(house) == {("stars", "detractor"): (1, 1, 0, 0, 0)}


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
