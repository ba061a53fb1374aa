"""Webhook checks: genuine webhooks are accepted, others rejected, and additions by the vendor are tolerated."""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

import pytest
from pydantic import BaseModel, SecretStr

from nps_connect.errors import WebhookRejected
from nps_connect.records.events import Event, WebhookRequest
from nps_connect.simulation import VendorWebhook
from nps_connect.testing.contract_base import ContractBase, needs
from nps_connect.testing.fakes import WEBHOOK_URL, received_webhook
from nps_connect.testing.harness import PluginHarness
from nps_connect.testing.mutations import (
    INVALID_BODIES,
    UNEXPECTED_VALUES,
    json_paths,
    with_unknown_fields,
    with_unknown_names,
    with_value,
    without_path,
)
from nps_connect.testing.samples import LEA

VERIFY, PARSE = "nps_verify_webhook", "nps_parse_events"


@dataclass(frozen=True)
class GoldenWebhook:
    """A webhook as the vendor once sent it, signed with the secret in the test's settings.

    Attributes:
        webhook: method, headers and body.
        received_at: when it arrived (aware).
        url: where it arrived.
    """

    webhook: VendorWebhook
    received_at: datetime
    url: str = WEBHOOK_URL


class WebhookChecks(ContractBase):
    """Golden webhooks come from the simulated vendor, or are written down.

    Attributes:
        golden: recorded webhooks, used in addition to those of the simulated vendor.
        stale_after: age at which a genuine webhook is stale; None if the vendor does not sign a time.
        keeps_unknown_kinds: webhooks of an unknown kind are `unreadable`, and so kept, instead of ignored: for plugins
            whose kinds come from the settings.
    """

    golden: ClassVar[Sequence[GoldenWebhook]] = ()
    stale_after: ClassVar[timedelta | None] = timedelta(minutes=15)
    keeps_unknown_kinds: ClassVar[bool] = False

    @needs(VERIFY, PARSE)
    def test_genuine_webhooks_are_accepted_and_parsed(self) -> None:
        """Each webhook has events of declared kinds, is parsed the same each time and causes no call to the vendor."""
        kinds = {kind.name for kind in self.info().events}
        for harness, request in self._genuine():
            harness.transport.arm(None)
            assert harness.call(VERIFY, request=request) is None
            events = harness.call(PARSE, request=request)
            assert events, f"no event in {request.body!r}"
            assert {event.kind for event in events} <= kinds, "kinds that are not declared"
            assert len({event.key for event in events}) == len(events), "two events of one webhook share a key"
            assert harness.call(PARSE, request=request) == events, "parsing twice returns different events"
            assert harness.transport.request_count == 0, "verifying or parsing called the vendor"

    @needs(VERIFY, PARSE)
    def test_resent_webhooks_have_the_same_event_keys(self) -> None:
        """The event key is derived from the fact, so a genuine resend adds nothing."""
        harness = self.harness()
        for facts in _simulate_facts(harness):
            first, second = (self._keys(harness, facts) for _ in range(2))
            assert first == second

    @needs(VERIFY)
    def test_tampered_webhooks_are_rejected(self) -> None:
        """Another body, a missing signature or the secret of another account is rejected."""
        for harness, request in self._genuine():
            for body in (request.body + b" ", request.body[:-1], b"", request.body.replace(b"1", b"2", 1) + b"\n"):
                _assert_rejected(harness, request.model_copy(update={"body": body}), "another body")
            _assert_rejected(harness, request.model_copy(update={"headers": {}}), "no headers")
            for name, value in request.headers.items():
                garbled = request.model_copy(update={"headers": {**request.headers, name: f"{value[:-2]}é\x00"}})
                _verify_or_reject(harness, garbled)
            _assert_rejected(_with_other_secrets(harness), request, "another account's secret")

    @needs(VERIFY)
    def test_stale_webhooks_are_rejected(self) -> None:
        """A genuine webhook that arrives again much later, or comes from the future, is rejected."""
        if self.stale_after is None:
            return
        for harness, request in self._genuine():
            for offset in (self.stale_after, -self.stale_after):
                moved = request.model_copy(update={"received_at": request.received_at + offset})
                assert _assert_rejected(harness, moved, f"offset {offset}").reason == "stale"

    @needs(PARSE)
    def test_unknown_event_kinds_are_ignored(self) -> None:
        """The vendor can add event kinds at any time: they have no events, or the webhook is kept."""
        expected: list[Event] | None = None if self.keeps_unknown_kinds else []
        for harness, request in self._genuine():
            parsed = [_parse_body(harness, request, body) for body in with_unknown_names(json.loads(request.body))]
            assert expected in parsed, f"no unknown kind was ignored: {request.body!r}"

    @needs(PARSE)
    def test_unknown_fields_are_ignored(self) -> None:
        """The vendor can add fields at any time."""
        for harness, request in self._genuine():
            extended = with_unknown_fields(json.loads(request.body))
            assert _event_keys(_parse_body(harness, request, extended)) == _event_keys(
                _parse_body(harness, request, request.body)
            )

    @needs(PARSE)
    def test_malformed_bodies_are_parsed_or_rejected(self) -> None:
        """A body that cannot be parsed is `unreadable`, so that it is kept for a replay; nothing else is raised."""
        for harness, request in self._genuine():
            content = json.loads(request.body)
            for path in json_paths(content):
                for value in UNEXPECTED_VALUES:
                    _parse_body(harness, request, with_value(content, path, value))
                _parse_body(harness, request, without_path(content, path))
            for body in INVALID_BODIES:
                _parse_body(harness, request, body)

    def _genuine(self) -> list[tuple[PluginHarness, WebhookRequest]]:
        harness = self.harness()
        requests = [received_webhook(golden.webhook, golden.received_at, golden.url) for golden in self.golden]
        for facts in _simulate_facts(harness):
            requests += [received_webhook(webhook, harness.clock()) for webhook in _vendor_webhooks(harness, facts)]
        assert requests, "give golden webhooks, or let the simulated vendor make them (simulate_event, webhooks)"
        return [(harness, request) for request in requests]

    def _keys(self, harness: PluginHarness, facts: list[str]) -> list[str]:
        requests = [received_webhook(webhook, harness.clock()) for webhook in _vendor_webhooks(harness, facts)]
        return sorted(event.key for request in requests for event in harness.call(PARSE, request=request))


def _simulate_facts(harness: PluginHarness) -> list[list[str]]:
    if harness.vendor is None:
        return []
    happened = [harness.vendor.simulate_event(kind.name, LEA.email) for kind in harness.info.events]
    return [facts for facts in happened if facts]


def _vendor_webhooks(harness: PluginHarness, facts: list[str]) -> list[VendorWebhook]:
    return harness.vendor.webhooks(facts, WEBHOOK_URL) if harness.vendor else []


def _assert_rejected(harness: PluginHarness, request: WebhookRequest, why: str) -> WebhookRejected:
    with pytest.raises(WebhookRejected) as rejection:
        harness.call(VERIFY, request=request)
    assert rejection.value.reason in {"signature", "stale"}, f"{why}: {rejection.value}"
    text = str(rejection.value)
    assert not [secret for secret in harness.secrets if secret in text], "the rejection contains a secret"
    return rejection.value


def _verify_or_reject(harness: PluginHarness, request: WebhookRequest) -> None:
    with suppress(WebhookRejected):
        harness.call(VERIFY, request=request)


def _with_other_secrets(harness: PluginHarness) -> PluginHarness:
    settings = harness.connection.settings
    secrets = {name: _change_secret(getattr(settings, name)) for name in type(settings).model_fields}
    other = copy.copy(harness)
    other.connection = dataclasses.replace(harness.connection, settings=settings.model_copy(update=secrets))
    return other


def _change_secret(value: object) -> object:
    if isinstance(value, SecretStr):
        return SecretStr(value.get_secret_value()[::-1] + "x")
    if isinstance(value, BaseModel):
        return value.model_copy(update={name: _change_secret(inner) for name, inner in value})
    if isinstance(value, list | tuple):
        return type(value)(_change_secret(item) for item in value)
    return value


def _parse_body(harness: PluginHarness, request: WebhookRequest, body: bytes) -> list[Event] | None:
    try:
        return list(harness.call(PARSE, request=request.model_copy(update={"body": body})))
    except WebhookRejected as error:
        assert error.reason == "unreadable", f"{error}"  # noqa: PT017  # a rejection is allowed too
        return None


def _event_keys(events: list[Event] | None) -> list[str] | None:
    return None if events is None else [event.key for event in events]
