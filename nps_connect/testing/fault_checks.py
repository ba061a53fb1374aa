"""Faults: whatever goes wrong at the vendor becomes the error that says what happens next, and nothing else."""

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
from nps_connect.testing.harness import PluginHarness
from nps_connect.testing.samples import LEA, PEOPLE

MAX_CLIENT_RETRY_SECONDS = 2.0
"""Seconds that the client's own short retries may wait in all."""

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
        prepare: readies it on a bench before faults are armed; gives what is to be done then.
        writes: it is an action.
    """

    name: str
    prepare: Callable[[PluginHarness], Callable[[], Any]]
    writes: bool

    def __repr__(self) -> str:
        return self.name


def _action_call(name: str) -> VendorCall:
    def prepare(bench: PluginHarness) -> Callable[[], Any]:
        item = bench.item(name, LEA)

        def act() -> Any:  # noqa: ANN401
            [outcome] = bench.deliver(name, item)
            if isinstance(outcome, Receipt):
                assert bench.effect(name, item) or not _has_visible_effect(name), (
                    f"{name} gave a receipt, but the vendor has nothing"
                )
            return outcome

        return act

    return VendorCall(name, prepare, writes=True)


def _read_call(hook: str, **arguments: Any) -> VendorCall:  # noqa: ANN401
    return VendorCall(hook, lambda bench: lambda: _result_or_error(lambda: bench.call(hook, **arguments)), writes=False)


READ_CALLS = (
    _read_call("nps_find_contacts", keys=[ContactKey(kind="email", value=person.email) for person in PEOPLE]),
    _read_call("nps_poll_events", cursor=None),
    _read_call("nps_check"),
    _read_call("nps_plan_setup"),
)


class FaultChecks(ContractBase):
    """Every action and every reading hook under every fault, at every one of its requests."""

    _counted: ClassVar[dict[tuple[type, str], int]] = {}

    @classmethod
    def parameters(cls) -> dict[str, Sequence[Any]]:
        """Things that call the vendor, and faults."""
        reads = [doing for doing in READ_CALLS if doing.name in cls.features()]
        doings = [*(_action_call(action.action) for action in cls.actions()), *reads]
        return {**super().parameters(), "doing": doings, "fault": FAULT_CASES}

    @needs(HTTP)
    def test_faults(self, doing: VendorCall, fault: FaultCase) -> None:
        """The right error class, few requests, no waiting, nothing secret or personal told."""
        requests = self._count_requests(doing)
        assert 0 < requests <= self.max_requests, f"{doing.name} makes {requests} requests"
        for first in range(requests):
            bench = self.harness()
            act = doing.prepare(bench)
            bench.line.arm(fault, first)
            outcome = act()
            place = f"{doing.name}, request {first + 1} of {requests}: {fault.name}"
            assert self._is_expected(doing, fault, first, outcome), f"{place} became {outcome!r}"
            assert bench.line.seen <= self.max_requests + fault.calls - 1, f"{place}: {bench.line.seen} requests"
            assert sum(bench.clock.slept) <= MAX_CLIENT_RETRY_SECONDS, f"{place}: waited {bench.clock.slept}"
            if isinstance(outcome, DeliveryError):
                _assert_no_leak(bench, outcome, place)

    @needs(HTTP)
    def test_odd_error_bodies_do_not_confuse_it(self) -> None:
        """`refine` gets error bodies of every shape and still gives an error."""
        info = self.info()
        if info.refine is None:
            return
        for status in (400, 403, 404, 409, 422, 429, 500, 503):
            for body in MALFORMED_ERROR_BODIES:
                answer = VendorResponse(status, {}, body)
                refined = info.refine(DeliveryError("refused", status=status), answer, self.harness().clock())
                assert isinstance(refined, DeliveryError), f"status {status}, body {body!r}: {refined!r}"

    def _count_requests(self, doing: VendorCall) -> int:
        key = (type(self), doing.name)
        if key not in self._counted:
            bench = self.harness()
            act = doing.prepare(bench)
            bench.line.arm(None)
            outcome = act()
            assert not isinstance(outcome, DeliveryError), f"{doing.name} fails without any fault: {outcome!r}"
            self._counted[key] = bench.line.seen
        return self._counted[key]

    def _is_expected(self, doing: VendorCall, fault: FaultCase, first: int, outcome: object) -> bool:
        expected = fault.expected_for(self.info())
        if isinstance(outcome, DeliveryError):
            anything = fault.refusal and not doing.writes
            return anything or isinstance(outcome, expected)
        if doing.name == "nps_check":
            return isinstance(outcome, list | tuple) and any(finding.severity != "ok" for finding in outcome)
        return first > 0 or (fault.refusal and not doing.writes)


def _has_visible_effect(action: str) -> bool:
    return action in {"open_ticket", "write_score", "send_alert"}


def _result_or_error(call: Callable[[], Any]) -> Any:  # noqa: ANN401
    try:
        return call()
    except DeliveryError as error:
        return error


def _assert_no_leak(bench: PluginHarness, error: DeliveryError, place: str) -> None:
    told = "\n".join([str(error), repr(error), repr(vars(error)), *traceback.format_exception(error)])
    assert not [secret for secret in bench.secrets if secret in told], f"{place}: the error tells a secret"
    assert not [person.email for person in PEOPLE if person.email in told], f"{place}: the error tells an address"
