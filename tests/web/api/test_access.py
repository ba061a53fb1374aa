"""Who may call the API: keys, scopes, expiry, the rate limit; and what every response has in common."""

import logging
from datetime import timedelta

import pytest
from sqlalchemy import delete
from support.api_client import ApiClient

from nps_connect.ledger.api_keys import ApiKeyRow
from nps_connect.records.api_scopes import API_SCOPES
from nps_connect.services.api_keys.keys import list_keys
from nps_connect.web.api.endpoints import ENDPOINTS
from nps_connect.web.api.rate_limit import RequestLimiter
from nps_connect.web.machine_routes import MAX_BODY_BYTES

UNKNOWN_KEY = f"npsc_00000000_{'a' * 43}"
ORDER = {
    "connection": "shop",
    "kind": "order.paid",
    "object_id": "1001",
    "occurred_at": "2026-11-17T08:00:00Z",
    "contact": {"id": "c-1"},
}


def test_there_is_no_api_without_a_key(api, application, clock):
    with application.ledger.write() as session:
        session.execute(delete(ApiKeyRow))
    for path in ("/responses", "/openapi.json", "/nothing"):
        answer = api.get(path)
        assert (answer.status, answer.body["type"]) == (404, "urn:nps-connect:problem:not-found")


@pytest.mark.parametrize(
    ("authorization", "kind", "challenge"),
    [
        ("", "no-key", 'Bearer realm="nps_connect"'),
        ("Basic c2hvcDpzZWNyZXQ=", "no-key", 'Bearer realm="nps_connect"'),
        (f"Bearer {UNKNOWN_KEY}", "unknown-key", 'Bearer realm="nps_connect", error="invalid_token"'),
        ("Bearer x", "unknown-key", 'Bearer realm="nps_connect", error="invalid_token"'),
    ],
)
def test_a_request_without_a_valid_key_is_refused(api, authorization, kind, challenge):
    answer = api.get("/nps", authorization=authorization)
    assert (answer.status, answer.headers["www-authenticate"]) == (401, challenge)
    assert answer.body["type"] == f"urn:nps-connect:problem:{kind}"


def test_a_secret_of_another_key_is_refused(api):
    other = api.add_key("reports:read", name="other")
    mixed = f"{api.key.rpartition('_')[0][:13]}_{other[14:]}"
    assert (api.get("/nps", authorization=f"Bearer {mixed}").status, api.get("/nps").status) == (401, 200)


def test_a_key_ends_at_its_expiry_and_soon_after_its_removal(api, application, clock):
    api.key = api.add_key("reports:read", name="short", expires_at=clock() + timedelta(hours=1))
    assert api.get("/nps").status == 200
    clock.forward("1h")
    answer = api.get("/nps")
    assert (answer.status, answer.body["type"]) == (401, "urn:nps-connect:problem:expired-key")
    api.key = api.add_key("reports:read", name="removed")
    assert api.get("/nps").status == 200
    with application.ledger.write() as session:
        session.execute(delete(ApiKeyRow))
    clock.forward("10s")
    assert api.get("/nps").status == 404


def test_each_endpoint_needs_its_scope_and_names_it(api):
    for endpoint in ENDPOINTS:
        others = set(API_SCOPES) - {endpoint.scope}
        api.key = api.add_key(
            *others, name=f"without {endpoint.scope.replace(':', ' ')} {endpoint.method}{len(endpoint.path)}"
        )
        path = endpoint.path.replace("{id}", "1")
        answer = api.send(endpoint.method, path, b"{}", content_type="application/json")
        assert answer.status == 403, endpoint
        assert answer.body["detail"] == f"the key lacks the scope {endpoint.scope}"


def test_the_last_use_of_a_key_is_written_once_a_minute(api, application, clock):
    def last_used():
        with application.ledger.read() as session:
            return list_keys(session)[0].last_used_at

    first = clock()
    assert last_used() is None
    api.get("/nps")
    assert last_used() == first
    clock.forward("59s")
    api.get("/nps")
    assert last_used() == first
    clock.forward("1s")
    api.get("/nps")
    assert last_used() == clock()


def test_a_key_has_a_bucket_of_requests_that_fills_with_time():
    now = [100.0]
    limiter = RequestLimiter(60, lambda: now[0])
    allowances = [limiter.acquire(1) for _ in range(61)]
    assert [allowance.is_granted for allowance in allowances] == [True] * 60 + [False]
    assert (allowances[-1].remaining, allowances[-1].reset_seconds) == (0, 1)
    assert limiter.acquire(2).remaining == 59
    now[0] += 2.0
    assert [limiter.acquire(1).is_granted for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_too_many_requests_are_refused_with_the_time_to_wait(application, runner):
    application.backend.api.requests_per_minute = 2
    api = ApiClient(application, runner)
    answers = [api.get("/nps") for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert answers[0].headers["ratelimit-policy"] == '"default";q=2;w=60'
    assert answers[0].headers["ratelimit"].startswith('"default";r=1;t=')
    assert 1 <= int(answers[2].headers["retry-after"]) <= 30


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
class TestRequests:
    """What does not depend on the database."""

    def test_a_request_id_is_returned_and_logged_with_the_name_of_the_key_but_no_secret(self, api, caplog):
        with caplog.at_level(logging.INFO, logger="nps_connect.web"):
            answer = api.get("/nps?survey=after-purchase", x_request_id="shop-7")
            made = api.get("/nothing", x_request_id="not an id")
        assert answer.headers["x-request-id"] == "shop-7"
        assert made.body["request_id"] == made.headers["x-request-id"] != "not an id"
        assert "route=/api/v1/nps status=200" in caplog.messages[0]
        assert caplog.messages[0].endswith("request_id=shop-7 key='shop'")
        assert not [message for message in caplog.messages if api.key[14:] in message]

    def test_other_methods_paths_and_content_types_are_refused_as_problems(self, api):
        wrong_method = api.send("DELETE", "/responses")
        assert (wrong_method.status, wrong_method.headers["allow"]) == (405, "GET, POST")
        assert api.send("POST", "/nps").headers["allow"] == "GET"
        assert api.get("/events/1").status == 404
        assert api.get("/api/v2/events").status == 404
        assert api.send("POST", "/events", b"{}", content_type="text/plain").status == 415
        assert api.send("POST", "/events", b"{}").status == 415
        for answer in (wrong_method, api.get("/nothing")):
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.body["status"] == answer.status

    @pytest.mark.parametrize(
        ("body", "status", "kind"),
        [
            (b"", 400, "unreadable"),
            (b"{", 400, "unreadable"),
            (b"\xff{}", 400, "unreadable"),
            (b"[" * 100_000, 400, "unreadable"),
            (b"null", 422, "invalid"),
            (b"[]", 422, "invalid"),
            (b" " * (MAX_BODY_BYTES + 1), 413, "too-large"),
        ],
    )
    def test_a_body_that_is_no_json_object_is_refused(self, api, body, status, kind):
        answer = api.send("POST", "/events", body, content_type="application/json; charset=utf-8")
        assert (answer.status, answer.body["type"]) == (status, f"urn:nps-connect:problem:{kind}")

    @pytest.mark.parametrize(
        "query",
        [
            "unknown=1",
            "limit=0",
            "limit=201",
            "limit=ten",
            "limit=1&limit=2",
            "since=yesterday",
            "since=1763370000",
            "cursor=x",
            "cursor=WyJjYXNlcyIsIDEsIDJd",
            "cursor=WyJyZXNwb25zZXMiLCAxXQ",
            "segment=critic",
            "survey=%00",
        ],
    )
    def test_a_wrong_query_is_refused(self, api, query):
        answer = api.get(f"/responses?{query}")
        assert (answer.status, answer.body["type"]) == (422, "urn:nps-connect:problem:invalid")

    def test_a_failure_of_the_application_is_a_problem_too_and_its_text_is_only_in_the_log(
        self, api, application, caplog
    ):
        api.get("/nps")
        application.ledger.engine.dispose()
        api.app.site.backend.api.read = lambda *_: 1 / 0
        answer = api.get("/nps", x_request_id="r-1")
        assert (answer.status, answer.body["request_id"]) == (503, "r-1")
        assert answer.headers["retry-after"] == "10"
        assert "division" not in str(answer.body)
        assert "request_failed method=GET route=/api/v1/nps request_id=r-1 key='shop'" in caplog.messages

    def test_the_document_is_readable_without_a_key_and_describes_every_endpoint(self, api):
        document = api.get("/openapi.json", authorization="").body
        described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
        assert described == {(endpoint.method, endpoint.path) for endpoint in ENDPOINTS}
        assert document["components"]["schemas"]["EventRequest"]["additionalProperties"] is False
        assert "Attributes:" not in str(document)

    def test_the_api_works_in_a_site_that_replaces_another(self, api, application):
        first = api.app.site
        assert api.get("/nps").status == 200
        api.app.replace_site(type(first)(application.backend, application.clock))
        assert (api.get("/nps").status, api.post("/events", ORDER).status) == (200, 202)
        assert api.app.site is not first
