"""Each hook of the walk, called from where it is called, with what comes of its answer."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from support.application import ApplicationHarness
from support.fake_vendors import EXAMPLE_CONFIGURATION

from nps_connect import (
    ConnectionSettings,
    ConnectorInfo,
    Contact,
    EventPage,
    RetryLater,
    SurveyProposal,
    Veto,
    WebhookRejected,
    hookimpl,
)
from nps_connect.ledger.tables import DecisionRow, RawRequest


class Third:
    """A third party's plugin: only its say in decisions."""

    @hookimpl
    def nps_connector(self):
        return ConnectorInfo(name="third", title="Third", settings=ConnectionSettings, example=EXAMPLE_CONFIGURATION)


def decisions(application: ApplicationHarness) -> list[tuple[str, str, str]]:
    with application.ledger.read() as session:
        rows = session.execute(select(DecisionRow).order_by(DecisionRow.id)).scalars()
        return [(row.trigger, row.verdict, row.detail) for row in rows]


def test_nps_connector_names_what_the_configuration_may_use(application):
    assert application.ctx.connector_info("crm").title == "Acme"
    assert [queue_name.name for queue_name in application.queues if queue_name.name.startswith("helpdesk/")] == [
        "helpdesk/parse",
        "helpdesk/decide",
        "helpdesk/open_ticket",
        "helpdesk/update_ticket",
    ]


def test_nps_verify_webhook_decides_before_anything_is_stored(application):
    with pytest.raises(WebhookRejected):
        application.webhook(application.won("1"), signature="forged")
    with application.ledger.read() as session:
        assert session.execute(select(RawRequest)).first() is None


def test_nps_parse_events_turns_one_request_into_many_events(application):
    application.crm.knows("1", "a@example.com")
    application.crm.knows("2", "b@example.com")
    application.webhook(application.won("1"), application.won("2"))
    application.run()
    assert [verdict for _, verdict, _ in decisions(application)] == ["yes", "yes"]


def test_nps_poll_events_is_asked_by_a_job_from_its_own_cursor(ledger, clock):
    application = ApplicationHarness(ledger, clock, {"connections": {"crm": {"plugin": "acme", "events": "poll"}}})
    application.crm.knows("1", "a@example.com")
    application.crm.pages = [EventPage(events=(application.crm.event(application.won("1")),), cursor="next")]
    application.run()
    assert [verdict for _, verdict, _ in decisions(application)] == ["yes"]


def test_nps_complete_events_is_told_the_fields_that_filters_name(ledger, clock):
    from support.fake_vendors import FakeCrm

    class Completing(FakeCrm):
        asked: tuple[str, ...] = ()

        @hookimpl
        def nps_complete_events(self, connection, events, fields):
            self.asked = tuple(fields)
            contact = Contact(connection="crm", id="1", email="a@example.com")
            return [event.model_copy(update={"fields": {"amount": 250.0}, "contacts": (contact,)}) for event in events]

    crm = Completing()
    trigger = {
        "on": "deal.won",
        "from": "crm",
        "survey": "after-purchase",
        "where": "amount >= 200 and history.answers == 0",
    }
    application = ApplicationHarness(ledger, clock, {"triggers": [trigger]}, acme=crm)
    application.webhook(application.won("1", amount=1))
    application.run()
    assert crm.asked == ("amount",)
    assert [verdict for _, verdict, _ in decisions(application)] == ["yes"]


def test_nps_find_contacts_is_asked_again_right_before_the_mail(application):
    application.surveyed()
    assert application.crm.looked == 2


def test_nps_trigger_survey_may_propose_but_the_cooldown_decides_last(ledger, clock):
    class Proposing(Third):
        @hookimpl
        def nps_trigger_survey(self, event, contact, history):
            return SurveyProposal(survey="after-purchase", reason=f"after {history.answers} answers")

    application = ApplicationHarness(ledger, clock, {"triggers": []}, third=Proposing())
    application.crm.knows("1", "a@example.com")
    application.webhook(application.won("1", deal="d1"), application.won("1", deal="d2"))
    application.run()
    assert [(trigger, verdict) for trigger, verdict, _ in decisions(application)] == [
        ("plugin:third:after-purchase", "yes"),
        ("plugin:third:after-purchase", "no"),
    ]


@pytest.mark.parametrize(("answer", "told"), [(Veto(reason="open dispute"), "third: open dispute"), (None, None)])
def test_nps_veto_survey_gives_its_reason(ledger, clock, answer, told):
    class Vetoing(Third):
        @hookimpl
        def nps_veto_survey(self, event, contact, survey):
            return answer

    application = ApplicationHarness(ledger, clock, third=Vetoing())
    application.crm.knows("1", "a@example.com")
    application.webhook(application.won("1"))
    application.run()
    _, verdict, detail = decisions(application)[0]
    assert verdict == ("no" if told else "yes")
    assert told is None or told in detail


def test_a_plugin_that_fails_to_answer_a_veto_refuses(ledger, clock):
    class Failing(Third):
        @hookimpl
        def nps_veto_survey(self, event, contact, survey):
            raise ZeroDivisionError

    application = ApplicationHarness(ledger, clock, third=Failing())
    application.crm.knows("1", "a@example.com")
    application.webhook(application.won("1"))
    application.run()
    assert decisions(application)[0][1] == "no"


def test_nps_send_messages_carries_surveys_and_review_invitations(application):
    application.answer(application.surveyed(language="en"), 9)
    application.clock.forward("2h")
    application.run()
    assert [(mail.kind, mail.language, mail.to.email) for mail in application.post.items] == [
        ("survey", "en", "marie@example.com"),
        ("review_invitation", "fr", "marie@example.com"),
    ]
    assert all(mail.unsubscribe_url.startswith("https://nps.example.com/u/") for mail in application.post.items)


def test_nps_write_scores_gets_a_batch_with_one_row_per_person(application):
    tokens = [application.surveyed(str(n), f"person{n}@example.com") for n in range(3)]
    for token in tokens:
        application.answer(token, 7)
    application.run()
    assert [len(call) for call in application.crm.calls] == [3]


def test_nps_write_opt_outs_tells_the_crm_once(application):
    application.surveyed()
    token = application.token("marie@example.com", "u")
    for _ in range(3):
        application.backend.unsubscribe(token)
    application.run()
    assert len(application.crm.opt_outs) == 1


def test_nps_open_tickets_gets_the_same_draft_on_every_try(application):
    token = application.surveyed()
    application.desk.raising = [RetryLater("down")]
    application.answer(token, 1, "Première phrase")
    application.run()
    application.answer(token, 1, "Première phrase, et une deuxième")
    application.clock.forward("10s")
    application.run()
    first, second = application.desk.items
    assert first == second


def test_nps_update_tickets_names_the_ticket_of_the_receipt(application):
    token = application.surveyed()
    application.answer(token, 5)
    application.run()
    application.clock.forward("1m")
    application.answer(token, 8)
    application.run()
    update = application.desk.updates[0]
    assert (update.ticket_id, update.response.score, update.priority) == ("FakeHelpdesk-1-0", 8, "low")


def test_nps_send_alerts_tells_staff_in_the_companys_language(application):
    application.answer(application.surveyed(name="Marie Martin", language="en"), 0, "Broken")
    application.run()
    alert = application.bell.items[0]
    assert "Marie Martin" in alert.title
    assert "Broken" in alert.body


def test_nps_find_existing_is_asked_before_a_doubtful_ticket_is_opened_again(application):
    application.desk.lose_answers = 1
    application.answer(application.surveyed(), 1)
    application.run()
    application.clock.forward("1m")
    application.run()
    assert (application.desk.looked_for, len(application.desk.tickets)) == (1, 1)


def test_nps_choose_review_platform_is_asked_before_the_weights_and_only_for_open_platforms(ledger, clock):
    asked, answers = [], ["other", "nowhere", None]

    class Choosing(Third):
        @hookimpl
        def nps_choose_review_platform(self, contact, response, platforms):
            asked.append(list(platforms))
            answer = answers.pop(0)
            if answer is None:
                raise RuntimeError("no opinion, loudly")
            return answer

    routes = [
        {"on": "any", "do": "invite_review", "via": name, "weight": weight}
        for name, weight in (("stars", 1), ("other", 0))
    ]
    application = ApplicationHarness(
        ledger, clock, {"connections": {"other": {"plugin": "stars"}}, "routes": routes}, third=Choosing()
    )
    for person in ("1", "2", "3"):
        application.answer(application.surveyed(person, f"p{person}@example.com"), 10)
    assert asked == [["stars", "other"]] * 3
    assert [row.options["platform"] for row in application.deliveries("invite_review")] == ["other", "stars", "stars"]


def test_nps_review_destination_gives_every_score_the_same_page(application):
    pages = [application.answer(application.surveyed(str(n), f"p{n}@example.com"), n) for n in (0, 7, 10)]
    assert {tuple(review.title for review in page.reviews) for page in pages} == {("Stars",)}
    token = pages[0].reviews[0].url.rpartition("/")[2]
    assert application.backend.resolve_review_link(token, application.visit()) == "https://stars.example.com/write"
