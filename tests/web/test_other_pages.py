"""Unsubscribe page, review links, errors, access log."""

import logging

import pytest

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_opening_the_unsubscribe_link_changes_nothing(client, backend, method):
    assert client.request(method, "/u/stop").status_code == 200
    assert backend.unsubscribed == []


def test_the_unsubscribe_page_shows_the_mailbox_and_a_button(client):
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
def test_one_click_unsubscribes_without_redirect_or_cookie(client, backend, body):
    response = client.post("/u/stop", follow_redirects=False, **body)
    assert response.status_code == 200
    assert backend.unsubscribed == ["stop"]
    assert "set-cookie" not in response.headers
    assert "Vous ne recevrez plus ces messages" in response.text


def test_one_click_is_accepted_from_any_origin(client, backend):
    headers = {"origin": "https://mail.example.com", "sec-fetch-site": "cross-site"}
    assert client.post("/u/stop", data=ONE_CLICK, headers=headers).status_code == 200
    assert backend.unsubscribed == ["stop"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_an_unknown_unsubscribe_link_is_not_found(client, backend, method):
    assert client.request(method, "/u/other").status_code == 404
    assert backend.unsubscribed == []


def test_the_unsubscribe_page_in_english(client):
    assert "Unsubscribe from our surveys?" in client.get("/u/stop?lang=en").text


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_review_link_redirects_to_the_platform(client, backend, method):
    response = client.request(method, "/r/review", follow_redirects=False)
    assert response.status_code == 303
    assert response.headers["location"] == "https://reviews.example.com/write?place=1"
    assert response.headers["cache-control"] == "no-store"
    assert backend.visits[-1].method == method


@pytest.mark.parametrize("target", ["javascript:alert(1)", "//evil.example.com", "ftp://example.com"])
def test_a_review_link_redirects_to_http_addresses_only(client, backend, target):
    backend.review_url = target
    assert client.get("/r/review").status_code == 404


def test_an_unknown_review_link_is_not_found(client):
    response = client.get("/r/other")
    assert response.status_code == 404
    assert "<h1>" in response.text


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
def test_an_unavailable_database_is_a_503_with_retry_after_and_without_details(client, backend, method, url, caplog):
    backend.is_down = True
    response = client.request(method, url, data={"score": "9"} if method == "POST" else None)
    assert response.status_code == 503
    assert "retry-after" in response.headers
    assert "Marie" not in response.text
    assert "failed" in caplog.text


def test_a_failed_submission_can_be_repeated_from_the_error_page(client, backend, read_form):
    backend.is_down = True
    sent = {"send": "2", "comment": "Trop lent", "lang": "fr", "do_not_contact": "1", "asked.reason": "délai"}
    response = client.post("/s/marie", data=sent)
    again = {field["name"]: field["value"] for field in read_form(response.text).fields}
    assert (response.status_code, again) == (503, sent)
    backend.is_down = False
    client.post("/s/marie", data=again)
    assert (backend.responses[0].score, backend.responses[0].comment, backend.responses[0].sent) == (
        2,
        "Trop lent",
        True,
    )


@pytest.mark.parametrize(
    "url", ["/", "/s", "/s/marie/", "/s/a/b", "/docs", "/openapi.json", "/redoc", "/robots.txt", "/u/stop/"]
)
def test_other_paths_are_not_found(client, url):
    response = client.get(url)
    assert response.status_code == 404
    assert "<h1>" in response.text


@pytest.mark.parametrize(
    ("method", "url"), [("PUT", "/s/marie"), ("DELETE", "/u/stop"), ("POST", "/r/review"), ("GET", "/hooks/crm")]
)
def test_a_wrong_method_is_not_allowed(client, method, url):
    response = client.request(method, url)
    assert response.status_code == 405
    assert "allow" in response.headers


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
