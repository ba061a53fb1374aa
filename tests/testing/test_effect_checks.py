"""The effect checks find no effect, two effects and effects on the wrong person."""

import pytest
from testing import acme
from testing.acme.simulated import SimulatedAcme

from nps_connect import DeliveryError, Receipt, RetryLater, TargetGone


def open_as_idempotent(connection, drafts):
    """Open tickets without an idempotency key, declared as idempotent."""
    return [ticket(connection, draft, idempotent=True, idempotency_key=None) for draft in drafts]


def ticket(connection, draft, **more):
    body = {
        "external_id": draft.external_id,
        "email": draft.contact.email,
        "subject": draft.subject,
        "body": draft.body,
    }
    defaults = {
        "idempotent": False,
        "json": body,
        "headers": {"Idempotency-Key": f"{id(draft)}{connection.random.random()}"},
    }
    response = connection.http.call_json("POST", "/tickets", action="open_ticket", **{**defaults, **more})
    return Receipt(id=response["ticket"]["id"])


def open_as_not_idempotent(connection, drafts):
    """Open tickets without an idempotency key, declared as not idempotent."""
    return [ticket(connection, draft) for draft in drafts]


def test_the_correct_plugin_passes(contract, findings):
    correct = contract(acme)
    for check in ("test_delivery_returns_a_receipt_and_has_one_effect", "test_lost_response_has_one_effect"):
        assert findings(correct, check) == []


def test_a_receipt_without_an_id_fails(contract, make_broken_plugin, findings):
    wrong = make_broken_plugin(nps_open_tickets=lambda connection, drafts: [Receipt(id="") for _ in drafts])
    assert "no id" in "\n".join(findings(contract(wrong), "test_delivery_returns_a_receipt_and_has_one_effect"))


def test_a_receipt_without_an_effect_fails(contract, make_broken_plugin, findings):
    wrong = make_broken_plugin(nps_open_tickets=lambda connection, drafts: [Receipt(id="t-1") for _ in drafts])
    assert findings(contract(wrong), "test_delivery_returns_a_receipt_and_has_one_effect")


def test_two_tickets_for_one_draft_fail(contract, make_broken_plugin, findings):
    def nps_open_tickets(connection, drafts):
        open_as_not_idempotent(connection, drafts)
        return open_as_not_idempotent(connection, drafts)

    failures = findings(
        contract(make_broken_plugin(nps_open_tickets=nps_open_tickets)),
        "test_delivery_returns_a_receipt_and_has_one_effect",
    )
    assert "tickets at the vendor: ('t-1', 't-2')" in "\n".join(failures)


def test_finding_a_delivery_that_never_happened_fails(contract, make_broken_plugin, findings):
    wrong = make_broken_plugin(nps_find_existing=lambda connection, delivery: Receipt(id="t-1"))
    assert findings(contract(wrong), "test_find_existing_returns_none_before_delivery")
    assert findings(contract(acme), "test_find_existing_returns_none_before_delivery") == []


def test_a_second_ticket_after_redelivery_fails(contract, make_broken_plugin, findings):
    blind = make_broken_plugin(
        nps_open_tickets=open_as_not_idempotent, nps_find_existing=lambda connection, delivery: None
    )
    assert findings(contract(blind), "test_repeated_delivery_has_one_effect")
    with_lookup = make_broken_plugin(nps_open_tickets=open_as_not_idempotent)
    assert findings(contract(with_lookup), "test_repeated_delivery_has_one_effect") == []


def test_finding_another_ticket_than_the_opened_one_fails(contract, make_broken_plugin, findings):
    wrong = make_broken_plugin(nps_find_existing=lambda connection, delivery: Receipt(id="t-99"))
    assert "names another object" in findings(contract(wrong), "test_repeated_delivery_has_one_effect")[0]


def test_declaring_ticket_creation_idempotent_fails(contract, make_broken_plugin, findings):
    wrong = contract(make_broken_plugin(nps_open_tickets=open_as_idempotent))
    assert findings(wrong, "test_repeated_delivery_has_one_effect") == []
    assert "2" in "\n".join(findings(wrong, "test_lost_response_has_one_effect"))


def test_a_ticket_in_doubt_is_looked_up_before_it_is_opened_again(contract, make_broken_plugin, findings):
    assert (
        findings(
            contract(make_broken_plugin(nps_open_tickets=open_as_not_idempotent)), "test_lost_response_has_one_effect"
        )
        == []
    )
    blind = make_broken_plugin(
        nps_open_tickets=open_as_not_idempotent, nps_find_existing=lambda connection, delivery: None
    )
    assert findings(contract(blind), "test_lost_response_has_one_effect")


def test_giving_up_a_delivery_in_doubt_fails(contract, make_broken_plugin, findings):
    def nps_open_tickets(connection, drafts):
        try:
            return open_as_not_idempotent(connection, drafts)
        except DeliveryError:
            raise TargetGone("not found") from None

    wrong = contract(make_broken_plugin(nps_open_tickets=nps_open_tickets))
    assert "TargetGone" in "\n".join(findings(wrong, "test_lost_response_has_one_effect"))


class OverwritingVendor(SimulatedAcme):
    def post_people_scores(self, request):
        for person in self.people.values():
            person.pop("at", None)
        return super().post_people_scores(request)


def test_an_older_response_that_overwrites_a_newer_one_fails(contract, findings):
    wrong = contract(acme, vendor=OverwritingVendor)
    assert findings(wrong, "test_older_response_never_overwrites_a_newer_one")
    assert findings(contract(acme), "test_older_response_never_overwrites_a_newer_one") == []


class CaseOverwritingVendor(SimulatedAcme):
    def post_people_cases(self, request):
        for person in self.people.values():
            person.pop("case_order", None)
        return super().post_people_cases(request)


def test_an_older_case_outcome_that_overwrites_a_newer_one_fails(contract, findings):
    wrong = contract(acme, vendor=CaseOverwritingVendor)
    assert findings(wrong, "test_older_case_outcome_never_overwrites_a_newer_one")
    assert findings(contract(acme), "test_older_case_outcome_never_overwrites_a_newer_one") == []


def all_failed_with_one(connection, updates):
    outcomes = acme.nps_write_scores(connection, updates)
    failure = next((outcome for outcome in outcomes if isinstance(outcome, DeliveryError)), None)
    return [failure] * len(outcomes) if failure else outcomes


def failures_as_retries(connection, updates):
    outcomes = acme.nps_write_scores(connection, updates)
    return [RetryLater("later") if isinstance(outcome, DeliveryError) else outcome for outcome in outcomes]


def same_receipt(connection, updates):
    outcomes = acme.nps_write_scores(connection, updates)
    return [Receipt(id="batch-1") if isinstance(outcome, Receipt) else outcome for outcome in outcomes]


def too_few(connection, updates):
    return [outcome for outcome in acme.nps_write_scores(connection, updates) if isinstance(outcome, Receipt)]


@pytest.mark.parametrize("wrong", [all_failed_with_one, failures_as_retries, same_receipt, too_few])
def test_mixed_up_batch_outcomes_fail(contract, make_broken_plugin, findings, wrong):
    def nps_write_scores(connection, updates):
        return wrong(connection, updates)

    assert findings(
        contract(make_broken_plugin(nps_write_scores=nps_write_scores)), "test_batch_outcomes_follow_item_order"
    )
    assert findings(contract(acme), "test_batch_outcomes_follow_item_order") == []


def test_outcomes_in_another_order_fail(contract, make_broken_plugin, findings):
    def nps_write_scores(connection, updates):
        outcomes = acme.nps_write_scores(connection, updates)
        return [*outcomes[1:], outcomes[0]]

    assert findings(
        contract(make_broken_plugin(nps_write_scores=nps_write_scores)), "test_batch_outcomes_follow_item_order"
    )


def test_a_connection_kept_in_the_module_fails(contract, make_broken_plugin, findings):
    connections = []

    def nps_open_tickets(connection, drafts):
        connections.append(connection)
        return acme.nps_open_tickets(connections[0], drafts)

    wrong = contract(make_broken_plugin(nps_open_tickets=nps_open_tickets))
    assert findings(wrong, "test_concurrent_connections_are_isolated")
    assert findings(contract(acme), "test_concurrent_connections_are_isolated") == []


class VendorWithoutJsonState(SimulatedAcme):
    def state(self):
        return {"people": set(self.people)}


class VendorWithoutEnvironment(SimulatedAcme):
    def environment(self, base_url, connection):
        return {}


class VendorWithForeignVariables(SimulatedAcme):
    def environment(self, base_url, connection):
        return {"ANOTHER_TOKEN": "x"}


@pytest.mark.parametrize("vendor", [VendorWithoutJsonState, VendorWithoutEnvironment, VendorWithForeignVariables])
def test_a_simulated_vendor_that_the_sandbox_cannot_host_fails(contract, findings, vendor):
    assert findings(contract(acme, vendor=vendor), "test_simulated_vendor_fits_the_sandbox")
