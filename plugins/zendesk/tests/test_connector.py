"""nps_connector: what the plugin declares, its settings, and its example configuration."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

import nps_connect_zendesk
from nps_connect_zendesk import nps_connector
from nps_connect_zendesk.settings import ZendeskSettings, numeric

TOKEN = {"access_token": "an-access-token"}


def settings(**values):
    return ZendeskSettings.model_validate({"plugin": "zendesk", "subdomain": "exemple", **values})


def test_nps_connector_looks_up_tickets_in_doubt():
    info = nps_connector()
    actions = {action.action for action in info.actions}
    assert actions == {"open_ticket", "update_ticket", "write_score", "write_case_outcome", "erase_contact"}
    assert hasattr(nps_connect_zendesk, "nps_find_existing")
    assert info.idempotency_header == "Idempotency-Key"


def test_quotas_follow_the_settings():
    info = nps_connector()
    for per_minute in (200, 700, 2500):
        quotas = {quota.name: quota for quota in info.quotas_for(settings(**TOKEN, requests_per_minute=per_minute))}
        assert quotas["general"].calls == per_minute
        assert quotas["general"].remaining_header == "ratelimit-remaining"
        assert quotas["ticket_update"].calls == 100
        assert quotas["export"].calls == 10
        assert quotas.keys() == {quota.name for quota in info.quotas}


@pytest.mark.parametrize(
    ("values", "address"),
    [
        ({}, "https://exemple.zendesk.com"),
        ({"base_url": "http://127.0.0.1:8041/zendesk"}, "http://127.0.0.1:8041/zendesk"),
        ({"base_url": "http://127.0.0.1:8041/zendesk/"}, "http://127.0.0.1:8041/zendesk"),
        ({"subdomain": None, "base_url": "https://proxy.example.com"}, "https://proxy.example.com"),
    ],
)
def test_the_base_url_replaces_the_accounts_address(values, address):
    assert nps_connector().base_url(settings(**TOKEN, **values)) == address


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({}, "exactly one credential is needed"),
        ({**TOKEN, "email": "a@example.com", "api_token": "token-token"}, "given: access_token, email and api_token"),
        ({"client_id": "x"}, "belong together"),
        ({"email": "a@example.com"}, "belong together"),
        ({"client_id": "x", "client_secret": "y", "grant": "authorization_code"}, "redirect_uri"),
        ({**TOKEN, "subdomain": None}, "subdomain is missing"),
        ({**TOKEN, "subdomain": "https://x.zendesk.com"}, "subdomain"),
        ({**TOKEN, "events": "webhook"}, "needs webhook_secret"),
        ({**TOKEN, "custom_fields": {"a": "{scoer}"}}, "unknown name in braces: scoer"),
        ({**TOKEN, "custom_fields": {"a": "{score"}}, "braces do not match"),
        ({**TOKEN, "score_field": "12"}, "score_field"),
        ({**TOKEN, "score_field": "nps-score"}, "score_field"),
        ({**TOKEN, "requests_per_minute": 0}, "requests_per_minute"),
        ({**TOKEN, "colour": "red"}, "colour"),
    ],
)
def test_mistakes_are_rejected(values, text):
    with pytest.raises(ValidationError) as raised:
        settings(**values)
    assert text in str(raised.value)
    assert "token-token" not in str(raised.value)


@pytest.mark.parametrize("text", ["{score.__class__}", "{score!r}", "{score:>9}", "{score:{name}}", "{0}", "{}"])
def test_custom_fields_accept_only_names_in_braces(text):
    with pytest.raises(ValidationError):
        settings(**TOKEN, custom_fields={"a": text})


@pytest.mark.parametrize(
    ("value", "number"), [(7, 7), ("7", 7), (" 360001 ", 360001), ("Care", None), ("7a", None), ("٧", None)]
)
def test_numeric_parses_ids_and_not_names(value, number):
    assert numeric(value) == number


def test_the_event_kinds():
    assert {kind.name for kind in nps_connector().events} == {
        "ticket.solved",
        "ticket.reopened",
        "ticket.closed",
        "ticket.priority_changed",
        "ticket.deleted",
        "contact.deleted",
        "contact.merged",
        "contact.privacy_deleted",
    }
