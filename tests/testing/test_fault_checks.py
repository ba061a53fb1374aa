"""Each way of handling faults wrongly is found."""

from testing import acme

from nps_connect import DeliveryError, Finding, Receipt, Rejected, ScoreUpdate
from nps_connect.testing.faults import FAULT_CASES


def write(connection, updates, **more):
    """The good plugin's write, with other arguments for the call."""
    rows = [{"id": update.contact.id, "score": 1, "comment": "", "at": 1} for update in updates]
    known = {"action": "write_score", "idempotent": True, "json": {"rows": rows}}
    return connection.http.call_json("POST", "/people/scores", **{**known, **more})


def test_the_good_plugin_handles_every_fault(contract, findings):
    assert findings(contract(acme), "test_faults") == []
    assert len({fault.name for fault in FAULT_CASES}) == len(FAULT_CASES)


def test_swallowing_errors(contract, changed, findings):
    def nps_write_scores(connection, updates):
        try:
            return acme.nps_write_scores(connection, updates)
        except DeliveryError:
            return [Receipt(id=update.contact.id) for update in updates]

    found = findings(contract(changed(nps_write_scores=nps_write_scores)), "test_faults", "write_score")
    assert len(found) == len(FAULT_CASES)
    assert "write_score gave a receipt, but the vendor has nothing" in "\n".join(found)


def test_calling_everything_final(contract, changed, findings):
    def nps_write_scores(connection, updates):
        try:
            return acme.nps_write_scores(connection, updates)
        except DeliveryError:
            raise Rejected("no luck") from None

    found = "\n".join(findings(contract(changed(nps_write_scores=nps_write_scores)), "test_faults", "write_score"))
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
        assert f"request 1 of 1: {name} became Rejected" in found
    assert "request 1 of 1: 400" not in found
    assert "request 1 of 1: 422" not in found


def test_retrying_by_itself(contract, changed, findings):
    def nps_write_scores(connection, updates):
        for _ in range(5):
            try:
                return acme.nps_write_scores(connection, updates)
            except DeliveryError as error:
                last = error
        raise last

    found = findings(contract(changed(nps_write_scores=nps_write_scores)), "test_faults", "write_score")
    assert len(found) == len(FAULT_CASES)
    assert "429 seconds: 5 requests" in "\n".join(found)


def test_waiting_by_itself(contract, changed, findings):
    def nps_write_scores(connection, updates):
        try:
            return acme.nps_write_scores(connection, updates)
        except DeliveryError:
            connection.sleep(30)
            raise

    found = findings(contract(changed(nps_write_scores=nps_write_scores)), "test_faults", "write_score")
    assert "waited" in "\n".join(found)


def test_errors_of_its_own(contract, changed, findings):
    def nps_write_scores(connection, updates):
        try:
            return acme.nps_write_scores(connection, updates)
        except DeliveryError as error:
            raise RuntimeError("it failed") from error

    found = findings(contract(changed(nps_write_scores=nps_write_scores)), "test_faults", "write_score")
    assert [finding.partition(":")[0] for finding in found] == ["RuntimeError"] * len(FAULT_CASES)


def test_telling_addresses_and_secrets(contract, changed, findings):
    def refusing(tell):
        def nps_write_scores(connection, updates: list[ScoreUpdate]):
            try:
                return acme.nps_write_scores(connection, updates)
            except DeliveryError as error:
                error.message = error.args = tell(connection, updates[0])
                raise

        return "\n".join(findings(contract(changed(nps_write_scores=nps_write_scores)), "test_faults", "write_score"))

    assert "the error tells an address" in refusing(lambda _connection, update: (update.contact.email,))
    secret = refusing(lambda connection, _update: (connection.settings.token.get_secret_value(),))
    assert "the error tells a secret" in secret


def test_taking_an_unreadable_answer_for_success(contract, changed, findings):
    def nps_write_scores(connection, updates):
        write(connection, updates)
        return [Receipt(id=update.contact.id) for update in updates]

    def careless(connection, updates):
        connection.http.call("POST", "/people/scores", action="write_score", idempotent=True, json={"rows": []})
        return [Receipt(id=update.contact.id) for update in updates]

    assert findings(contract(changed(nps_write_scores=nps_write_scores)), "test_faults", "write_score") == []
    assert "the vendor has nothing" in "\n".join(
        findings(contract(changed(nps_write_scores=careless)), "test_faults", "write_score")
    )


def test_too_many_requests_for_one_subject(contract, changed, findings):
    def nps_write_scores(connection, updates):
        for _ in range(6):
            outcomes = acme.nps_write_scores(connection, updates)
        return outcomes

    wrong = changed(nps_write_scores=nps_write_scores)
    assert "write_score makes 6 requests" in findings(contract(wrong), "test_faults", "write_score")[0]


def test_a_check_that_sees_no_fault(contract, changed, findings):
    def nps_check(connection):
        try:
            return acme.nps_check(connection)
        except DeliveryError:
            return [Finding(severity="ok", text="all is well")]

    def telling(connection):
        try:
            return acme.nps_check(connection)
        except DeliveryError as error:
            return [Finding(severity="error", text=error.message, fix="look into it")]

    assert len(findings(contract(changed(nps_check=nps_check)), "test_faults", "nps_check")) == len(FAULT_CASES)
    assert findings(contract(changed(nps_check=telling)), "test_faults", "nps_check") == []


def test_a_look_up_that_finds_nobody_when_it_could_not_look(contract, changed, findings):
    def nps_find_contacts(connection, keys):
        try:
            return acme.nps_find_contacts(connection, keys)
        except DeliveryError:
            return [acme.ContactMatch(key=key) for key in keys]

    found = "\n".join(
        findings(contract(changed(nps_find_contacts=nps_find_contacts)), "test_faults", "nps_find_contacts")
    )
    assert "nps_find_contacts, request 1 of 1: 503 silent became" in found
    assert "nps_find_contacts, request 1 of 1: 404" not in found


def test_an_action_that_never_works(contract, changed, findings):
    def nps_write_scores(connection, updates):
        write(connection, updates)
        raise Rejected("never")

    found = findings(contract(changed(nps_write_scores=nps_write_scores)), "test_faults", "write_score")
    assert "write_score fails without any fault" in found[0]


def test_a_reader_of_errors_that_stumbles(contract, changed, findings):
    wrong = changed(info={"refine": lambda error, answer, _now: error if answer.json()["why"] else None})
    assert findings(contract(wrong), "test_odd_error_bodies_do_not_confuse_it")
    assert findings(contract(acme), "test_odd_error_bodies_do_not_confuse_it") == []
