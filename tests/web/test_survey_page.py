"""What the survey page shows; opening it confirms nothing."""

import re

import pytest

from nps_connect.records.pages import FollowUpQuestion


def test_the_page_asks_with_eleven_buttons_that_send_the_form(client, backend, read_form):
    answer = client.get("/s/marie")
    form = read_form(answer.text)
    assert answer.status_code == 200
    assert form.scores == [str(score) for score in range(11)]
    assert all(button["type"] == "submit" for button in form.buttons)
    assert form.sends == []
    assert "Quelle est la probabilité que vous recommandiez Exemple SA" in answer.text
    assert backend.answers == []


def test_a_score_in_the_link_preselects_and_confirms_nothing(client, backend, read_form):
    answer = client.get("/s/marie?score=9")
    form = read_form(answer.text)
    assert form.chosen == ["9"]
    assert form.sends == ["9"]
    assert "Envoyer ma réponse\u00a0: 9" in answer.text
    assert backend.answers == []
    assert backend.visits[-1].score == 9


@pytest.mark.parametrize(
    "query",
    [
        "score=11",
        "score=-1",
        "score=",
        "score=9.5",
        "score=9%20",
        "score=%D9%A9",
        "score=1&score=2",
        "score[]=9",
        "score=%00",
    ],
)
def test_a_score_that_is_none_preselects_nothing(client, backend, query, read_form):
    answer = client.get(f"/s/marie?{query}")
    assert answer.status_code == 200
    assert read_form(answer.text).chosen == []
    assert backend.visits[-1].score is None


def test_the_first_button_does_nothing_so_that_enter_in_a_field_sends_nothing(client, read_form):
    for url in ("/s/marie", "/s/marie?score=9"):
        first = read_form(client.get(url).text).buttons[0]
        assert (first["form"], first["formmethod"]) == ("answer", "dialog")


@pytest.mark.parametrize(
    ("score", "placeholder"),
    [
        (10, "What did you like best?"),
        (8, "What could we do better?"),
        (6, "What went wrong, and how could we improve?"),
    ],
)
def test_the_placeholder_follows_the_score(client, score, placeholder, read_form):
    page = client.get(f"/s/paul?score={score}").text
    assert read_form(page).fields[1]["placeholder"] == placeholder


def test_an_answered_page_shows_its_score_and_opens_the_form_on_request(client, read_form):
    client.post("/s/marie", data={"score": "9"})
    page = client.get("/s/marie").text
    assert read_form(page).chosen == ["9"]
    assert "<summary>Modifier ma réponse</summary>" in page


@pytest.mark.parametrize("score", range(11))
def test_every_score_is_shown_the_same_review_links(client, score):
    page = client.post("/s/marie", data={"score": str(score)}).text
    assert re.findall(r'href="([^"]*/r/[^"]*)"', page) == ["http://testserver/r/review"]


def test_a_detractor_reads_of_help_before_the_review_link(client):
    page = client.post("/s/paul", data={"score": "6"}).text
    assert page.index("Contact our team") < page.index("Would you share your experience?")
    assert "Contact our team" not in client.post("/s/marie", data={"score": "7"}).text


def test_a_promoter_reads_of_the_review_link_first(client):
    page = client.post("/s/paul", data={"score": "9"}).text
    assert page.index("Would you share your experience?") < page.index("Would you like to add something?")


def test_an_expired_survey_still_names_a_person(client):
    assert "care@example.com" in client.get("/s/late").text


def test_the_language_can_be_switched_and_keeps_the_score(client, backend):
    page = client.get("/s/marie?score=9&lang=en")
    assert 'lang="en"' in page.text
    assert "How likely are you to recommend Exemple SA" in page.text
    assert 'name="switch_language" value="fr" formaction="./marie?lang=fr&amp;score=9"' in page.text
    assert backend.visits[-1].language == "en"
    assert client.post("/s/marie", data={"score": "9", "lang": "en"}).text.count("Thank you!") == 2
    assert backend.answers[-1].language == "en"


def test_another_language_keeps_what_was_typed_and_sends_nothing(client, backend):
    backend.follow_ups = (FollowUpQuestion(name="reason", question="Pourquoi", segments=("detractor",)),)
    typed = {"lang": "fr", "comment": "Trop <lent>", "do_not_contact": "1", "asked.reason": "Le délai"}
    page = client.post("/s/marie?lang=en&score=2", data={**typed, "switch_language": "en"}).text
    assert '<html lang="en"' in page
    assert "Trop &lt;lent&gt;</textarea>" in page
    assert "Le délai</textarea>" in page
    assert 'name="do_not_contact" value="1" checked' in page
    assert "Send my answer: 2" in page
    assert backend.answers == []
    assert backend.visits[-1].score is None


def test_what_was_no_score_does_not_cost_the_comment(client, backend):
    page = client.post("/s/marie", data={"score": "11", "comment": "Trop lent"})
    assert (page.status_code, "Trop lent</textarea>" in page.text) == (422, True)


def test_who_pressed_two_scores_at_once_is_told_why_none_counts(client, backend):
    backend.provisional = backend.conflicting = True
    page = client.post("/s/paul", data={"score": "2"}).text
    assert "neither counts yet" in page


@pytest.mark.parametrize("wish", ["xx", "", "fr' onload", "%00", "../../en"])
def test_an_unknown_language_is_passed_over(client, wish):
    assert '<html lang="fr"' in client.get(f"/s/marie?lang={wish}").text


def test_the_surveys_own_question_keeps_its_language(client, backend):
    backend.question = "Et <notre> atelier ?"
    page = client.get("/s/marie").text
    assert '<h1 lang="fr">Et &lt;notre&gt; atelier\u202f?</h1>' in page


def test_a_stranger_is_answered_in_the_browsers_language(client):
    assert '<html lang="en"' in client.get("/s/nobody", headers={"accept-language": "de, en-GB;q=0.8, fr;q=0.5"}).text
    assert '<html lang="fr"' in client.get("/s/nobody", headers={"accept-language": "de"}).text


def test_every_label_and_description_points_to_something(client, read_form):
    for answer in (
        client.get("/s/marie?score=2"),
        client.post("/s/marie", data={"score": "2"}),
        client.get("/s/marie"),
    ):
        form = read_form(answer.text)
        assert set(form.references) <= set(form.ids)
        assert len(form.ids) == len(set(form.ids))
