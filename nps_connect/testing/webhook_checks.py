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
from nps_connect.sandbox.vendor import VendorWebhook
from nps_connect.testing.base import ContractBase, needs
from nps_connect.testing.bench import Bench
from nps_connect.testing.mutations import NOT_WEBHOOKS, ODD, places, renamed, replaced, with_news, without
from nps_connect.testing.samples import LEA
from nps_connect.testing.vendor import WEBHOOK_URL, arrived

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
        bench = self.bench()
        for facts in _facts(bench):
            first, again = (self._keys(bench, facts) for _ in range(2))
            assert first == again

    @needs(VERIFY)
    def test_tampered_webhooks_are_refused(self) -> None:
        """Another body, no signature, or another account's secret."""
        for bench, request in self._genuine():
            for body in (request.body + b" ", request.body[:-1], b"", request.body.replace(b"1", b"2", 1) + b"\n"):
                _refused(bench, request.model_copy(update={"body": body}), "another body")
            _refused(bench, request.model_copy(update={"headers": {}}), "no headers")
            for name, value in request.headers.items():
                garbled = request.model_copy(update={"headers": {**request.headers, name: f"{value[:-2]}é\x00"}})
                _verified_or_refused(bench, garbled)
            _refused(_of_another_account(bench), request, "another account's secret")

    @needs(VERIFY)
    def test_stale_webhooks_are_refused(self) -> None:
        """A genuine webhook that is sent again much later, or comes from the future, is not believed."""
        if self.stale_after is None:
            return
        for bench, request in self._genuine():
            for away in (self.stale_after, -self.stale_after):
                moved = request.model_copy(update={"received_at": request.received_at + away})
                assert _refused(bench, moved, f"{away} away").reason == "stale"

    @needs(PARSE)
    def test_kinds_that_nobody_knows_give_no_events(self) -> None:
        """The vendor can add kinds of events at any time."""
        for bench, request in self._genuine():
            readings = [_read(bench, request, body) for body in renamed(json.loads(request.body))]
            assert [] in readings, f"no unknown kind was left out: {request.body!r}"

    @needs(PARSE)
    def test_fields_that_nobody_knows_do_no_harm(self) -> None:
        """The vendor can add fields at any time."""
        for bench, request in self._genuine():
            news = with_news(json.loads(request.body))
            assert _keys_of(_read(bench, request, news)) == _keys_of(_read(bench, request, request.body))

    @needs(PARSE)
    def test_bodies_of_any_shape_are_read_or_refused(self) -> None:
        """What cannot be read is `unreadable`, so that it is kept and can be replayed; it is never a crash."""
        for bench, request in self._genuine():
            content = json.loads(request.body)
            for path in places(content):
                for value in ODD:
                    _read(bench, request, replaced(content, path, value))
                _read(bench, request, without(content, path))
            for body in NOT_WEBHOOKS:
                _read(bench, request, body)

    def _genuine(self) -> list[tuple[Bench, WebhookRequest]]:
        bench = self.bench()
        found = [arrived(golden.webhook, golden.received_at, golden.url) for golden in self.golden]
        for facts in _facts(bench):
            found += [arrived(webhook, bench.clock()) for webhook in _sent(bench, facts)]
        assert found, "give golden webhooks, or let the simulated vendor make them (happen, webhooks)"
        return [(bench, request) for request in found]

    def _keys(self, bench: Bench, facts: list[str]) -> list[str]:
        requests = [arrived(webhook, bench.clock()) for webhook in _sent(bench, facts)]
        return sorted(event.key for request in requests for event in bench.call(PARSE, request=request))


def _facts(bench: Bench) -> list[list[str]]:
    if bench.vendor is None:
        return []
    happened = [bench.vendor.happen(kind.name, LEA.email) for kind in bench.info.events]
    return [facts for facts in happened if facts]


def _sent(bench: Bench, facts: list[str]) -> list[VendorWebhook]:
    return bench.vendor.webhooks(facts, WEBHOOK_URL) if bench.vendor else []


def _refused(bench: Bench, request: WebhookRequest, why: str) -> WebhookRejected:
    with pytest.raises(WebhookRejected) as refused:
        bench.call(VERIFY, request=request)
    assert refused.value.reason in {"signature", "stale"}, f"{why}: {refused.value}"
    told = str(refused.value)
    assert not [secret for secret in bench.secrets if secret in told], "the refusal tells a secret"
    return refused.value


def _verified_or_refused(bench: Bench, request: WebhookRequest) -> None:
    with suppress(WebhookRejected):
        bench.call(VERIFY, request=request)


def _of_another_account(bench: Bench) -> Bench:
    settings = bench.connection.settings
    secrets = {name: _changed(getattr(settings, name)) for name in type(settings).model_fields}
    other = copy.copy(bench)
    other.connection = dataclasses.replace(bench.connection, settings=settings.model_copy(update=secrets))
    return other


def _changed(value: object) -> object:
    if isinstance(value, SecretStr):
        return SecretStr(value.get_secret_value()[::-1] + "x")
    if isinstance(value, list | tuple):
        return type(value)(_changed(item) for item in value)
    return value


def _read(bench: Bench, request: WebhookRequest, body: bytes) -> list[Event] | None:
    try:
        return list(bench.call(PARSE, request=request.model_copy(update={"body": body})))
    except WebhookRejected as error:
        assert error.reason == "unreadable", f"{error}"  # noqa: PT017  # a refusal is one of two right answers
        return None


def _keys_of(events: list[Event] | None) -> list[str] | None:
    return None if events is None else [event.key for event in events]
