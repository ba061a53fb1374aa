"""Submissions to the survey page; no input causes a server error."""

import threading
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nps_connect.web.forms import parse_form

FORM = "application/x-www-form-urlencoded"


def test_a_score_button_submits_a_response(client, backend):
    response = client.post("/s/marie", data={"score": "9", "comment": "Très bien", "lang": "fr"})
    assert response.status_code == 200
    given = backend.responses[0]
    assert (given.score, given.comment, given.sent, given.do_not_contact, given.language) == (
        9,
        "Très bien",
        False,
        False,
        "fr",
    )
    assert "Nous avons bien reçu votre note\u00a0: 9\u00a0sur\u00a010." in response.text


def test_the_send_button_submits_the_score_in_its_label(client, backend):
    client.post("/s/marie", data={"send": "3", "comment": "", "lang": "fr", "do_not_contact": "1"})
    given = backend.responses[0]
    assert (given.score, given.comment, given.sent, given.do_not_contact) == (3, None, True, True)


def test_score_and_send_together_are_accepted(client, backend):
    client.post("/s/marie", data={"score": "3", "send": "3"})
    assert (backend.responses[0].score, backend.responses[0].sent) == (3, True)


@pytest.mark.parametrize(
    "body",
    [
        "score=11", "score=-1", "score=9.5", "score=9%20", "score=%209", "score=", "score=nine", "score=%D9%A9", "score=1e1",
        "score=9&score=8", "score%5B%5D=9", "score=%5B9%5D", "score=9%00", "score=%FF", "comment=x", "", "send=", "send=12",
        "&".join(f"a{number}=1" for number in range(60)), "%", "=&=&",
    ],
)  # fmt: skip
def test_an_invalid_score_is_refused_with_a_page(client, backend, body, read_form):
    response = client.post("/s/marie", content=body, headers={"content-type": FORM})
    assert response.status_code == 422
    assert 'role="alert"' in response.text
    assert len(read_form(response.text).scores) == 11
    assert backend.responses == []


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b'{"score": [9]}', "application/json"),
        (b"\x00\xff" * 100, FORM),
        (b"", "multipart/form-data; boundary=x"),
        (b"[]", ""),
    ],
)
def test_other_bodies_are_refused_with_a_page(client, backend, content, content_type):
    assert client.post("/s/marie", content=content, headers={"content-type": content_type}).status_code == 422
    assert backend.responses == []


def test_a_long_comment_is_truncated(client, backend):
    assert client.post("/s/marie", data={"score": "5", "comment": "é" * 20_000}).status_code == 200
    assert backend.responses[0].comment == "é" * 5000


def test_a_form_of_up_to_128_kib_is_accepted_and_a_larger_one_refused_with_a_page(client, backend):
    form = b"score=5&comment="
    assert client.post("/s/marie", content=form + b"x" * (128 * 1024 - len(form))).status_code == 200
    backend.responses.clear()
    response = client.post("/s/marie", content=form + b"x" * (128 * 1024 + 1 - len(form)))
    assert response.status_code == 413
    assert "<h1>" in response.text
    assert backend.responses == []


@pytest.mark.parametrize(("size", "is_parsed_by_the_loop"), [(16 * 1024, True), (16 * 1024 + 1, False)])
def test_a_form_over_16_kib_is_parsed_in_a_thread(client, monkeypatch, size, is_parsed_by_the_loop):
    threads = []

    def parse(body):
        threads.append(threading.current_thread())
        return parse_form(body)

    monkeypatch.setattr("nps_connect.web.survey.parse_form", parse)
    client.post("/s/marie", content=b"score=5&comment=".ljust(size, b"x"))
    assert [thread is threading.current_thread() for thread in threads] == [is_parsed_by_the_loop]


def test_the_token_is_checked_before_the_form_is_read(client):
    async def never():
        raise AssertionError("the form was read")
        yield b""

    assert client.post("/s/nobody", content=never()).status_code == 404


def test_a_comment_loses_only_control_and_direction_characters(client, backend):
    client.post("/s/marie", data={"score": "5", "comment": "a\x00b\u202ec <b>&amp;</b>\r\nd"})
    assert backend.responses[0].comment == "abc <b>&amp;</b>\nd"


def test_a_stored_comment_is_never_shown(client):
    page = client.post("/s/marie", data={"send": "5", "comment": "my secret words"}).text
    assert "secret" not in page
    assert "secret" not in client.get("/s/marie").text
    assert "Un nouveau commentaire remplace le précédent." in client.get("/s/marie").text


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(body=st.binary(max_size=300), query=st.text(max_size=30), token=st.text(min_size=1, max_size=30))
def test_arbitrary_input_never_causes_a_server_error(client, body, query, token):
    assert client.post("/s/marie", content=body, params={"score": query, "lang": query}).status_code in {200, 422}
    for path in (f"/s/{quoted(token)}", f"/u/{quoted(token)}", f"/r/{quoted(token)}"):
        assert client.get(path, params={"score": query, "lang": query}).status_code in {200, 303, 404, 405}
        assert client.post(path, content=body).status_code in {200, 404, 405, 422}


def quoted(text):

    return quote(text, safe="", errors="replace")


def test_a_submission_redirects_to_a_page_that_can_be_reloaded(client):
    response = client.post("/s/marie", data={"score": "9", "lang": "en"}, follow_redirects=False)
    assert response.status_code == 303
    assert response.headers["location"] == "./marie?lang=en&more=1"
    assert response.headers["cache-control"] == "no-store"
    response = client.post("/s/marie", data={"send": "9", "lang": "en"}, follow_redirects=False)
    assert response.headers["location"] == "./marie?lang=en"


def test_a_provisional_response_is_asked_to_be_confirmed(client, backend):
    backend.provisional = True
    page = client.post("/s/marie", data={"score": "9", "lang": "en"}).text
    assert "You chose 9. Send your answer, or choose another score." in page


def test_a_repeated_submission_shows_the_same_page(client):
    first = client.post("/s/marie", data={"score": "9", "lang": "fr"})
    second = client.post("/s/marie", data={"score": "9", "lang": "fr"})
    assert first.text == second.text


def test_a_response_can_be_changed(client, backend, read_form):
    client.post("/s/marie", data={"score": "9"})
    page = client.get("/s/marie?score=4")
    assert "Vous avez maintenant choisi 4." in page.text
    assert read_form(page.text).sends == ["4"]
    client.post("/s/marie", data={"send": "4"})
    assert [response.score for response in backend.responses] == [9, 4]


def test_do_not_contact_stays_ticked(client, backend, read_form):
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
        {"origin": "//testserver"},
        [("origin", "http://testserver"), ("origin", "https://evil.example.com")],
        {"origin": "http://["},
    ],
)
def test_a_cross_site_form_is_refused_with_a_link_to_the_page(client, backend, headers):
    response = client.post("/s/marie", data={"score": "0"}, headers=headers)
    assert response.status_code == 403
    assert 'href="./marie"' in response.text
    assert backend.responses == []


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
def test_a_same_origin_form_is_accepted(client, backend, headers):
    assert client.post("/s/marie", data={"score": "0"}, headers=headers).status_code == 200
    assert len(backend.responses) == 1
