"""Texts to staff: tickets, updates, alerts, overdue reminders, fallback mail."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from nps_connect.records.contacts import Contact
from nps_connect.records.responses import ContactResponse, EarlierResponse, Response
from nps_connect.rendering import staff_texts

PARIS = ZoneInfo("Europe/Paris")
DEADLINE = datetime(2026, 3, 4, 16, tzinfo=UTC)
MARIE = Contact(
    connection="crm",
    id="101",
    email="marie@example.com",
    name="Marie Martin",
    link="https://crm.example.com/people/101",
)


def answered(*, score=2, comment="Livré cassé.", contact=MARIE, history=(), do_not_contact=False):
    response = Response(
        id="r-1",
        revision=1,
        survey="after-purchase",
        touchpoint="purchase",
        score=score,
        comment=comment,
        language="fr",
        answered_at=datetime(2026, 3, 3, 13, 5, tzinfo=UTC),
        do_not_contact=do_not_contact,
    )
    return ContactResponse(contact=contact, response=response, history=history)


def ticket(subject=None, *, language="en", deadline=DEADLINE):
    return staff_texts.render_ticket(
        language=language, company="Exemple SA", answered=subject or answered(), deadline=deadline, zone=PARIS
    )


def alert(subject=None, *, language="en", ticket_link=None, deadline=None):
    return staff_texts.render_alert(
        language=language, answered=subject or answered(), ticket_link=ticket_link, deadline=deadline, zone=PARIS
    )


def fallback(subject=None, *, problem="helpdesk: the token was refused (401)", finding=None, ticket_link=None):
    return staff_texts.render_fallback(
        language="en",
        company="Exemple SA",
        answered=subject or answered(),
        problem=problem,
        finding=finding,
        ticket_link=ticket_link,
    )


def test_the_subject_of_a_ticket_may_be_seen_by_the_customer():
    for language in ("en", "fr"):
        subject = ticket(language=language).subject
        assert "Exemple SA" in subject
        for word in ("2", "NPS", "detractor", "détracteur", "cassé", "Marie"):
            assert word not in subject


def test_a_ticket_holds_response_customer_and_deadline():
    text = ticket().text
    for fact in (
        "Score: 2 out of 10 (detractor)",
        "> Livré cassé.",
        "Customer: Marie Martin, marie@example.com",
        "Record: https://crm.example.com/people/101",
        "Survey: after a purchase",
        "Touchpoint: after a purchase",
        "Answered: 3 March 2026, 14:05 (Europe/Paris) (in French)",
        "Follow up by: 4 March 2026, 17:00 (Europe/Paris)",
        "This is this customer's first response.",
    ):
        assert fact in text


def test_a_ticket_in_french():
    text = ticket(language="fr").text
    assert "Note\u00a0: 2 sur 10 (détracteur)" in text
    assert "Étape\u00a0: après achat" in text
    assert "Enquête\u00a0: après achat" in text
    assert "Réponse reçue\u00a0: 3 mars 2026, 14:05 (Europe/Paris) (langue\u00a0: français)" in text
    assert "À traiter avant le\u00a0: 4 mars 2026, 17:00 (Europe/Paris)" in text


def test_a_ticket_without_deadline_comment_name_or_record():
    bare = Contact(connection="crm", id="7", email="jo@example.com")
    text = ticket(answered(comment=None, contact=bare), deadline=None).text
    assert "No comment." in text
    assert "Customer: jo@example.com\n" in text
    assert "Follow up by" not in text
    assert "Record:" not in text


def test_a_customer_without_name_and_address_is_shown_by_id():
    assert "Customer: 7\n" in ticket(answered(contact=Contact(connection="crm", id="7"))).text


def test_ten_earlier_responses_are_listed_newest_first_and_older_ones_counted():
    history = tuple(
        EarlierResponse(
            score=number % 11,
            answered_at=datetime(2025, 12, 31 - number, 23, 30, tzinfo=UTC),
            survey="s",
            touchpoint="support",
            comment="two\nlines",
        )
        for number in range(12)
    )
    text = ticket(answered(history=history)).text
    assert "- 1 January 2026: 0 out of 10 (after a support request)\n  > two lines\n" in text
    assert text.count("out of 10 (after a support request)") == 10
    assert "and 2 older responses" in text


def test_the_wish_not_to_be_contacted_comes_first_in_every_text():
    response = answered(do_not_contact=True)
    notice = "PLEASE NOTE: the customer asked not to be contacted"
    assert ticket(response).text.startswith(notice)
    assert alert(response).text.startswith(notice)
    assert notice in staff_texts.render_ticket_update(language="en", answered=response, previous_score=None).text
    assert notice in fallback(response).text
    assert notice not in ticket().text


def test_a_comment_cannot_imitate_other_lines():
    text = ticket(answered(comment="x\r\nFollow up by: never\u202e\x00")).text
    assert "\nFollow up by: never" not in text
    assert "> Follow up by: never\n" in text


def test_the_title_of_an_alert_holds_score_customer_and_touchpoint():
    rendered = alert()
    assert rendered.subject == "NPS 2: Marie Martin (after a purchase)"
    assert "> Livré cassé." in rendered.text


def test_an_alert_says_until_when_to_act_and_links_to_ticket_and_record():
    text = alert(ticket_link="https://desk.example.com/7", deadline=DEADLINE).text
    for line in (
        "Follow up by: 4 March 2026, 17:00 (Europe/Paris)\n",
        "Ticket: https://desk.example.com/7\n",
        "Record: https://crm.example.com/people/101\n",
    ):
        assert line in text
    assert "Ticket:" not in alert().text
    assert "Follow up by" not in alert().text


def test_an_alert_mentions_nobody_and_holds_no_link_of_the_customer():
    contact = MARIE.model_copy(update={"name": "@everyone www.example.com", "email": "marie@here.example.com"})
    comment = "<!channel> https://shop.example.com/x\nor marie@example.com"
    rendered = alert(answered(contact=contact, comment=comment), ticket_link="https://desk.example.com/7")
    assert rendered.subject == "NPS 2: ＠everyone www[.]example[.]com (after a purchase)"
    assert "> ‹!channel› https[:]//shop[.]example[.]com/x\n> or marie@example[.]com\n" in rendered.text
    assert "marie＠here.example.com" in rendered.text
    assert "Ticket: https://desk.example.com/7" in rendered.text


def test_an_overdue_reminder_is_disarmed_like_an_alert():
    rendered = staff_texts.render_overdue(
        language="en", answered=answered(comment="@everyone"), deadline=DEADLINE, zone=PARIS, ticket_link=None
    )
    assert "> ＠everyone\n" in rendered.text


def test_a_title_is_one_line_whatever_the_name():
    contact = MARIE.model_copy(update={"name": "Marie\r\nBcc: x@example.com"})
    rendered = alert(answered(contact=contact))
    assert "\n" not in rendered.subject
    assert "\r" not in rendered.subject


@pytest.mark.parametrize(
    ("score", "before", "expected", "recovered"),
    [
        (9, 2, "The customer changed the score from 2 to 9.", True),
        (7, 6, "The customer changed the score from 6 to 7.", True),
        (3, 2, "The customer changed the score from 2 to 3.", False),
        (2, 2, "The customer added to their response.", False),
        (2, None, "The customer added to their response.", False),
        (9, 8, "The customer changed the score from 8 to 9.", False),
    ],
)
def test_a_ticket_update_states_what_changed(score, before, expected, recovered):
    text = staff_texts.render_ticket_update(language="en", answered=answered(score=score), previous_score=before).text
    assert text.startswith(expected)
    assert ("no longer a detractor" in text) is recovered


def test_the_fallback_mail_names_the_customer_and_the_problem():
    rendered = fallback(finding="deliveries-dead", ticket_link="https://desk.example.com/7")
    assert rendered.subject == "Delivery failed, action needed: NPS 2, Marie Martin (after a purchase)"
    assert "Failed delivery: helpdesk: the token was refused (401)" in rendered.text
    assert "> Livré cassé." in rendered.text
    assert "Record: https://crm.example.com/people/101" in rendered.text
    assert "Ticket: https://desk.example.com/7" in rendered.text
    assert rendered.text.endswith("\nFinding: deliveries-dead (explained in docs/findings.md)\n")


def test_an_overdue_reminder_names_deadline_and_ticket():
    rendered = staff_texts.render_overdue(
        language="en",
        answered=answered(),
        deadline=DEADLINE,
        zone=PARIS,
        ticket_link="https://desk.example.com/tickets/7",
    )
    assert rendered.subject == "Overdue: NPS 2, Marie Martin (after a purchase)"
    assert "due by" in rendered.text
    assert "17:00" in rendered.text
    assert "https://desk.example.com/tickets/7" in rendered.text
    assert "> Livré cassé." in rendered.text


def test_a_recovery_survey_is_mentioned_on_the_ticket():
    rendered = staff_texts.render_ticket_update(
        language="en", answered=answered(score=9), previous_score=2, is_recovery_survey=True
    )
    assert "The customer was surveyed again after the ticket was solved." in rendered.text
    assert "from 2 to 9" in rendered.text
    assert "no longer a detractor" in rendered.text


@pytest.mark.parametrize(
    ("language", "subject", "ending"),
    [
        (
            "en",
            "Exemple SA: Connection crm is paused",
            (
                "Finding: credentials-refused (explained in docs/findings.md)\n\n"
                "This notice comes from the survey system at https://nps.example.com\n"
            ),
        ),
        (
            "fr",
            "Exemple SA\u00a0: Connection crm is paused",
            (
                "Constat\u00a0: credentials-refused (expliqué dans docs/findings.md)\n\n"
                "Ce message vient du système d’enquêtes à l’adresse https://nps.example.com\n"
            ),
        ),
    ],
)
def test_a_notice_names_company_finding_and_installation(language, subject, ending):
    rendered = staff_texts.render_notice(
        language=language,
        company="Exemple SA",
        url="https://nps.example.com",
        problem="Connection crm is paused. To resume: x",
        finding="credentials-refused",
    )
    assert rendered.subject == subject
    assert rendered.text == f"Connection crm is paused. To resume: x\n\n{ending}"
