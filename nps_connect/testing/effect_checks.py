"""Effect checks: each delivery has exactly one effect, batches keep their order, connections are isolated."""

from __future__ import annotations

import json
import threading
from datetime import timedelta

from nps_connect.errors import DeliveryError, OutcomeUnknown, Rejected, RetryLater
from nps_connect.records.actions import CaseState
from nps_connect.records.deliveries import CaseOutcome, Payload, Receipt
from nps_connect.records.responses import Response
from nps_connect.testing.contract_base import HTTP, VENDOR, ActionCase, ContractBase, needs
from nps_connect.testing.faults import LOST_AFTER_APPLYING
from nps_connect.testing.harness import VISIBLE_ACTIONS, PluginHarness
from nps_connect.testing.samples import LEA, OMAR, build_case_outcome, build_payload, build_response


class EffectChecks(ContractBase):
    """Checks of what is visible at the vendor. `action` runs over the declared actions."""

    @needs(HTTP)
    def test_delivery_returns_a_receipt_and_has_one_effect(self, action: ActionCase) -> None:
        """Without a fault, the action succeeds and its effect is visible at the vendor."""
        harness = self.harness()
        item = harness.build_item(action.name, LEA, score=2)
        [outcome] = harness.deliver(action.name, item)
        assert isinstance(outcome, Receipt), f"{outcome!r}"
        assert outcome.id, "the receipt has no id"
        if action.name == "write_score":
            assert harness.visible_effect("write_score", item) == 2
        if action.name == "write_case_outcome":
            assert harness.visible_effect("write_case_outcome", item) == "solved"
        if action.name in {"open_ticket", "update_ticket"}:
            tickets = harness.visible_effect(action.name, item)
            assert isinstance(tickets, tuple)
            assert len(tickets) == 1, f"tickets at the vendor: {tickets}"

    @needs(HTTP)
    def test_find_existing_returns_none_before_delivery(self, action_with_lookup: ActionCase) -> None:
        """`nps_find_existing` returns None for a delivery that never happened."""
        harness = self.harness()
        assert harness.find_existing(action_with_lookup.name, harness.build_item(action_with_lookup.name, LEA)) is None

    @needs(HTTP)
    def test_repeated_delivery_has_one_effect(self, action: ActionCase) -> None:
        """Redelivery after a success that was not recorded adds nothing at the vendor."""
        harness = self.harness()
        item = harness.build_item(action.name, LEA)
        [first] = harness.deliver(action.name, item)
        assert isinstance(first, Receipt), f"{first!r}"
        before = harness.visible_effect(action.name, item)
        second = harness.redeliver(action.name, item, in_doubt=True)
        if second is None:
            return
        assert isinstance(second, Receipt), f"{second!r}"
        if action.name != "send_alert":  # a duplicate alert is better than a lost one
            assert second.id == first.id, "the second receipt names another object than the first"
            assert harness.visible_effect(action.name, item) == before, "the second delivery had an effect of its own"

    @needs(HTTP)
    def test_lost_response_has_one_effect(self, action: ActionCase) -> None:
        """Whichever response is lost, the retry that the outcome asks for ends with exactly one effect."""
        for fault in LOST_AFTER_APPLYING:
            for first in range(self._count_action_requests(action.name)):
                harness = self.harness()
                item = harness.build_item(action.name, LEA)
                harness.transport.arm(fault, first)
                [outcome] = harness.deliver(action.name, item)
                place = f"{action.name}, request {first + 1}, {fault.name}"
                harness.transport.arm(None)
                if isinstance(outcome, DeliveryError):
                    assert isinstance(outcome, RetryLater | OutcomeUnknown), f"{place}: {outcome!r}"
                    last = harness.redeliver(action.name, item, in_doubt=isinstance(outcome, OutcomeUnknown))
                    assert last is None or isinstance(last, Receipt), f"{place}, then {last!r}"
                effect = harness.visible_effect(action.name, item)
                if action.name in {"open_ticket", "update_ticket"}:
                    assert isinstance(effect, tuple), f"{place}: no ticket at the vendor"
                    assert len(effect) == 1, f"{place}: tickets at the vendor: {effect}"
                elif action.name in VISIBLE_ACTIONS:
                    assert effect, f"{place}: nothing at the vendor"

    @needs(HTTP, "nps_write_scores")
    def test_older_response_never_overwrites_a_newer_one(self) -> None:
        """Scores that arrive out of order end with the newest one."""
        harness = self.harness()
        newer = harness.build_item("write_score", LEA, score=9)
        older = harness.build_item("write_score", LEA, score=3, age=timedelta(days=2))
        harness.deliver("write_score", newer)
        harness.deliver("write_score", older)
        assert harness.visible_effect("write_score", newer) == 9

    @needs(HTTP, "nps_write_case_outcomes")
    def test_older_case_outcome_never_overwrites_a_newer_one(self) -> None:
        """Outcomes that arrive out of order end with the newest state of the newest case, as often as they come."""
        harness = self.harness()
        contact = harness.find_contact(LEA)
        first_case, second_case = (build_response(LEA, at=harness.clock() - timedelta(days=age)) for age in (3, 1))
        second_case = second_case.model_copy(update={"id": "r-second"})

        def build(response: Response, state: CaseState, revision: int) -> CaseOutcome:
            key = f"{response.id}-{revision}"
            return build_case_outcome(contact, response, key=key, state=state, revision=revision)

        newest = build(second_case, "recovered", 3)
        for item in (newest, build(second_case, "open", 1), build(first_case, "solved", 9), newest):
            [outcome] = harness.deliver("write_case_outcome", item)
            assert isinstance(outcome, Receipt), f"{outcome!r}"
            assert harness.visible_effect("write_case_outcome", newest) == "recovered"

    @needs(HTTP)
    def test_batch_outcomes_follow_item_order(self, batched_action: ActionCase) -> None:
        """A batch has one outcome per item, in order; a missing subject does not block the others."""
        harness = self.harness()
        items = [
            harness.build_item(batched_action.name, LEA, score=1),
            _missing_subject_item(harness, batched_action.name),
            harness.build_item(batched_action.name, OMAR, score=9),
        ]
        first, gone, last = harness.deliver(batched_action.name, *items)
        assert isinstance(first, Receipt), f"{first!r}"
        assert isinstance(last, Receipt), f"{last!r}"
        assert first.id != last.id, "two subjects share one receipt"
        assert not isinstance(gone, OutcomeUnknown | RetryLater), f"a missing subject became {gone!r}"
        if batched_action.name == "write_score":
            assert [harness.visible_effect("write_score", item) for item in (items[0], items[2])] == [1, 9]

    @needs(HTTP)
    def test_concurrent_connections_are_isolated(self, action: ActionCase) -> None:
        """The connection is an argument: nothing of one connection reaches the vendor of the other."""
        harnesses = [self.harness(name="one"), self.harness(name="two")]
        items = [
            harnesses[0].build_item(action.name, LEA, score=1),
            harnesses[1].build_item(action.name, OMAR, score=9),
        ]
        outcomes = _deliver_concurrently(action.name, harnesses, items)
        for harness, item, outcome in zip(harnesses, items, outcomes, strict=True):
            assert isinstance(outcome, Receipt), f"{harness.connection.name}: {outcome!r}"
            effect = harness.visible_effect(action.name, item)
            assert effect or action.name not in VISIBLE_ACTIONS
        for harness, foreign in zip(harnesses, reversed(items), strict=True):
            assert not harness.visible_effect(action.name, foreign), (
                f"{harness.connection.name} has the other connection's effect"
            )

    @needs(VENDOR)
    def test_simulated_vendor_fits_the_sandbox(self) -> None:
        """The simulated vendor has a JSON-ready state and the environment variables that lead to it."""
        harness = self.harness()
        assert harness.vendor is not None
        assert json.loads(json.dumps(harness.vendor.state())) == harness.vendor.state()
        example_variables = harness.info.example.environment
        variables = harness.vendor.environment("http://127.0.0.1:1/vendor", harness.info.example.connection)
        assert variables, "the simulated vendor names no environment variables"
        assert {name for name in variables if not name.startswith("NPS_CONNECT_")} <= set(example_variables)

    def _count_action_requests(self, action: str) -> int:
        harness = self.harness()
        item = harness.build_item(action, LEA)
        harness.transport.arm(None)
        harness.deliver(action, item)
        return harness.transport.request_count


def _missing_subject_item(harness: PluginHarness, action: str) -> Payload:
    contact = harness.find_contact(LEA).model_copy(
        update={"id": "999999999999", "email": "nobody@example.com", "name": "Nobody"}
    )
    response = build_response(LEA, at=harness.clock()).model_copy(update={"id": "r-nobody"})
    return build_payload(action, contact, response, key=f"r-nobody-{action}", ticket_id="999999999999")


def _deliver_concurrently(
    action: str, harnesses: list[PluginHarness], items: list[Payload]
) -> list[Receipt | DeliveryError | None]:
    outcomes: list[Receipt | DeliveryError | None] = [None] * len(harnesses)
    ready = threading.Barrier(len(harnesses))

    def run(number: int) -> None:
        ready.wait()
        try:
            [outcomes[number]] = harnesses[number].deliver(action, items[number])
        except Exception as error:  # noqa: BLE001  # an exception in a thread must fail the check
            outcomes[number] = Rejected(f"raised {error!r}")

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(harnesses))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes
