"""Effects: one delivery, one effect, whatever gets lost on the way; batches keep their order; accounts do not mix."""

from __future__ import annotations

import json
import threading
from datetime import timedelta

from nps_connect.errors import DeliveryError, OutcomeUnknown, Rejected, RetryLater
from nps_connect.records.deliveries import Payload, Receipt
from nps_connect.testing.contract_base import HTTP, VENDOR, ActionCase, ContractBase, needs
from nps_connect.testing.faults import LOST_AFTER_APPLYING
from nps_connect.testing.harness import PluginHarness
from nps_connect.testing.samples import LEA, OMAR, build_payload, build_response


class EffectChecks(ContractBase):
    """What is seen at the vendor. `action` runs over the declared actions."""

    @needs(HTTP)
    def test_a_delivery_gives_a_receipt_and_its_effect(self, action: ActionCase) -> None:
        """Undisturbed, an action succeeds and can be seen at the vendor."""
        bench = self.harness()
        item = bench.item(action.name, LEA, score=2)
        [outcome] = bench.deliver(action.name, item)
        assert isinstance(outcome, Receipt), f"{outcome!r}"
        assert outcome.id, "the receipt has no id"
        if action.name == "write_score":
            assert bench.effect("write_score", item) == 2
        if action.name in {"open_ticket", "update_ticket"}:
            tickets = bench.effect(action.name, item)
            assert isinstance(tickets, tuple)
            assert len(tickets) == 1, f"tickets at the vendor: {tickets}"

    @needs(HTTP)
    def test_nothing_exists_before_it_was_delivered(self, looked: ActionCase) -> None:
        """`nps_find_existing` finds nothing where nothing is."""
        bench = self.harness()
        assert bench.find_existing(looked.name, bench.item(looked.name, LEA)) is None

    @needs(HTTP)
    def test_delivering_twice_leaves_one_effect(self, action: ActionCase) -> None:
        """The same delivery again, after a success that nobody wrote down, adds nothing at the vendor."""
        bench = self.harness()
        item = bench.item(action.name, LEA)
        [first] = bench.deliver(action.name, item)
        assert isinstance(first, Receipt), f"{first!r}"
        before = bench.effect(action.name, item)
        again = bench.again(action.name, action.doubt, item, in_doubt=True)
        if again is None:
            return
        assert isinstance(again, Receipt), f"{again!r}"
        if action.name != "send_alert":  # one too many beats none
            assert again.id == first.id, "the second receipt names another thing than the first"
            assert bench.effect(action.name, item) == before, "the second delivery had an effect of its own"

    @needs(HTTP)
    def test_a_lost_answer_leaves_one_effect(self, action: ActionCase) -> None:
        """Whichever request's answer is lost, doing what the outcome says ends with exactly one effect."""
        for fault in LOST_AFTER_APPLYING:
            for first in range(self._requests_of(action.name)):
                bench = self.harness()
                item = bench.item(action.name, LEA)
                bench.line.arm(fault, first)
                [outcome] = bench.deliver(action.name, item)
                place = f"{action.name}, request {first + 1}, {fault.name}"
                bench.line.arm(None)
                if isinstance(outcome, DeliveryError):
                    assert isinstance(outcome, RetryLater | OutcomeUnknown), f"{place}: {outcome!r}"
                    last = bench.again(action.name, action.doubt, item, in_doubt=isinstance(outcome, OutcomeUnknown))
                    assert last is None or isinstance(last, Receipt), f"{place}, then {last!r}"
                effect = bench.effect(action.name, item)
                if action.name in {"open_ticket", "update_ticket"}:
                    assert isinstance(effect, tuple), f"{place}: no ticket at the vendor"
                    assert len(effect) == 1, f"{place}: tickets at the vendor: {effect}"
                elif action.name in {"write_score", "send_alert"}:
                    assert effect, f"{place}: nothing at the vendor"

    @needs(HTTP, "nps_write_scores")
    def test_an_older_answer_never_overwrites_a_newer_one(self) -> None:
        """Scores that arrive out of order end with the newest."""
        bench = self.harness()
        newer = bench.item("write_score", LEA, score=9)
        older = bench.item("write_score", LEA, score=3, earlier=timedelta(days=2))
        bench.deliver("write_score", newer)
        bench.deliver("write_score", older)
        assert bench.effect("write_score", newer) == 9

    @needs(HTTP)
    def test_batches_keep_their_order(self, batched: ActionCase) -> None:
        """One outcome per item, each its own; a subject that is gone blocks nobody else."""
        bench = self.harness()
        items = [
            bench.item(batched.name, LEA, score=1),
            _missing_subject_item(bench, batched.name),
            bench.item(batched.name, OMAR, score=9),
        ]
        first, gone, last = bench.deliver(batched.name, *items)
        assert isinstance(first, Receipt), f"{first!r}"
        assert isinstance(last, Receipt), f"{last!r}"
        assert first.id != last.id, "two subjects got one receipt"
        assert not isinstance(gone, OutcomeUnknown | RetryLater), f"a subject that is gone became {gone!r}"
        if batched.name == "write_score":
            assert [bench.effect("write_score", item) for item in (items[0], items[2])] == [1, 9]

    @needs(HTTP)
    def test_two_accounts_in_two_threads_do_not_mix(self, action: ActionCase) -> None:
        """The account arrives as an argument: nothing of one connection reaches the other's vendor."""
        benches = [self.harness(name="one"), self.harness(name="two")]
        items = [benches[0].item(action.name, LEA, score=1), benches[1].item(action.name, OMAR, score=9)]
        outcomes = _deliver_concurrently(action.name, benches, items)
        for bench, item, outcome in zip(benches, items, outcomes, strict=True):
            assert isinstance(outcome, Receipt), f"{bench.connection.name}: {outcome!r}"
            own = bench.effect(action.name, item)
            assert own or action.name not in {"open_ticket", "write_score", "send_alert"}
        for bench, foreign in zip(benches, reversed(items), strict=True):
            assert not bench.effect(action.name, foreign), f"{bench.connection.name} holds the other account's effect"

    @needs(VENDOR)
    def test_its_simulated_vendor_tells_its_state(self) -> None:
        """The simulated vendor is ready for the sandbox: JSON-ready state, and the environment that leads to it."""
        bench = self.harness()
        assert bench.vendor is not None
        assert json.loads(json.dumps(bench.vendor.state())) == bench.vendor.state()
        known = bench.info.example.environment
        given = bench.vendor.environment("http://127.0.0.1:1/vendor", bench.info.example.connection)
        assert given, "it does not tell how to reach it"
        assert {name for name in given if not name.startswith("NPS_CONNECT_")} <= set(known)

    def _requests_of(self, action: str) -> int:
        bench = self.harness()
        item = bench.item(action, LEA)
        bench.line.arm(None)
        bench.deliver(action, item)
        return bench.line.seen


def _missing_subject_item(bench: PluginHarness, action: str) -> Payload:
    contact = bench.contact(LEA).model_copy(
        update={"id": "999999999999", "email": "nobody@example.com", "name": "Nobody"}
    )
    response = build_response(LEA, at=bench.clock()).model_copy(update={"id": "r-nobody"})
    return build_payload(action, contact, response, key=f"r-nobody-{action}", ticket_id="999999999999")


def _deliver_concurrently(
    action: str, benches: list[PluginHarness], items: list[Payload]
) -> list[Receipt | DeliveryError | None]:
    outcomes: list[Receipt | DeliveryError | None] = [None] * len(benches)
    ready = threading.Barrier(len(benches))

    def run(number: int) -> None:
        ready.wait()
        try:
            [outcomes[number]] = benches[number].deliver(action, items[number])
        except Exception as error:  # noqa: BLE001  # a thread's failure must fail the check, not vanish
            outcomes[number] = Rejected(f"raised {error!r}")

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(benches))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes
