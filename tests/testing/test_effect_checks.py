"""Each way of having no effect, two effects, or somebody else's effect is found."""

import pytest
from testing import acme
from testing.acme.simulated import SimulatedAcme

from nps_connect import DeliveryError, Receipt, RetryLater, TargetGone


def twice(connection, drafts):
    """Opens tickets without an idempotency key, and calls that harmless."""
    return [ticket(connection, draft, idempotent=True, idempotency_key=None) for draft in drafts]


def ticket(connection, draft, **more):
    body = {
        "external_id": draft.external_id,
        "email": draft.contact.email,
        "subject": draft.subject,
        "body": draft.body,
    }
    known = {
        "idempotent": False,
        "json": body,
        "headers": {"Idempotency-Key": f"{id(draft)}{connection.random.random()}"},
    }
    answer = connection.http.call_json("POST", "/tickets", action="open_ticket", **{**known, **more})
    return Receipt(id=answer["ticket"]["id"])


def careful(connection, drafts):
    """Opens tickets without an idempotency key, and says that it may have happened."""
    return [ticket(connection, draft) for draft in drafts]


def test_the_good_plugin_has_one_effect_each_time(contract, findings):
    right = contract(acme)
    for check in ("test_a_delivery_gives_a_receipt_and_its_effect", "test_a_lost_answer_leaves_one_effect"):
        assert findings(right, check) == []


def test_a_receipt_without_an_id(contract, changed, findings):
    wrong = changed(nps_open_tickets=lambda connection, drafts: [Receipt(id="") for _ in drafts])
    assert "no id" in "\n".join(findings(contract(wrong), "test_a_delivery_gives_a_receipt_and_its_effect"))


def test_a_receipt_without_an_effect(contract, changed, findings):
    wrong = changed(nps_open_tickets=lambda connection, drafts: [Receipt(id="t-1") for _ in drafts])
    assert findings(contract(wrong), "test_a_delivery_gives_a_receipt_and_its_effect")


def test_two_tickets_for_one_draft(contract, changed, findings):
    def nps_open_tickets(connection, drafts):
        careful(connection, drafts)
        return careful(connection, drafts)

    found = findings(
        contract(changed(nps_open_tickets=nps_open_tickets)), "test_a_delivery_gives_a_receipt_and_its_effect"
    )
    assert "tickets at the vendor: ('t-1', 't-2')" in "\n".join(found)


def test_finding_what_was_never_there(contract, changed, findings):
    wrong = changed(nps_find_existing=lambda connection, delivery: Receipt(id="t-1"))
    assert findings(contract(wrong), "test_nothing_exists_before_it_was_delivered")
    assert findings(contract(acme), "test_nothing_exists_before_it_was_delivered") == []


def test_a_second_ticket_when_the_first_is_delivered_again(contract, changed, findings):
    blind = changed(nps_open_tickets=careful, nps_find_existing=lambda connection, delivery: None)
    assert findings(contract(blind), "test_delivering_twice_leaves_one_effect")
    looking = changed(nps_open_tickets=careful)
    assert findings(contract(looking), "test_delivering_twice_leaves_one_effect") == []


def test_finding_another_ticket_than_the_one_that_was_opened(contract, changed, findings):
    wrong = changed(nps_find_existing=lambda connection, delivery: Receipt(id="t-99"))
    assert "names another thing" in findings(contract(wrong), "test_delivering_twice_leaves_one_effect")[0]


def test_calling_a_ticket_harmless_to_repeat(contract, changed, findings):
    wrong = contract(changed(nps_open_tickets=twice))
    assert findings(wrong, "test_delivering_twice_leaves_one_effect") == []
    assert "2" in "\n".join(findings(wrong, "test_a_lost_answer_leaves_one_effect"))


def test_looking_before_a_doubtful_ticket_is_opened_again(contract, changed, findings):
    assert findings(contract(changed(nps_open_tickets=careful)), "test_a_lost_answer_leaves_one_effect") == []
    blind = changed(nps_open_tickets=careful, nps_find_existing=lambda connection, delivery: None)
    assert findings(contract(blind), "test_a_lost_answer_leaves_one_effect")


def test_giving_a_lost_delivery_up(contract, changed, findings):
    def nps_open_tickets(connection, drafts):
        try:
            return careful(connection, drafts)
        except DeliveryError:
            raise TargetGone("no luck") from None

    wrong = contract(changed(nps_open_tickets=nps_open_tickets))
    assert "TargetGone" in "\n".join(findings(wrong, "test_a_lost_answer_leaves_one_effect"))


class Careless(SimulatedAcme):
    def post_people_scores(self, request):
        for person in self.people.values():
            person.pop("at", None)
        return super().post_people_scores(request)


def test_an_older_answer_that_overwrites_a_newer_one(contract, findings):
    wrong = contract(acme, vendor=Careless)
    assert findings(wrong, "test_an_older_answer_never_overwrites_a_newer_one")
    assert findings(contract(acme), "test_an_older_answer_never_overwrites_a_newer_one") == []


def one_bad_spoils_all(connection, updates):
    outcomes = acme.nps_write_scores(connection, updates)
    bad = next((outcome for outcome in outcomes if isinstance(outcome, DeliveryError)), None)
    return [bad] * len(outcomes) if bad else outcomes


def never_gives_up(connection, updates):
    outcomes = acme.nps_write_scores(connection, updates)
    return [RetryLater("later") if isinstance(outcome, DeliveryError) else outcome for outcome in outcomes]


def same_receipt(connection, updates):
    outcomes = acme.nps_write_scores(connection, updates)
    return [Receipt(id="batch-1") if isinstance(outcome, Receipt) else outcome for outcome in outcomes]


def too_few(connection, updates):
    return [outcome for outcome in acme.nps_write_scores(connection, updates) if isinstance(outcome, Receipt)]


@pytest.mark.parametrize("wrong", [one_bad_spoils_all, never_gives_up, same_receipt, too_few])
def test_batches_that_are_mixed_up(contract, changed, findings, wrong):
    def nps_write_scores(connection, updates):
        return wrong(connection, updates)

    assert findings(contract(changed(nps_write_scores=nps_write_scores)), "test_batches_keep_their_order")
    assert findings(contract(acme), "test_batches_keep_their_order") == []


def test_outcomes_in_another_order(contract, changed, findings):
    def nps_write_scores(connection, updates):
        outcomes = acme.nps_write_scores(connection, updates)
        return [*outcomes[1:], outcomes[0]]

    assert findings(contract(changed(nps_write_scores=nps_write_scores)), "test_batches_keep_their_order")


def test_an_account_kept_in_the_module(contract, changed, findings):
    kept = []

    def nps_open_tickets(connection, drafts):
        kept.append(connection)
        return acme.nps_open_tickets(kept[0], drafts)

    wrong = contract(changed(nps_open_tickets=nps_open_tickets))
    assert findings(wrong, "test_two_accounts_in_two_threads_do_not_mix")
    assert findings(contract(acme), "test_two_accounts_in_two_threads_do_not_mix") == []


class Unprintable(SimulatedAcme):
    def state(self):
        return {"people": set(self.people)}


class Hidden(SimulatedAcme):
    def environment(self, base_url, connection):
        return {}


class Foreign(SimulatedAcme):
    def environment(self, base_url, connection):
        return {"ANOTHER_TOKEN": "x"}


@pytest.mark.parametrize("vendor", [Unprintable, Hidden, Foreign])
def test_a_simulated_vendor_that_the_sandbox_cannot_host(contract, findings, vendor):
    assert findings(contract(acme, vendor=vendor), "test_its_simulated_vendor_tells_its_state")
