"""Fault checks: every fault at the vendor becomes the error class that determines the next step."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from nps_connect.errors import DeliveryError
from nps_connect.records.contacts import ContactKey
from nps_connect.records.deliveries import Receipt
from nps_connect.records.vendor_responses import VendorResponse
from nps_connect.testing.contract_base import HTTP, ContractBase, needs
from nps_connect.testing.faults import FAULT_CASES, FaultCase
from nps_connect.testing.harness import VISIBLE_ACTIONS, PluginHarness
from nps_connect.testing.samples import LEA, PEOPLE

MAX_CLIENT_RETRY_SECONDS = 2.0
"""Maximum total seconds of the client's own short retries."""

MALFORMED_ERROR_BODIES = (
    b"",
    b"null",
    b"[]",
    b"{}",
    b"0",
    b'"text"',
    b"[null]",
    b'{"errors": "text"}',
    b'{"errors": [null]}',
    b'{"error": {"a": 1}}',
    b'{"message": ["x"]}',
    b'{"category": 7, "context": []}',
    b"<html>",
    b"\xff",
)


@dataclass(frozen=True)
class VendorCall:
    """Something that calls the vendor: an action, or a hook that reads.

    Attributes:
        name: of the action or hook.
        prepare: prepares the call on a harness before faults are armed; returns the call.
        writes: whether it is an action.
    """

    name: str
    prepare: Callable[[PluginHarness], Callable[[], Any]]
    writes: bool

    def __repr__(self) -> str:
        return self.name


def _action_call(name: str) -> VendorCall:
    def prepare(harness: PluginHarness) -> Callable[[], Any]:
        item = harness.build_item(name, LEA)

        def act() -> Any:  # noqa: ANN401
            [outcome] = harness.deliver(name, item)
            if isinstance(outcome, Receipt):
                assert harness.visible_effect(name, item) or not _has_visible_effect(name), (
                    f"{name} returned a receipt, but the vendor has nothing"
                )
            return outcome

        return act

    return VendorCall(name, prepare, writes=True)


def _read_call(hook: str, **arguments: Any) -> VendorCall:  # noqa: ANN401
    def prepare(harness: PluginHarness) -> Callable[[], Any]:
        return lambda: _result_or_error(lambda: harness.call(hook, **arguments))

    return VendorCall(hook, prepare, writes=False)


READ_CALLS = (
    _read_call("nps_find_contacts", keys=[ContactKey(kind="email", value=person.email) for person in PEOPLE]),
    _read_call("nps_poll_events", cursor=None),
    _read_call("nps_check"),
    _read_call("nps_plan_setup"),
)


class FaultChecks(ContractBase):
    """Every action and every reading hook, with every fault, at each of its requests."""

    _request_counts: ClassVar[dict[tuple[type, str], int]] = {}

    @classmethod
    def parameters(cls) -> dict[str, Sequence[Any]]:
        """Return the calls to the vendor and the fault cases."""
        reads = [read for read in READ_CALLS if read.name in cls.features()]
        writes = [_action_call(action.action) for action in cls.actions()]
        return {**super().parameters(), "vendor_call": [*writes, *reads], "fault_case": FAULT_CASES}

    @needs(HTTP)
    def test_faults(self, vendor_call: VendorCall, fault_case: FaultCase) -> None:
        """Each fault becomes the right error class: few requests, no waiting, no secret or address in the text."""
        requests = self._count_requests(vendor_call)
        assert 0 < requests <= self.max_requests, f"{vendor_call.name} makes {requests} requests"
        for first in range(requests):
            harness = self.harness()
            act = vendor_call.prepare(harness)
            harness.transport.arm(fault_case, first)
            outcome = act()
            place = f"{vendor_call.name}, request {first + 1} of {requests}: {fault_case.name}"
            assert self._is_expected(vendor_call, fault_case, first, outcome), f"{place} became {outcome!r}"
            sent = harness.transport.request_count
            assert sent <= self.max_requests + fault_case.calls - 1, f"{place}: {sent} requests"
            assert sum(harness.clock.slept) <= MAX_CLIENT_RETRY_SECONDS, f"{place}: waited {harness.clock.slept}"
            if isinstance(outcome, DeliveryError):
                _assert_no_leak(harness, outcome, place)

    @needs(HTTP)
    def test_malformed_error_bodies_are_handled(self) -> None:
        """`refine` returns an error for error bodies of every shape."""
        info = self.info()
        if info.refine is None:
            return
        for status in (400, 403, 404, 409, 422, 429, 500, 503):
            for body in MALFORMED_ERROR_BODIES:
                response = VendorResponse(status, {}, body)
                refined = info.refine(DeliveryError("refused", status=status), response, self.harness().clock())
                assert isinstance(refined, DeliveryError), f"status {status}, body {body!r}: {refined!r}"

    def _count_requests(self, vendor_call: VendorCall) -> int:
        key = (type(self), vendor_call.name)
        if key not in self._request_counts:
            harness = self.harness()
            act = vendor_call.prepare(harness)
            harness.transport.arm(None)
            outcome = act()
            assert not isinstance(outcome, DeliveryError), f"{vendor_call.name} fails without any fault: {outcome!r}"
            self._request_counts[key] = harness.transport.request_count
        return self._request_counts[key]

    def _is_expected(self, vendor_call: VendorCall, fault_case: FaultCase, first: int, outcome: object) -> bool:
        expected = fault_case.expected_for(self.info())
        if isinstance(outcome, DeliveryError):
            is_lookup_refusal = fault_case.refusal and not vendor_call.writes
            return is_lookup_refusal or isinstance(outcome, expected)
        if vendor_call.name == "nps_check":
            return isinstance(outcome, list | tuple) and any(finding.severity != "ok" for finding in outcome)
        return first > 0 or (fault_case.refusal and not vendor_call.writes)


def _has_visible_effect(action: str) -> bool:
    return action in VISIBLE_ACTIONS


def _result_or_error(call: Callable[[], Any]) -> Any:  # noqa: ANN401
    try:
        return call()
    except DeliveryError as error:
        return error


def _assert_no_leak(harness: PluginHarness, error: DeliveryError, place: str) -> None:
    text = "\n".join([str(error), repr(error), repr(vars(error)), *traceback.format_exception(error)])
    assert not [secret for secret in harness.secrets if secret in text], f"{place}: the error contains a secret"
    assert not [person.email for person in PEOPLE if person.email in text], f"{place}: the error contains an address"
