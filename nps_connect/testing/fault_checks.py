"""Faults: whatever goes wrong at the vendor becomes the error that says what happens next, and nothing else."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from nps_connect.errors import DeliveryError
from nps_connect.records.answers import VendorAnswer
from nps_connect.records.contacts import ContactKey
from nps_connect.records.deliveries import Receipt
from nps_connect.testing.base import HTTP, ContractBase, needs
from nps_connect.testing.bench import Bench
from nps_connect.testing.faults import FAULTS, Fault
from nps_connect.testing.samples import LEA, PEOPLE

LONGEST_SHORT_WAIT = 2.0
"""Seconds that the client's own short retries may wait in all."""

ODD_BODIES = (
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
class Doing:
    """Something that calls the vendor: an action, or a hook that reads.

    Attributes:
        name: of the action or hook.
        prepare: readies it on a bench before faults are armed; gives what is to be done then.
        writes: it is an action.
    """

    name: str
    prepare: Callable[[Bench], Callable[[], Any]]
    writes: bool

    def __repr__(self) -> str:
        return self.name


def _action(name: str) -> Doing:
    def prepare(bench: Bench) -> Callable[[], Any]:
        item = bench.item(name, LEA)

        def act() -> Any:  # noqa: ANN401
            [outcome] = bench.deliver(name, item)
            if isinstance(outcome, Receipt):
                assert bench.effect(name, item) or not _visible(name), (
                    f"{name} gave a receipt, but the vendor has nothing"
                )
            return outcome

        return act

    return Doing(name, prepare, writes=True)


def _reading(hook: str, **arguments: Any) -> Doing:  # noqa: ANN401
    return Doing(hook, lambda bench: lambda: _raised(lambda: bench.call(hook, **arguments)), writes=False)


READS = (
    _reading("nps_find_contacts", keys=[ContactKey(kind="email", value=person.email) for person in PEOPLE]),
    _reading("nps_poll_events", cursor=None),
    _reading("nps_check"),
    _reading("nps_plan_setup"),
)


class FaultChecks(ContractBase):
    """Every action and every reading hook under every fault, at every one of its requests."""

    _counted: ClassVar[dict[tuple[type, str], int]] = {}

    @classmethod
    def parameters(cls) -> dict[str, Sequence[Any]]:
        """Things that call the vendor, and faults."""
        reads = [doing for doing in READS if doing.name in cls.there()]
        doings = [*(_action(action.action) for action in cls.actions()), *reads]
        return {**super().parameters(), "doing": doings, "fault": FAULTS}

    @needs(HTTP)
    def test_faults(self, doing: Doing, fault: Fault) -> None:
        """The right error class, few requests, no waiting, nothing secret or personal told."""
        requests = self._undisturbed(doing)
        assert 0 < requests <= self.most_requests, f"{doing.name} makes {requests} requests"
        for first in range(requests):
            bench = self.bench()
            act = doing.prepare(bench)
            bench.line.arm(fault, first)
            outcome = act()
            place = f"{doing.name}, request {first + 1} of {requests}: {fault.name}"
            assert self._right(doing, fault, first, outcome), f"{place} became {outcome!r}"
            assert bench.line.seen <= self.most_requests + fault.calls - 1, f"{place}: {bench.line.seen} requests"
            assert sum(bench.clock.slept) <= LONGEST_SHORT_WAIT, f"{place}: waited {bench.clock.slept}"
            if isinstance(outcome, DeliveryError):
                _tells_nothing(bench, outcome, place)

    @needs(HTTP)
    def test_odd_error_bodies_do_not_confuse_it(self) -> None:
        """`refine` gets error bodies of every shape and still gives an error."""
        info = self.info()
        if info.refine is None:
            return
        for status in (400, 403, 404, 409, 422, 429, 500, 503):
            for body in ODD_BODIES:
                answer = VendorAnswer(status, {}, body)
                refined = info.refine(DeliveryError("refused", status=status), answer, self.bench().clock())
                assert isinstance(refined, DeliveryError), f"status {status}, body {body!r}: {refined!r}"

    def _undisturbed(self, doing: Doing) -> int:
        key = (type(self), doing.name)
        if key not in self._counted:
            bench = self.bench()
            act = doing.prepare(bench)
            bench.line.arm(None)
            outcome = act()
            assert not isinstance(outcome, DeliveryError), f"{doing.name} fails without any fault: {outcome!r}"
            self._counted[key] = bench.line.seen
        return self._counted[key]

    def _right(self, doing: Doing, fault: Fault, first: int, outcome: object) -> bool:
        expected = fault.told_by(self.info())
        if isinstance(outcome, DeliveryError):
            anything = fault.refusal and not doing.writes
            return anything or isinstance(outcome, expected)
        if doing.name == "nps_check":
            return isinstance(outcome, list | tuple) and any(finding.severity != "ok" for finding in outcome)
        return first > 0 or (fault.refusal and not doing.writes)


def _visible(action: str) -> bool:
    return action in {"open_ticket", "write_score", "send_alert"}


def _raised(call: Callable[[], Any]) -> Any:  # noqa: ANN401
    try:
        return call()
    except DeliveryError as error:
        return error


def _tells_nothing(bench: Bench, error: DeliveryError, place: str) -> None:
    told = "\n".join([str(error), repr(error), repr(vars(error)), *traceback.format_exception(error)])
    assert not [secret for secret in bench.secrets if secret in told], f"{place}: the error tells a secret"
    assert not [person.email for person in PEOPLE if person.email in told], f"{place}: the error tells an address"
