"""What the survey page takes: a press is an answer, and nothing sent here gives a server error."""

from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FORM = "application/x-www-form-urlencoded"


def test_a_pressed_score_is_an_answer(client, backend):
    answer = client.post("/s/marie", data={"score": "9", "comment": "Très bien", "lang": "fr"})
    assert answer.status_code == 200
    given = backend.answers[0]
    assert (given.score, given.comment, given.sent, given.do_not_contact, given.language) == (
        9,
        "Très bien",
        False,
        False,
        "fr",
    )
    assert "Nous avons bien reçu votre note\u00a0: 9\u00a0sur\u00a010." in answer.text


def test_the_send_button_carries_the_score_that_it_names(client, backend):
    client.post("/s/marie", data={"send": "3", "comment": "", "lang": "fr", "do_not_contact": "1"})
    given = backend.answers[0]
    assert (given.score, given.comment, given.sent, given.do_not_contact) == (3, None, True, True)


def test_a_score_beside_send_is_sent_too(client, backend):
    client.post("/s/marie", data={"score": "3", "send": "3"})
    assert (backend.answers[0].score, backend.answers[0].sent) == (3, True)


@pytest.mark.parametrize(
    "body",
    [
        "score=11", "score=-1", "score=9.5", "score=9%20", "score=%209", "score=", "score=nine", "score=%D9%A9", "score=1e1",
        "score=9&score=8", "score%5B%5D=9", "score=%5B9%5D", "score=9%00", "score=%FF", "comment=x", "", "send=", "send=12",
        "&".join(f"a{number}=1" for number in range(60)), "%", "=&=&",
    ],
)  # fmt: skip
def test_anything_but_a_score_is_refused_kindly(client, backend, body, read_form):
    answer = client.post("/s/marie", content=body, headers={"content-type": FORM})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert len(read_form(answer.text).scores) == 11
    assert backend.answers == []


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b'{"score": [9]}', "application/json"),
        (b"\x00\xff" * 100, FORM),
        (b"", "multipart/form-data; boundary=x"),
        (b"[]", ""),
    ],
)
def test_other_bodies_are_refused_kindly(client, backend, content, content_type):
    assert client.post("/s/marie", content=content, headers={"content-type": content_type}).status_code == 422
    assert backend.answers == []


def test_a_comment_of_a_megabyte_is_cut(client, backend):
    assert client.post("/s/marie", data={"score": "5", "comment": "é" * 500_000}).status_code == 200
    assert backend.answers[0].comment == "é" * 5000


def test_a_form_beyond_the_limit_is_refused_kindly(client, backend):
    answer = client.post("/s/marie", data={"score": "5", "comment": "x" * 5_000_000})
    assert answer.status_code == 413
    assert "<h1>" in answer.text
    assert backend.answers == []


def test_a_comment_loses_control_characters_and_direction_tricks_only(client, backend):
    client.post("/s/marie", data={"score": "5", "comment": "a\x00b\u202ec <b>&amp;</b>\r\nd"})
    assert backend.answers[0].comment == "abc <b>&amp;</b>\nd"


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

    return quote(text, safe="", errors="replace")


def test_an_answer_leads_to_a_page_that_can_be_reloaded(client):
    answer = client.post("/s/marie", data={"score": "9", "lang": "en"}, follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"] == "./marie?lang=en&more=1"
    assert answer.headers["cache-control"] == "no-store"
    answer = client.post("/s/marie", data={"send": "9", "lang": "en"}, follow_redirects=False)
    assert answer.headers["location"] == "./marie?lang=en"


def test_an_answer_in_doubt_is_asked_again(client, backend):
    backend.provisional = True
    page = client.post("/s/marie", data={"score": "9", "lang": "en"}).text
    assert "You chose 9. Send your answer, or choose another score." in page


def test_the_same_answer_twice_gives_the_same_page(client):
    first = client.post("/s/marie", data={"score": "9", "lang": "fr"})
    second = client.post("/s/marie", data={"score": "9", "lang": "fr"})
    assert first.text == second.text


def test_the_answer_can_be_changed_until_the_link_expires(client, backend, read_form):
    client.post("/s/marie", data={"score": "9"})
    page = client.get("/s/marie?score=4")
    assert "Vous avez maintenant choisi 4." in page.text
    assert read_form(page.text).sends == ["4"]
    client.post("/s/marie", data={"send": "4"})
    assert [answer.score for answer in backend.answers] == [9, 4]


def test_the_wish_not_to_be_contacted_stays_ticked(client, backend, read_form):
    client.post("/s/marie", data={"score": "2", "do_not_contact": "1"})
    ticks = [field for field in read_form(client.get("/s/marie").text).fields if field.get("name") == "do_not_contact"]
    assert all("checked" in tick for tick in ticks)


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
def test_a_form_of_another_site_is_refused_kindly(client, backend, headers):
    answer = client.post("/s/marie", data={"score": "0"}, headers=headers)
    assert answer.status_code == 403
    assert 'href="./marie"' in answer.text
    assert backend.answers == []


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
def test_a_form_of_our_own_page_is_taken(client, backend, headers):
    assert client.post("/s/marie", data={"score": "0"}, headers=headers).status_code == 200
    assert len(backend.answers) == 1
