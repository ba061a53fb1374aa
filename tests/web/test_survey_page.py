"""The survey page: opening confirms nothing, a press does, nothing sent here gives a server error."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FORM = "application/x-www-form-urlencoded"


class Form(HTMLParser):
    """The buttons and fields of a page."""

    def __init__(self, html):
        super().__init__()
        self.buttons, self.fields, self.ids, self.references = [], [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        at = dict(attrs)
        if tag == "button":
            self.buttons.append(at)
        if tag in {"input", "textarea"}:
            self.fields.append(at)
        self.ids += [at["id"]] if "id" in at else []
        for name in ("for", "aria-describedby", "aria-labelledby"):
            self.references += [at[name]] if name in at else []

    @property
    def scores(self):
        return [button["value"] for button in self.buttons if button.get("name") == "score"]

    @property
    def chosen(self):
        return [button["value"] for button in self.buttons if "aria-current" in button]

    @property
    def sends(self):
        return [button["value"] for button in self.buttons if button.get("name") == "send"]


def test_the_page_asks_with_eleven_buttons_that_send_the_form(client, doors):
    answer = client.get("/s/marie")
    form = Form(answer.text)
    assert answer.status_code == 200
    assert form.scores == [str(score) for score in range(11)]
    assert all(button["type"] == "submit" for button in form.buttons)
    assert form.sends == []
    assert "Quelle est la probabilité que vous recommandiez Exemple SA" in answer.text
    assert doors.answers == []


def test_a_score_in_the_link_preselects_and_confirms_nothing(client, doors):
    answer = client.get("/s/marie?score=9")
    form = Form(answer.text)
    assert form.chosen == ["9"]
    assert form.sends == ["9"]
    assert "Envoyer ma réponse\u00a0: 9" in answer.text
    assert doors.answers == []
    assert doors.visits[-1].score == 9


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
def test_a_score_that_is_none_preselects_nothing(client, doors, query):
    answer = client.get(f"/s/marie?{query}")
    assert answer.status_code == 200
    assert Form(answer.text).chosen == []
    assert doors.visits[-1].score is None


def test_the_first_button_does_nothing_so_that_enter_in_a_field_sends_nothing(client):
    for url in ("/s/marie", "/s/marie?score=9"):
        first = Form(client.get(url).text).buttons[0]
        assert (first["form"], first["formmethod"]) == ("answer", "dialog")


@pytest.mark.parametrize(
    ("score", "placeholder"),
    [
        (10, "What did you like best?"),
        (8, "What could we do better?"),
        (6, "What went wrong, and what should we put right?"),
    ],
)
def test_the_placeholder_follows_the_score(client, score, placeholder):
    page = client.get(f"/s/paul?score={score}").text
    assert Form(page).fields[1]["placeholder"] == placeholder


def test_a_pressed_score_is_an_answer(client, doors):
    answer = client.post("/s/marie", data={"score": "9", "comment": "Très bien", "lang": "fr"})
    assert answer.status_code == 200
    given = doors.answers[0]
    assert (given.score, given.comment, given.sent, given.do_not_contact, given.language) == (
        9,
        "Très bien",
        False,
        False,
        "fr",
    )
    assert "Nous avons bien reçu votre note\u00a0: 9\u00a0sur\u00a010." in answer.text


def test_the_send_button_carries_the_score_that_it_names(client, doors):
    client.post("/s/marie", data={"send": "3", "comment": "", "lang": "fr", "do_not_contact": "1"})
    given = doors.answers[0]
    assert (given.score, given.comment, given.sent, given.do_not_contact) == (3, None, True, True)


def test_a_score_beside_send_is_sent_too(client, doors):
    client.post("/s/marie", data={"score": "3", "send": "3"})
    assert (doors.answers[0].score, doors.answers[0].sent) == (3, True)


@pytest.mark.parametrize(
    "body",
    [
        "score=11", "score=-1", "score=9.5", "score=9%20", "score=%209", "score=", "score=nine", "score=%D9%A9", "score=1e1",
        "score=9&score=8", "score%5B%5D=9", "score=%5B9%5D", "score=9%00", "score=%FF", "comment=x", "", "send=", "send=12",
        "&".join(f"a{number}=1" for number in range(60)), "%", "=&=&",
    ],
)  # fmt: skip
def test_anything_but_a_score_is_refused_kindly(client, doors, body):
    answer = client.post("/s/marie", content=body, headers={"content-type": FORM})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert len(Form(answer.text).scores) == 11
    assert doors.answers == []


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b'{"score": [9]}', "application/json"),
        (b"\x00\xff" * 100, FORM),
        (b"", "multipart/form-data; boundary=x"),
        (b"[]", ""),
    ],
)
def test_other_bodies_are_refused_kindly(client, doors, content, content_type):
    assert client.post("/s/marie", content=content, headers={"content-type": content_type}).status_code == 422
    assert doors.answers == []


def test_a_comment_of_a_megabyte_is_cut(client, doors):
    assert client.post("/s/marie", data={"score": "5", "comment": "é" * 500_000}).status_code == 200
    assert doors.answers[0].comment == "é" * 5000


def test_a_form_beyond_the_limit_is_refused_kindly(client, doors):
    answer = client.post("/s/marie", data={"score": "5", "comment": "x" * 5_000_000})
    assert answer.status_code == 413
    assert "<h1>" in answer.text
    assert doors.answers == []


def test_a_comment_loses_control_characters_and_direction_tricks_only(client, doors):
    client.post("/s/marie", data={"score": "5", "comment": "a\x00b\u202ec <b>&amp;</b>\r\nd"})
    assert doors.answers[0].comment == "abc <b>&amp;</b>\nd"


def test_no_comment_is_ever_shown(client):
    page = client.post("/s/marie", data={"send": "5", "comment": "my secret words"}).text
    assert "secret" not in page
    assert "secret" not in client.get("/s/marie").text
    assert "Un nouveau commentaire remplace le précédent." in client.get("/s/marie").text


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(body=st.binary(max_size=300), query=st.text(max_size=30), token=st.text(min_size=1, max_size=30))
def test_nothing_sent_to_the_page_gives_a_server_error(client, body, query, token):
    assert client.post("/s/marie", content=body, params={"score": query, "lang": query}).status_code in {200, 422}
    for path in (f"/s/{quoted(token)}", f"/u/{quoted(token)}", f"/r/{quoted(token)}"):
        assert client.get(path, params={"score": query, "lang": query}).status_code in {200, 303, 404, 405}
        assert client.post(path, content=body).status_code in {200, 404, 405, 422}


def quoted(text):
    from urllib.parse import quote

    return quote(text, safe="", errors="replace")


def test_an_answer_leads_to_a_page_that_can_be_reloaded(client):
    answer = client.post("/s/marie", data={"score": "9", "lang": "en"}, follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"] == "./marie?lang=en&more=1"
    assert answer.headers["cache-control"] == "no-store"
    answer = client.post("/s/marie", data={"send": "9", "lang": "en"}, follow_redirects=False)
    assert answer.headers["location"] == "./marie?lang=en"


def test_an_answer_in_doubt_is_asked_again(client, doors):
    doors.provisional = True
    page = client.post("/s/marie", data={"score": "9", "lang": "en"}).text
    assert "You chose 9. Send your answer, or press another score." in page


def test_the_same_answer_twice_gives_the_same_page(client):
    first = client.post("/s/marie", data={"score": "9", "lang": "fr"})
    second = client.post("/s/marie", data={"score": "9", "lang": "fr"})
    assert first.text == second.text


def test_the_answer_can_be_changed_until_the_link_expires(client, doors):
    client.post("/s/marie", data={"score": "9"})
    page = client.get("/s/marie?score=4")
    assert "Vous avez maintenant choisi 4." in page.text
    assert Form(page.text).sends == ["4"]
    client.post("/s/marie", data={"send": "4"})
    assert [answer.score for answer in doors.answers] == [9, 4]


def test_an_answered_page_shows_its_score_and_opens_the_form_on_request(client):
    client.post("/s/marie", data={"score": "9"})
    page = client.get("/s/marie").text
    assert Form(page).chosen == ["9"]
    assert "<summary>Modifier ma réponse</summary>" in page


def test_the_wish_not_to_be_contacted_stays_ticked(client, doors):
    client.post("/s/marie", data={"score": "2", "do_not_contact": "1"})
    ticks = [field for field in Form(client.get("/s/marie").text).fields if field.get("name") == "do_not_contact"]
    assert all("checked" in tick for tick in ticks)


@pytest.mark.parametrize("score", range(11))
def test_every_score_is_shown_the_same_review_links(client, score):
    page = client.post("/s/marie", data={"score": str(score)}).text
    assert re.findall(r'href="([^"]*/r/[^"]*)"', page) == ["http://testserver/r/review"]


def test_a_detractor_reads_of_help_before_the_review_link(client):
    page = client.post("/s/paul", data={"score": "6"}).text
    assert page.index("Speak to a person") < page.index("Would you tell others?")
    assert "Speak to a person" not in client.post("/s/marie", data={"score": "7"}).text


def test_a_promoter_reads_of_the_review_link_first(client):
    page = client.post("/s/paul", data={"score": "9"}).text
    assert page.index("Would you tell others?") < page.index("Would you like to add something?")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize(("token", "status"), [("late", 410), ("nobody", 404), ("x" * 5000, 404), ("%00", 404)])
def test_dead_links_are_told_kindly_and_without_a_hint(client, doors, method, token, status):
    answer = client.request(method, f"/s/{token}", data={"score": "9"} if method == "POST" else None)
    assert answer.status_code == status
    assert doors.answers == []
    if method != "HEAD":
        assert "<h1>" in answer.text
        assert Form(answer.text).scores == []


def test_an_expired_survey_still_names_a_person(client):
    assert "care@example.com" in client.get("/s/late").text


def test_head_is_answered_without_a_page_and_noted_as_such(client, doors):
    answer = client.request("HEAD", "/s/marie?score=2")
    assert answer.status_code == 200
    assert answer.content == b""
    assert doors.visits[-1].method == "HEAD"


def test_a_visit_is_noted_without_the_whole_address(client, doors):
    client.get("/s/marie?score=2", headers={"user-agent": "A\tB" + "x" * 500})
    visit = doors.visits[-1]
    assert visit.address == "203.0.113.0/24"
    assert len(visit.agent) == 200
    assert visit.agent.startswith("A B")


def test_the_language_can_be_switched_and_keeps_the_score(client, doors):
    page = client.get("/s/marie?score=9&lang=en")
    assert 'lang="en"' in page.text
    assert "How likely are you to recommend Exemple SA" in page.text
    assert "./marie?lang=fr&amp;score=9" in page.text
    assert doors.visits[-1].language == "en"
    assert client.post("/s/marie", data={"score": "9", "lang": "en"}).text.count("Thank you!") == 2
    assert doors.answers[-1].language == "en"


@pytest.mark.parametrize("wish", ["xx", "", "fr' onload", "%00", "../../en"])
def test_an_unknown_language_is_passed_over(client, wish):
    assert '<html lang="fr"' in client.get(f"/s/marie?lang={wish}").text


def test_the_surveys_own_question_keeps_its_language(client, doors):
    doors.question = "Et <notre> atelier ?"
    page = client.get("/s/marie").text
    assert '<h1 lang="fr">Et &lt;notre&gt; atelier ?</h1>' in page


def test_a_stranger_is_answered_in_the_browsers_language(client):
    assert '<html lang="en"' in client.get("/s/nobody", headers={"accept-language": "de, en-GB;q=0.8, fr;q=0.5"}).text
    assert '<html lang="fr"' in client.get("/s/nobody", headers={"accept-language": "de"}).text


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site", "origin": "https://evil.example.com"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example.com"},
        {"origin": "http://testserver.evil.example.com"},
        {"origin": "garbage"},
    ],
)
def test_a_form_of_another_site_is_refused_kindly(client, doors, headers):
    answer = client.post("/s/marie", data={"score": "0"}, headers=headers)
    assert answer.status_code == 403
    assert 'href="./marie"' in answer.text
    assert doors.answers == []


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec-fetch-site": "same-origin", "origin": "null"},
        {"sec-fetch-site": "none"},
        {"origin": "null"},
        {"origin": "http://testserver"},
    ],
)
def test_a_form_of_our_own_page_is_taken(client, doors, headers):
    assert client.post("/s/marie", data={"score": "0"}, headers=headers).status_code == 200
    assert len(doors.answers) == 1


@pytest.mark.parametrize("url", ["/s/marie", "/s/marie?score=9", "/s/late", "/s/nobody", "/u/stop", "/nothing"])
def test_every_page_is_private_closed_and_light(client, url):
    answer = client.get(url)
    headers = answer.headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert "noindex" in headers["x-robots-tag"]
    assert "set-cookie" not in headers
    assert len(answer.content) < 30_000
    assert not re.search(r'\ssrc=|<link|style="|\son\w+="', answer.text)


def test_the_policy_allows_exactly_the_style_and_the_script_of_the_page(client):
    import base64
    import hashlib

    answer = client.get("/s/marie")
    for tag in ("style", "script"):
        inline = re.findall(f"<{tag}>(.*?)</{tag}>", answer.text, re.DOTALL)
        assert len(inline) == 1
        digest = base64.b64encode(hashlib.sha256(inline[0].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in answer.headers["content-security-policy"]


def test_every_label_and_description_points_to_something(client):
    for answer in (
        client.get("/s/marie?score=2"),
        client.post("/s/marie", data={"score": "2"}),
        client.get("/s/marie"),
    ):
        form = Form(answer.text)
        assert set(form.references) <= set(form.ids)
        assert len(form.ids) == len(set(form.ids))


def test_the_companys_name_is_escaped(client, doors):
    doors.company = "Fish & <Chips>"
    assert "<Chips>" not in client.get("/s/paul").text
