"""Webhooks: genuine ones are believed, others are not, and what the vendor adds over the years does no harm."""

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
from pydantic import SecretStr

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
        golden: webhooks written down; the simulated vendor's own are used besides.
        stale_after: after how long a genuine webhook is stale; none if the vendor does not sign a time.
    """

    golden: ClassVar[Sequence[GoldenWebhook]] = ()
    stale_after: ClassVar[timedelta | None] = timedelta(minutes=15)

    @needs(VERIFY, PARSE)
    def test_golden_webhooks_are_believed_and_read(self) -> None:
        """Each gives events of declared kinds, the same ones when read again, without any call to the vendor."""
        kinds = {kind.name for kind in self.info().events}
        for bench, request in self._genuine():
            bench.line.arm(None)
            assert bench.call(VERIFY, request=request) is None
            events = bench.call(PARSE, request=request)
            assert events, f"no event in {request.body!r}"
            assert {event.kind for event in events} <= kinds, "kinds that are not declared"
            assert len({event.key for event in events}) == len(events), "two events of one webhook share a key"
            assert bench.call(PARSE, request=request) == events, "reading twice gives different events"
            assert bench.line.seen == 0, "verifying or reading called the vendor"

    @needs(VERIFY, PARSE)
    def test_a_resend_gives_the_same_keys(self) -> None:
        """The key is the fact's, so a genuine resend adds nothing."""
        bench = self.harness()
        for facts in _simulate_facts(bench):
            first, again = (self._keys(bench, facts) for _ in range(2))
            assert first == again

    @needs(VERIFY)
    def test_tampered_webhooks_are_refused(self) -> None:
        """Another body, no signature, or another account's secret."""
        for bench, request in self._genuine():
            for body in (request.body + b" ", request.body[:-1], b"", request.body.replace(b"1", b"2", 1) + b"\n"):
                _assert_rejected(bench, request.model_copy(update={"body": body}), "another body")
            _assert_rejected(bench, request.model_copy(update={"headers": {}}), "no headers")
            for name, value in request.headers.items():
                garbled = request.model_copy(update={"headers": {**request.headers, name: f"{value[:-2]}é\x00"}})
                _verify_or_reject(bench, garbled)
            _assert_rejected(_with_other_secrets(bench), request, "another account's secret")

    @needs(VERIFY)
    def test_stale_webhooks_are_refused(self) -> None:
        """A genuine webhook that is sent again much later, or comes from the future, is not believed."""
        if self.stale_after is None:
            return
        for bench, request in self._genuine():
            for away in (self.stale_after, -self.stale_after):
                moved = request.model_copy(update={"received_at": request.received_at + away})
                assert _assert_rejected(bench, moved, f"{away} away").reason == "stale"

    @needs(PARSE)
    def test_kinds_that_nobody_knows_give_no_events(self) -> None:
        """The vendor can add kinds of events at any time."""
        for bench, request in self._genuine():
            readings = [_parse_body(bench, request, body) for body in with_unknown_names(json.loads(request.body))]
            assert [] in readings, f"no unknown kind was left out: {request.body!r}"

    @needs(PARSE)
    def test_fields_that_nobody_knows_do_no_harm(self) -> None:
        """The vendor can add fields at any time."""
        for bench, request in self._genuine():
            news = with_unknown_fields(json.loads(request.body))
            assert _event_keys(_parse_body(bench, request, news)) == _event_keys(
                _parse_body(bench, request, request.body)
            )

    @needs(PARSE)
    def test_bodies_of_any_shape_are_read_or_refused(self) -> None:
        """What cannot be read is `unreadable`, so that it is kept and can be replayed; it is never a crash."""
        for bench, request in self._genuine():
            content = json.loads(request.body)
            for path in json_paths(content):
                for value in UNEXPECTED_VALUES:
                    _parse_body(bench, request, with_value(content, path, value))
                _parse_body(bench, request, without_path(content, path))
            for body in INVALID_BODIES:
                _parse_body(bench, request, body)

    def _genuine(self) -> list[tuple[PluginHarness, WebhookRequest]]:
        bench = self.harness()
        found = [received_webhook(golden.webhook, golden.received_at, golden.url) for golden in self.golden]
        for facts in _simulate_facts(bench):
            found += [received_webhook(webhook, bench.clock()) for webhook in _vendor_webhooks(bench, facts)]
        assert found, "give golden webhooks, or let the simulated vendor make them (happen, webhooks)"
        return [(bench, request) for request in found]

    def _keys(self, bench: PluginHarness, facts: list[str]) -> list[str]:
        requests = [received_webhook(webhook, bench.clock()) for webhook in _vendor_webhooks(bench, facts)]
        return sorted(event.key for request in requests for event in bench.call(PARSE, request=request))


def _simulate_facts(bench: PluginHarness) -> list[list[str]]:
    if bench.vendor is None:
        return []
    happened = [bench.vendor.simulate_event(kind.name, LEA.email) for kind in bench.info.events]
    return [facts for facts in happened if facts]


def _vendor_webhooks(bench: PluginHarness, facts: list[str]) -> list[VendorWebhook]:
    return bench.vendor.webhooks(facts, WEBHOOK_URL) if bench.vendor else []


def _assert_rejected(bench: PluginHarness, request: WebhookRequest, why: str) -> WebhookRejected:
    with pytest.raises(WebhookRejected) as refused:
        bench.call(VERIFY, request=request)
    assert refused.value.reason in {"signature", "stale"}, f"{why}: {refused.value}"
    told = str(refused.value)
    assert not [secret for secret in bench.secrets if secret in told], "the refusal tells a secret"
    return refused.value


def _verify_or_reject(bench: PluginHarness, request: WebhookRequest) -> None:
    with suppress(WebhookRejected):
        bench.call(VERIFY, request=request)


def _with_other_secrets(bench: PluginHarness) -> PluginHarness:
    settings = bench.connection.settings
    secrets = {name: _change_secret(getattr(settings, name)) for name in type(settings).model_fields}
    other = copy.copy(bench)
    other.connection = dataclasses.replace(bench.connection, settings=settings.model_copy(update=secrets))
    return other


def _change_secret(value: object) -> object:
    if isinstance(value, SecretStr):
        return SecretStr(value.get_secret_value()[::-1] + "x")
    if isinstance(value, list | tuple):
        return type(value)(_change_secret(item) for item in value)
    return value


def _parse_body(bench: PluginHarness, request: WebhookRequest, body: bytes) -> list[Event] | None:
    try:
        return list(bench.call(PARSE, request=request.model_copy(update={"body": body})))
    except WebhookRejected as error:
        assert error.reason == "unreadable", f"{error}"  # noqa: PT017  # a refusal is one of two right answers
        return None


def _event_keys(events: list[Event] | None) -> list[str] | None:
    return None if events is None else [event.key for event in events]
