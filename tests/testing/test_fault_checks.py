"""The fault checks find every way of handling faults wrongly."""

from testing import acme

from nps_connect import DeliveryError, Finding, Receipt, Rejected, ScoreUpdate
from nps_connect.testing.faults import FAULT_CASES


def write(connection, updates, **more):
    """Write scores like the correct plugin, with other arguments for the call."""
    rows = [{"id": update.contact.id, "score": 1, "comment": "", "at": 1} for update in updates]
    defaults = {"action": "write_score", "idempotent": True, "json": {"rows": rows}}
    return connection.http.call_json("POST", "/people/scores", **{**defaults, **more})


def test_the_correct_plugin_passes(contract, findings):
    assert findings(contract(acme), "test_faults") == []
    assert len({fault.name for fault in FAULT_CASES}) == len(FAULT_CASES)


def test_swallowed_errors_fail(contract, make_broken_plugin, findings):
    def nps_write_scores(connection, updates):
        try:
            return acme.nps_write_scores(connection, updates)
        except DeliveryError:
            return [Receipt(id=update.contact.id) for update in updates]

    failures = findings(contract(make_broken_plugin(nps_write_scores=nps_write_scores)), "test_faults", "write_score")
    assert len(failures) == len(FAULT_CASES)
    assert "write_score returned a receipt, but the vendor has nothing" in "\n".join(failures)


def test_treating_every_error_as_permanent_fails(contract, make_broken_plugin, findings):
    def nps_write_scores(connection, updates):
        try:
            return acme.nps_write_scores(connection, updates)
        except DeliveryError:
            raise Rejected("not found") from None

    failures = "\n".join(
        findings(contract(make_broken_plugin(nps_write_scores=nps_write_scores)), "test_faults", "write_score")
    )
    for name in (
        "401",
        "403",
        "429 seconds",
        "429 silent",
        "503 silent",
        "500",
        "ConnectError",
        "ReadTimeout",
        "not JSON",
    ):
        assert f"request 1 of 1: {name} became Rejected" in failures
    assert "request 1 of 1: 400" not in failures
    assert "request 1 of 1: 422" not in failures


def test_own_retries_fail(contract, make_broken_plugin, findings):
    def nps_write_scores(connection, updates):
        for _ in range(5):
            try:
                return acme.nps_write_scores(connection, updates)
            except DeliveryError as error:
                last = error
        raise last

    failures = findings(contract(make_broken_plugin(nps_write_scores=nps_write_scores)), "test_faults", "write_score")
    assert len(failures) == len(FAULT_CASES)
    assert "429 seconds: 5 requests" in "\n".join(failures)


def test_own_waiting_fails(contract, make_broken_plugin, findings):
    def nps_write_scores(connection, updates):
        try:
            return acme.nps_write_scores(connection, updates)
        except DeliveryError:
            connection.sleep(30)
            raise

    failures = findings(contract(make_broken_plugin(nps_write_scores=nps_write_scores)), "test_faults", "write_score")
    assert "waited" in "\n".join(failures)


def test_own_exception_classes_fail(contract, make_broken_plugin, findings):
    def nps_write_scores(connection, updates):
        try:
            return acme.nps_write_scores(connection, updates)
        except DeliveryError as error:
            raise RuntimeError("it failed") from error

    failures = findings(contract(make_broken_plugin(nps_write_scores=nps_write_scores)), "test_faults", "write_score")
    assert [failure.partition(":")[0] for failure in failures] == ["RuntimeError"] * len(FAULT_CASES)


def test_addresses_and_secrets_in_errors_fail(contract, make_broken_plugin, findings):
    def run_with_message(build_message):
        def nps_write_scores(connection, updates: list[ScoreUpdate]):
            try:
                return acme.nps_write_scores(connection, updates)
            except DeliveryError as error:
                error.message = error.args = build_message(connection, updates[0])
                raise

        plugin = make_broken_plugin(nps_write_scores=nps_write_scores)
        return "\n".join(findings(contract(plugin), "test_faults", "write_score"))

    assert "the error contains an address" in run_with_message(lambda _connection, update: (update.contact.email,))
    secret = run_with_message(lambda connection, _update: (connection.settings.token.get_secret_value(),))
    assert "the error contains a secret" in secret


def test_treating_an_unreadable_response_as_success_fails(contract, make_broken_plugin, findings):
    def nps_write_scores(connection, updates):
        write(connection, updates)
        return [Receipt(id=update.contact.id) for update in updates]

    def ignore_response(connection, updates):
        connection.http.call("POST", "/people/scores", action="write_score", idempotent=True, json={"rows": []})
        return [Receipt(id=update.contact.id) for update in updates]

    assert findings(contract(make_broken_plugin(nps_write_scores=nps_write_scores)), "test_faults", "write_score") == []
    assert "the vendor has nothing" in "\n".join(
        findings(contract(make_broken_plugin(nps_write_scores=ignore_response)), "test_faults", "write_score")
    )


def test_too_many_requests_for_one_subject_fail(contract, make_broken_plugin, findings):
    def nps_write_scores(connection, updates):
        for _ in range(6):
            outcomes = acme.nps_write_scores(connection, updates)
        return outcomes

    wrong = make_broken_plugin(nps_write_scores=nps_write_scores)
    assert "write_score makes 6 requests" in findings(contract(wrong), "test_faults", "write_score")[0]


def test_a_check_that_reports_no_fault_fails(contract, make_broken_plugin, findings):
    def nps_check(connection):
        try:
            return acme.nps_check(connection)
        except DeliveryError:
            return [Finding(severity="ok", text="all is well")]

    def report_fault(connection):
        try:
            return acme.nps_check(connection)
        except DeliveryError as error:
            return [Finding(severity="error", text=error.message, fix="look into it")]

    assert len(findings(contract(make_broken_plugin(nps_check=nps_check)), "test_faults", "nps_check")) == len(
        FAULT_CASES
    )
    assert findings(contract(make_broken_plugin(nps_check=report_fault)), "test_faults", "nps_check") == []


def test_reporting_a_failed_lookup_as_not_found_fails(contract, make_broken_plugin, findings):
    def nps_find_contacts(connection, keys):
        try:
            return acme.nps_find_contacts(connection, keys)
        except DeliveryError:
            return [acme.ContactMatch(key=key) for key in keys]

    failures = "\n".join(
        findings(contract(make_broken_plugin(nps_find_contacts=nps_find_contacts)), "test_faults", "nps_find_contacts")
    )
    assert "nps_find_contacts, request 1 of 1: 503 silent became" in failures
    assert "nps_find_contacts, request 1 of 1: 404" not in failures


def test_an_action_that_never_works_fails(contract, make_broken_plugin, findings):
    def nps_write_scores(connection, updates):
        write(connection, updates)
        raise Rejected("never")

    failures = findings(contract(make_broken_plugin(nps_write_scores=nps_write_scores)), "test_faults", "write_score")
    assert "write_score fails without any fault" in failures[0]


def test_a_refine_function_that_raises_fails(contract, make_broken_plugin, findings):
    wrong = make_broken_plugin(info={"refine": lambda error, response, _now: error if response.json()["why"] else None})
    assert findings(contract(wrong), "test_malformed_error_bodies_are_handled")
    assert findings(contract(acme), "test_malformed_error_bodies_are_handled") == []
