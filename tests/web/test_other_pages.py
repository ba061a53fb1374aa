"""Unsubscribe, review links, health, and what happens when something breaks."""

import logging

import pytest

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_opening_the_unsubscribe_link_changes_nothing(client, backend, method):
    assert client.request(method, "/u/stop").status_code == 200
    assert backend.unsubscribed == []


def test_the_unsubscribe_page_shows_whom_it_is_about_and_a_button(client):
    page = client.get("/u/stop").text
    assert "m…e@example.com" in page
    assert '<form method="post"' in page


@pytest.mark.parametrize(
    "body",
    [
        {"data": ONE_CLICK},
        {"files": {"List-Unsubscribe": (None, "One-Click")}},
        {"content": b""},
        {"content": b"\xff" * 9},
    ],
)
def test_one_click_stops_the_mails_without_redirect_or_cookie(client, backend, body):
    answer = client.post("/u/stop", follow_redirects=False, **body)
    assert answer.status_code == 200
    assert backend.unsubscribed == ["stop"]
    assert "set-cookie" not in answer.headers
    assert "Vous ne recevrez plus ces messages" in answer.text


def test_one_click_may_come_from_anywhere(client, backend):
    headers = {"origin": "https://mail.example.com", "sec-fetch-site": "cross-site"}
    assert client.post("/u/stop", data=ONE_CLICK, headers=headers).status_code == 200
    assert backend.unsubscribed == ["stop"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_an_unknown_unsubscribe_link_is_told_kindly(client, backend, method):
    assert client.request(method, "/u/other").status_code == 404
    assert backend.unsubscribed == []


def test_the_unsubscribe_page_speaks_english_too(client):
    assert "Unsubscribe from our surveys?" in client.get("/u/stop?lang=en").text


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_review_link_leads_to_the_platform(client, backend, method):
    answer = client.request(method, "/r/review", follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"] == "https://reviews.example.com/write?place=1"
    assert answer.headers["cache-control"] == "no-store"
    assert backend.visits[-1].method == method


@pytest.mark.parametrize("target", ["javascript:alert(1)", "//evil.example.com", "ftp://example.com"])
def test_a_review_link_leads_to_web_pages_only(client, backend, target):
    backend.review_url = target
    assert client.get("/r/review").status_code == 404


def test_an_unknown_review_link_is_told_kindly(client):
    answer = client.get("/r/other")
    assert answer.status_code == 404
    assert "<h1>" in answer.text


def test_the_process_is_alive_even_when_the_house_is_not(client, backend):
    backend.broken = True
    assert client.get("/healthz").json() == {"status": "ok"}


def test_readiness_says_what_is_wrong(client, backend):
    assert client.get("/readyz").json() == {"ready": True, "problems": []}
    backend.complaints.append("the ledger's schema is old; run: nps-connect db upgrade")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["problems"] == backend.complaints


@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("GET", "/s/marie"),
        ("POST", "/s/marie"),
        ("GET", "/u/stop"),
        ("POST", "/u/stop"),
        ("GET", "/r/review"),
        ("GET", "/readyz"),
    ],
)
def test_a_broken_house_is_told_kindly_and_may_be_asked_again(client, backend, method, url, caplog):
    backend.broken = True
    answer = client.request(method, url, data={"score": "9"} if method == "POST" else None)
    assert answer.status_code == 503
    assert "retry-after" in answer.headers
    assert "Marie" not in answer.text
    assert "failed" in caplog.text


def test_an_answer_that_could_not_be_taken_can_be_sent_again(client, backend, read_form):
    backend.broken = True
    sent = {"send": "2", "comment": "Trop lent", "lang": "fr", "do_not_contact": "1", "asked.reason": "délai"}
    answer = client.post("/s/marie", data=sent)
    again = {field["name"]: field["value"] for field in read_form(answer.text).fields}
    assert (answer.status_code, again) == (503, sent)
    backend.broken = False
    client.post("/s/marie", data=again)
    assert (backend.answers[0].score, backend.answers[0].comment, backend.answers[0].sent) == (2, "Trop lent", True)


@pytest.mark.parametrize(
    "url", ["/", "/s", "/s/marie/", "/s/a/b", "/docs", "/openapi.json", "/redoc", "/robots.txt", "/u/stop/"]
)
def test_there_is_nothing_else(client, url):
    answer = client.get(url)
    assert answer.status_code == 404
    assert "<h1>" in answer.text


@pytest.mark.parametrize(
    ("method", "url"), [("PUT", "/s/marie"), ("DELETE", "/u/stop"), ("POST", "/r/review"), ("GET", "/hooks/crm")]
)
def test_a_wrong_method_is_refused(client, method, url):
    answer = client.request(method, url)
    assert answer.status_code == 405
    assert "allow" in answer.headers


def test_the_log_holds_method_route_and_status_but_no_token(client, caplog):
    caplog.set_level(logging.DEBUG, logger="nps_connect.web")
    client.get("/s/marie?score=9")
    client.post("/s/marie", data={"score": "9", "comment": "my secret"})
    client.post("/u/stop")
    client.get("/r/review", follow_redirects=False)
    client.get("/wp-login")
    lines = [record.getMessage() for record in caplog.records if record.name == "nps_connect.web"]
    assert [line.rpartition(" duration_ms=")[0] for line in lines] == [
        "request method=GET route=/s/{token} status=200",
        "request method=POST route=/s/{token} status=303",
        "request method=GET route=/s/{token} status=200",
        "request method=POST route=/u/{token} status=200",
        "request method=GET route=/r/{token} status=303",
        "request method=GET route=- status=404",
    ]
