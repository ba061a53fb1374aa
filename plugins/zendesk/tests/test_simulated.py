"""The simulated Zendesk is as strict as the real one where it matters."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from nps_connect import SimulatedPerson, VendorRequest
from nps_connect_zendesk.simulated.access_control import AUTHORIZATION_CODE, CLIENT_ID, CLIENT_SECRET, TOKEN

BEARER = {"authorization": f"Bearer {TOKEN}"}
TICKET = {"subject": "x", "comment": {"body": "hello", "public": False}, "external_id": "nps-1"}


@pytest.fixture
def call(vendor):
    def make(method, path, body=None, *, key=None, headers=BEARER, **query):
        all_headers = {**headers, **({"idempotency-key": key} if key else {})}
        raw = json.dumps(body).encode() if body is not None else b""
        reply = vendor.handle(VendorRequest(method, path, query, all_headers, raw))
        kind = reply.headers.get("content-type", "")
        return reply, json.loads(reply.body) if "json" in kind else reply.body.decode()

    return make


def new_ticket(call, **values):
    reply, body = call("POST", "/api/v2/tickets", {"ticket": {**TICKET, **values}})
    assert reply.status == 201
    return body["ticket"]


class TestAccessControl:
    @pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer wrong"}, {"authorization": "Basic !!!"}])
    def test_wrong_credentials_are_rejected(self, call, headers):
        assert call("GET", "/api/v2/users/me", headers=headers)[0].status == 401

    def test_a_refresh_invalidates_the_old_pair(self, call):
        client = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        _, first = call("POST", "/oauth/tokens", {**client, "grant_type": "authorization_code", "code": AUTHORIZATION_CODE, "scope": "read"})  # fmt: skip
        refresh = {**client, "grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
        _, second = call("POST", "/oauth/tokens", refresh)
        assert call("POST", "/oauth/tokens", refresh)[0].status == 400
        old, new = ({"authorization": f"Bearer {pair['access_token']}"} for pair in (first, second))
        assert call("GET", "/api/v2/users/me", headers=old)[0].status == 401
        assert call("GET", "/api/v2/users/me", headers=new)[0].status == 200

    def test_a_code_is_valid_once(self, call):
        form = {
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "grant_type": "authorization_code",
            "code": AUTHORIZATION_CODE,
        }
        assert [call("POST", "/oauth/tokens", form)[0].status for _ in range(2)] == [200, 400]

    def test_the_accounts_quota_has_headers_and_a_json_error(self, vendor, call, clock):
        vendor.limits.per_minute = 2
        first, _ = call("GET", "/api/v2/users/me")
        assert (first.headers["ratelimit-limit"], first.headers["ratelimit-remaining"]) == ("2", "1")
        call("GET", "/api/v2/users/me")
        clock.forward(timedelta(seconds=20))
        limited, body = call("GET", "/api/v2/users/me")
        assert (limited.status, limited.headers["retry-after"]) == (429, "40")
        assert "exceeded" in body["description"]
        clock.forward(timedelta(seconds=40))
        assert call("GET", "/api/v2/users/me")[0].status == 200

    def test_the_limit_per_ticket_is_plain_text_without_retry_after(self, call):
        ticket = new_ticket(call)
        path = f"/api/v2/tickets/{ticket['id']}/tags"
        replies = [call("PUT", path, {"tags": [f"t{number}"]}) for number in range(31)]
        assert [reply.status for reply, _ in replies] == [200] * 30 + [429]
        assert "retry-after" not in replies[-1][0].headers
        assert "single unique ticket" in replies[-1][1]


class TestIdempotency:
    def test_a_repeated_key_returns_the_first_reply_for_two_hours(self, vendor, call, clock):
        first, _ = call("POST", "/api/v2/tickets", {"ticket": TICKET}, key="k")
        clock.forward(timedelta(minutes=119))
        second, _ = call("POST", "/api/v2/tickets", {"ticket": TICKET}, key="k")
        assert [reply.headers["x-idempotency-lookup"] for reply in (first, second)] == ["miss", "hit"]
        assert first.body == second.body
        clock.forward(timedelta(minutes=1))
        third, _ = call("POST", "/api/v2/tickets", {"ticket": TICKET}, key="k")
        assert third.headers["x-idempotency-lookup"] == "miss"
        assert len(vendor.state()["tickets"]) == 2

    def test_the_same_key_with_another_body_is_rejected(self, call):
        call("POST", "/api/v2/tickets", {"ticket": TICKET}, key="k")
        reply, body = call("POST", "/api/v2/tickets", {"ticket": {**TICKET, "subject": "y"}}, key="k")
        assert (reply.status, body["error"]) == (400, "IdempotentRequestError")

    def test_a_rejected_ticket_does_not_use_its_key(self, call):
        assert call("POST", "/api/v2/tickets", {"ticket": {**TICKET, "group_id": 9}}, key="k")[0].status == 422
        assert call("POST", "/api/v2/tickets", {"ticket": TICKET}, key="k")[0].status == 201


class TestTickets:
    def test_tags_in_an_update_replace_all_tags(self, call):
        ticket = new_ticket(call, tags=["a", "b"])
        _, body = call("PUT", f"/api/v2/tickets/{ticket['id']}", {"ticket": {"tags": ["c"]}})
        assert body["ticket"]["tags"] == ["c"]

    def test_safe_update_rejects_an_old_stamp(self, call, clock):
        ticket = new_ticket(call)
        clock.forward(timedelta(seconds=5))
        path = f"/api/v2/tickets/{ticket['id']}"
        call("PUT", path, {"ticket": {"priority": "low"}})
        stale = {"priority": "high", "safe_update": True, "updated_stamp": ticket["updated_at"]}
        assert call("PUT", path, {"ticket": stale})[0].status == 409

    @pytest.mark.parametrize(
        "values",
        [
            {"comment": {"body": ""}},
            {"priority": "dire"},
            {"status": "done"},
            {"subject": "x" * 256},
            {"comment": {"body": "x" * 70_000}},
            {"tags": ["two words"]},
            {"requester": {"name": "A", "email": "nobody"}},
            {"requester_id": 4711},
            {"via_followup_source_id": 1},
        ],
    )
    def test_invalid_tickets_are_rejected(self, call, values):
        reply, body = call("POST", "/api/v2/tickets", {"ticket": {**TICKET, **values}})
        assert (reply.status, body["error"]) == (422, "RecordInvalid")
        assert body["details"]

    def test_an_inline_requester_may_get_a_verification_mail(self, vendor, call):
        new_ticket(call, requester={"name": "Bob", "email": "bob@example.com"})
        assert vendor.state()["mails"] == [{"to": "bob@example.com", "occasion": "verify your address"}]

    def test_a_public_first_comment_is_mailed_to_the_requester(self, vendor, call):
        new_ticket(call, requester_id=1001, comment={"body": "hello"})
        assert vendor.state()["mails"] == [{"to": "ada@example.com", "occasion": "request received"}]

    def test_placeholders_are_expanded(self, vendor, call):
        ticket = new_ticket(call, comment={"body": "see {{ticket.id}}"})
        assert vendor.account.comments[ticket["id"]][0]["body"] == f"see {ticket['id']}"

    def test_the_json_suffix_is_optional(self, call):
        ticket = new_ticket(call)
        assert call("GET", f"/api/v2/tickets/{ticket['id']}.json")[1]["ticket"]["id"] == ticket["id"]

    @pytest.mark.parametrize(
        ("path", "error"),
        [
            ("/", "InvalidEndpoint"),
            ("/api/v2/nothing", "InvalidEndpoint"),
            ("/api/v2/tickets/1/nothing", "RecordNotFound"),
            ("/api/v2/tickets/x", "RecordNotFound"),
        ],
    )
    def test_unknown_paths_do_not_exist(self, call, path, error):
        reply, body = call("GET", path)
        assert (reply.status, body["error"]) == (404, error)

    @pytest.mark.parametrize("body", [None, [], {"x": 1}, {"ticket": 7}])
    def test_bodies_without_a_ticket_are_rejected(self, call, body):
        assert call("POST", "/api/v2/tickets", body)[0].status == 400


class TestUsers:
    def test_an_address_in_an_update_is_added(self, vendor, call):
        call("PUT", "/api/v2/users/1001", {"user": {"email": "second@example.com"}})
        _, body = call("GET", "/api/v2/users/1001/identities")
        assert [row["value"] for row in body["identities"]] == ["ada@example.com", "second@example.com"]

    def test_create_or_update_has_a_status_for_each(self, call):
        existing, _ = call(
            "POST", "/api/v2/users/create_or_update", {"user": {"email": "ADA@example.com", "name": "A"}}
        )
        new, _ = call("POST", "/api/v2/users/create_or_update", {"user": {"email": "new@example.com", "name": "N"}})
        assert (existing.status, new.status) == (200, 201)

    def test_unknown_user_fields_are_silently_ignored(self, call):
        reply, body = call("PUT", "/api/v2/users/1001", {"user": {"user_fields": {"nothing": 1, "nps_score": 3}}})
        assert reply.status == 200
        assert body["user"]["user_fields"]["nps_score"] == 3
        assert "nothing" not in body["user"]["user_fields"]

    def test_a_value_of_the_wrong_type_is_rejected(self, call):
        assert call("PUT", "/api/v2/users/1001", {"user": {"user_fields": {"nps_score": "9"}}})[0].status == 422


def test_the_export_rejects_a_start_within_the_last_minute(call, clock):
    start = str(int(clock().timestamp()) - 30)
    assert call("GET", "/api/v2/incremental/tickets/cursor", start_time=start)[0].status == 422


def test_concurrent_requests_are_all_handled(vendor, call):
    def open_ticket(number):
        return call("POST", "/api/v2/tickets", {"ticket": {**TICKET, "external_id": f"nps-{number}"}})[0].status

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(open_ticket, range(200))) == {201}
    assert len({ticket["id"] for ticket in vendor.state()["tickets"]}) == 200


class TestSandbox:
    def test_the_environment_points_a_connection_at_it(self, vendor):
        variables = vendor.environment("http://127.0.0.1:1/zendesk", "helpdesk-eu")
        assert variables["NPS_CONNECT_CONNECTIONS__HELPDESK_EU__BASE_URL"] == "http://127.0.0.1:1/zendesk"
        assert variables["ZENDESK_CLIENT_SECRET"] == CLIENT_SECRET
        assert variables["NPS_CONNECT_CONNECTIONS__HELPDESK_EU__WEBHOOK_SECRET"]

    def test_the_tables_show_tickets_with_their_comments_and_users_with_their_scores(self, vendor):
        vendor.populate([SimulatedPerson("ada@example.com", "Ada Example", "fr")])
        vendor.simulate_event("ticket.solved", "ada@example.com")
        vendor.account.user_with("ada@example.com")["user_fields"]["nps_score"] = 9
        tickets, users = vendor.tables()
        [ticket] = tickets.rows
        assert (ticket[0], ticket[2], ticket[3]) == ("#1", "ada@example.com", "solved")
        assert "We have found and fixed the problem." in ticket[5]
        assert users.rows[0] == ["Ada Example", "ada@example.com", "9", "", ""]

    def test_people_are_added_with_their_opt_outs(self, vendor):
        vendor.populate([SimulatedPerson("ada@example.com", "Ada", "fr"), SimulatedPerson("eve@example.com", "Eve", "en", opted_out=True)])  # fmt: skip
        assert len(vendor.account.users) == 3
        vendor.opt_out("ada@example.com")
        assert [vendor.account.user_with(f"{name}@example.com")["tags"] for name in ("ada", "eve")] == [
            ["no_survey"]
        ] * 2

    @pytest.mark.parametrize(
        ("kind", "email"),
        [
            ("ticket.solved", "x@example.com"),
            ("deal.won", "ada@example.com"),
            ("ticket.reopened", "ada@example.com"),
        ],
    )
    def test_impossible_events_have_no_id(self, vendor, kind, email):
        assert vendor.simulate_event(kind, email) == []

    def test_effects_contain_only_tickets_created_by_the_api(self, vendor, call):
        vendor.simulate_event("ticket.solved", "ada@example.com")
        ticket = new_ticket(call, requester_id=1001)
        assert vendor.effects().tickets == {"ada@example.com": [str(ticket["id"])]}
