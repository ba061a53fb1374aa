import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_connect.rendering.catalogs import parse_accept_language
from nps_connect.web import forms, request_data
from nps_connect.web.forms import parse_form, parse_score
from nps_connect.web.request_data import truncate_to_network
from nps_connect.web.web_request import UnreadableBody, WebRequest

NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:aaaa:bbbb::1", "2001:db8:aaaa::/48"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("fe80::1%eth0", "fe80::/48"),
        ("testclient", None),
        ("", None),
        (None, None),
    ],
)
def test_an_address_is_truncated_to_its_network(address, network):
    assert truncate_to_network(address) == network


@given(st.lists(st.text()))
def test_only_the_eleven_scores_are_scores(values):
    score = parse_score(values)
    assert score is None or [str(score)] == values


@pytest.mark.parametrize("score", range(11))
def test_each_score_is_parsed(score):
    assert parse_score([str(score)]) == score


@given(st.binary())
def test_any_body_is_parsed_as_a_form(body):
    form = parse_form(body)
    assert form.score is None or 0 <= form.score <= 10


@pytest.mark.parametrize(
    ("header", "tags"),
    [
        ("fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7, *;q=0.5", ["fr-CH", "fr", "en", "de", "*"]),
        ("en;q=0.2, fr", ["fr", "en"]),
        ("en;q=0, fr;q=1.000", ["fr"]),
        ("en;q=x, ;;, fr ; q=0.5", ["fr"]),
        ("", []),
    ],
)
def test_accept_language_is_parsed_by_preference(header, tags):
    assert parse_accept_language(header) == tags


@given(st.text())
def test_any_accept_language_header_is_parsed(header):
    assert all(isinstance(tag, str) and tag for tag in parse_accept_language(header))


def build_request(receive):
    scope = {"type": "http", "method": "POST", "path": "/", "headers": [], "query_string": b""}
    return WebRequest(scope, receive)


def test_an_incomplete_body_is_unreadable():
    messages = [{"type": "http.request", "body": b"half", "more_body": True}, {"type": "http.disconnect"}]

    async def receive():
        return messages.pop(0)

    with pytest.raises(UnreadableBody) as caught:
        asyncio.run(build_request(receive).read_body(100))
    assert caught.value.status == 400


def test_a_slow_body_times_out(monkeypatch):
    monkeypatch.setattr("nps_connect.web.web_request.BODY_TIMEOUT_SECONDS", 0.01)

    async def receive():
        await asyncio.sleep(3600)

    with pytest.raises(UnreadableBody) as caught:
        asyncio.run(build_request(receive).read_body(100))
    assert caught.value.status == 408


def test_long_queries_and_user_agents_are_not_kept_in_memory():
    forms._parse_short_query.cache_clear()
    request_data._clean_user_agent.cache_clear()
    query = b"score=9&x=" + b"y" * 5000
    assert forms.parse_query(query).score == 9
    assert forms._parse_short_query.cache_info().currsize == 0
    request = build_request(None)
    request.scope.update(headers=[(b"user-agent", b"Mozilla/5.0 " + b"z" * 60_000)], client=None)
    views = {request_data.build_page_view(request, NOW).agent}
    request.scope["headers"] = [(b"user-agent", b"Mozilla/5.0 " + b"z" * 50_000)]
    views.add(request_data.build_page_view(request, NOW).agent)
    assert views == {"Mozilla/5.0 " + "z" * 187 + "…"}
    assert request_data._clean_user_agent.cache_info().currsize == 1
