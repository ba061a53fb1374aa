"""The survey page; opening it confirms nothing."""

import re

import pytest

from nps_connect.records.pages import FollowUpQuestion


def test_the_page_has_eleven_submit_buttons(client, backend, read_form):
    response = client.get("/s/marie")
    form = read_form(response.text)
    assert response.status_code == 200
    assert form.scores == [str(score) for score in range(11)]
    assert all(button["type"] == "submit" for button in form.buttons)
    assert form.sends == []
    assert "Quelle est la probabilité que vous recommandiez Exemple SA" in response.text
    assert backend.responses == []


def test_a_score_in_the_link_preselects_and_confirms_nothing(client, backend, read_form):
    response = client.get("/s/marie?score=9")
    form = read_form(response.text)
    assert form.chosen == ["9"]
    assert form.sends == ["9"]
    assert "Envoyer ma réponse\u00a0: 9" in response.text
    assert backend.responses == []
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
def test_an_invalid_score_preselects_nothing(client, backend, query, read_form):
    response = client.get(f"/s/marie?{query}")
    assert response.status_code == 200
    assert read_form(response.text).chosen == []
    assert backend.visits[-1].score is None


def test_enter_in_a_field_activates_a_button_that_submits_nothing(client, read_form):
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


def test_a_detractor_sees_help_before_the_review_link(client):
    page = client.post("/s/paul", data={"score": "6"}).text
    assert page.index("Contact our team") < page.index("Would you share your experience?")
    assert "Contact our team" not in client.post("/s/marie", data={"score": "7"}).text


def test_a_promoter_sees_the_review_link_first(client):
    page = client.post("/s/paul", data={"score": "9"}).text
    assert page.index("Would you share your experience?") < page.index("Would you like to add something?")


def test_an_expired_survey_shows_the_help_address(client):
    assert "care@example.com" in client.get("/s/late").text


def test_the_language_can_be_switched_and_keeps_the_score(client, backend):
    page = client.get("/s/marie?score=9&lang=en")
    assert 'lang="en"' in page.text
    assert "How likely are you to recommend Exemple SA" in page.text
    assert 'name="switch_language" value="fr" formaction="./marie?lang=fr&amp;score=9"' in page.text
    assert backend.visits[-1].language == "en"
    assert client.post("/s/marie", data={"score": "9", "lang": "en"}).text.count("Thank you!") == 2
    assert backend.responses[-1].language == "en"


def test_switching_the_language_keeps_the_typed_text_and_submits_nothing(client, backend):
    backend.follow_ups = (FollowUpQuestion(name="reason", question="Pourquoi", segments=("detractor",)),)
    typed = {"lang": "fr", "comment": "Trop <lent>", "do_not_contact": "1", "asked.reason": "Le délai"}
    page = client.post("/s/marie?lang=en&score=2", data={**typed, "switch_language": "en"}).text
    assert '<html lang="en"' in page
    assert "Trop &lt;lent&gt;</textarea>" in page
    assert "Le délai</textarea>" in page
    assert 'name="do_not_contact" value="1" checked' in page
    assert "Send my answer: 2" in page
    assert backend.responses == []
    assert backend.visits[-1].score is None


def test_an_invalid_score_keeps_the_comment(client, backend):
    page = client.post("/s/marie", data={"score": "11", "comment": "Trop lent"})
    assert (page.status_code, "Trop lent</textarea>" in page.text) == (422, True)


def test_conflicting_scores_are_explained(client, backend):
    backend.provisional = backend.conflicting = True
    page = client.post("/s/paul", data={"score": "2"}).text
    assert "neither counts yet" in page


@pytest.mark.parametrize("language", ["xx", "", "fr' onload", "%00", "../../en"])
def test_an_unknown_language_is_ignored(client, language):
    assert '<html lang="fr"' in client.get(f"/s/marie?lang={language}").text


def test_the_surveys_own_question_keeps_its_language(client, backend):
    backend.question = "Et <notre> atelier ?"
    page = client.get("/s/marie").text
    assert '<h1 lang="fr">Et &lt;notre&gt; atelier\u202f?</h1>' in page


def test_an_unknown_visitor_gets_the_browsers_language(client):
    assert '<html lang="en"' in client.get("/s/nobody", headers={"accept-language": "de, en-GB;q=0.8, fr;q=0.5"}).text
    assert '<html lang="fr"' in client.get("/s/nobody", headers={"accept-language": "de"}).text


def test_every_label_and_description_refers_to_an_element(client, read_form):
    for response in (
        client.get("/s/marie?score=2"),
        client.post("/s/marie", data={"score": "2"}),
        client.get("/s/marie"),
    ):
        form = read_form(response.text)
        assert set(form.references) <= set(form.ids)
        assert len(form.ids) == len(set(form.ids))
