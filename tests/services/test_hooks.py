"""Each hook is called by its step of the pipeline, and its result is used."""

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


class ThirdPartyPlugin:
    """A third-party plugin that only takes part in decisions."""

    @hookimpl
    def nps_connector(self):
        return ConnectorInfo(name="third", title="Third", settings=ConnectionSettings, example=EXAMPLE_CONFIGURATION)


def decisions(application: ApplicationHarness) -> list[tuple[str, str, str]]:
    with application.ledger.read() as session:
        rows = session.execute(select(DecisionRow).order_by(DecisionRow.id)).scalars()
        return [(row.trigger, row.verdict, row.detail) for row in rows]


def test_nps_connector_declares_title_and_queues(application):
    assert application.ctx.connector_info("crm").title == "Acme"
    assert [queue.name for queue in application.queues if queue.name.startswith("helpdesk/")] == [
        "helpdesk/parse",
        "helpdesk/decide",
        "helpdesk/open_ticket",
        "helpdesk/update_ticket",
    ]


def test_nps_verify_webhook_is_called_before_anything_is_stored(application):
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


def test_nps_poll_events_is_called_by_a_job(ledger, clock):
    application = ApplicationHarness(ledger, clock, {"connections": {"crm": {"plugin": "acme", "events": "poll"}}})
    application.crm.knows("1", "a@example.com")
    application.crm.pages = [EventPage(events=(application.crm.event(application.won("1")),), cursor="next")]
    application.run()
    assert [verdict for _, verdict, _ in decisions(application)] == ["yes"]


def test_nps_complete_events_gets_the_fields_that_filters_name(ledger, clock):
    from support.fake_vendors import FakeCrm

    class Completing(FakeCrm):
        requested_fields: tuple[str, ...] = ()

        @hookimpl
        def nps_complete_events(self, connection, events, fields):
            self.requested_fields = tuple(fields)
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
    assert crm.requested_fields == ("amount",)
    assert [verdict for _, verdict, _ in decisions(application)] == ["yes"]


def test_nps_find_contacts_is_called_again_before_the_mail_is_sent(application):
    application.surveyed()
    assert application.crm.looked == 2


def test_nps_trigger_survey_proposals_are_subject_to_the_cooldown(ledger, clock):
    class Proposing(ThirdPartyPlugin):
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


@pytest.mark.parametrize(("veto", "reason"), [(Veto(reason="open dispute"), "third: open dispute"), (None, None)])
def test_nps_veto_survey_reason_is_recorded(ledger, clock, veto, reason):
    class Vetoing(ThirdPartyPlugin):
        @hookimpl
        def nps_veto_survey(self, event, contact, survey):
            return veto

    application = ApplicationHarness(ledger, clock, third=Vetoing())
    application.crm.knows("1", "a@example.com")
    application.webhook(application.won("1"))
    application.run()
    _, verdict, detail = decisions(application)[0]
    assert verdict == ("no" if reason else "yes")
    assert reason is None or reason in detail


def test_a_failing_veto_hook_counts_as_a_veto(ledger, clock):
    class Failing(ThirdPartyPlugin):
        @hookimpl
        def nps_veto_survey(self, event, contact, survey):
            raise ZeroDivisionError

    application = ApplicationHarness(ledger, clock, third=Failing())
    application.crm.knows("1", "a@example.com")
    application.webhook(application.won("1"))
    application.run()
    assert decisions(application)[0][1] == "no"


def test_nps_send_messages_gets_surveys_and_review_invitations(application):
    application.answer(application.surveyed(language="en"), 9)
    application.clock.forward("2h")
    application.run()
    assert [(mail.kind, mail.language, mail.to.email) for mail in application.post.items] == [
        ("survey", "en", "marie@example.com"),
        ("review_invitation", "fr", "marie@example.com"),
    ]
    assert all(mail.unsubscribe_url.startswith("https://nps.example.com/u/") for mail in application.post.items)


def test_nps_write_scores_gets_a_batch_with_one_item_per_contact(application):
    tokens = [application.surveyed(str(n), f"person{n}@example.com") for n in range(3)]
    for token in tokens:
        application.answer(token, 7)
    application.run()
    assert [len(call) for call in application.crm.calls] == [3]


def test_nps_write_opt_outs_is_called_once_per_opt_out(application):
    application.surveyed()
    token = application.token("marie@example.com", "u")
    for _ in range(3):
        application.backend.unsubscribe(token)
    application.run()
    assert len(application.crm.opt_outs) == 1


def test_nps_open_tickets_gets_the_same_draft_on_every_attempt(application):
    token = application.surveyed()
    application.desk.raising = [RetryLater("down")]
    application.answer(token, 1, "Première phrase")
    application.run()
    application.answer(token, 1, "Première phrase, et une deuxième")
    application.clock.forward("10s")
    application.run()
    first, second = application.desk.items
    assert first == second


def test_nps_update_tickets_gets_the_ticket_id_of_the_receipt(application):
    token = application.surveyed()
    application.answer(token, 5)
    application.run()
    application.clock.forward("1m")
    application.answer(token, 8)
    application.run()
    update = application.desk.updates[0]
    assert (update.ticket_id, update.response.score, update.priority) == ("FakeHelpdesk-1-0", 8, "low")


def test_nps_send_alerts_gets_a_text_in_the_companys_language(application):
    application.answer(application.surveyed(name="Marie Martin", language="en"), 0, "Broken")
    application.run()
    alert = application.bell.items[0]
    assert "Marie Martin" in alert.title
    assert "Broken" in alert.body


def test_nps_find_existing_is_called_before_an_in_doubt_ticket_is_resent(application):
    application.desk.lose_answers = 1
    application.answer(application.surveyed(), 1)
    application.run()
    application.clock.forward("1m")
    application.run()
    assert (application.desk.looked_for, len(application.desk.tickets)) == (1, 1)


def test_nps_choose_review_platform_is_called_before_the_weights_with_open_platforms_only(ledger, clock):
    calls, choices = [], ["other", "nowhere", None]

    class Choosing(ThirdPartyPlugin):
        @hookimpl
        def nps_choose_review_platform(self, contact, response, platforms):
            calls.append(list(platforms))
            choice = choices.pop(0)
            if choice is None:
                raise RuntimeError("no choice")
            return choice

    routes = [
        {"on": "any", "do": "invite_review", "via": name, "weight": weight}
        for name, weight in (("stars", 1), ("other", 0))
    ]
    application = ApplicationHarness(
        ledger, clock, {"connections": {"other": {"plugin": "stars"}}, "routes": routes}, third=Choosing()
    )
    for person in ("1", "2", "3"):
        application.answer(application.surveyed(person, f"p{person}@example.com"), 10)
    assert calls == [["stars", "other"]] * 3
    assert [row.options["platform"] for row in application.deliveries("invite_review")] == ["other", "stars", "stars"]


def test_nps_review_destination_returns_the_same_page_for_every_score(application):
    pages = [application.answer(application.surveyed(str(n), f"p{n}@example.com"), n) for n in (0, 7, 10)]
    assert {tuple(review.title for review in page.reviews) for page in pages} == {("Stars",)}
    token = application.review_token(pages[0])
    assert application.backend.resolve_review_link(token, application.visit()) == "https://stars.example.com/write"
