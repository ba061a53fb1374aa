"""A mail server fails or refuses at each step of a session; each case has an exact outcome."""

from datetime import timedelta

import pytest

from nps_connect import (
    AuthFailed,
    NotAllowed,
    OutcomeUnknown,
    RateLimited,
    Receipt,
    Rejected,
    RetryLater,
    Undeliverable,
)
from nps_connect.builtin.email import nps_send_messages
from nps_connect.testing.fakes import START

FAILURES = ["close", "reset", "hang", "drip"]


@pytest.fixture
def send(scripted, mail_connection, survey):
    def send_one(message=None, **script):
        server = scripted(**script)
        connection = mail_connection(f"smtp://127.0.0.1:{server.port}", timeout=0.3)
        [outcome] = nps_send_messages(connection=connection, messages=[message or survey()])
        return outcome, server

    return send_one


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("step", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA"])
def test_a_connection_lost_before_the_final_dot_is_retried(send, step, failure):
    outcome, _ = send(**{step: failure})

    assert type(outcome) is RetryLater
    assert "nothing was sent" in outcome.message


@pytest.mark.parametrize("failure", FAILURES)
def test_a_connection_lost_within_the_mail_is_retried(send, survey, failure):
    larger_than_any_buffer = "".join(f"line {number:070}\n" for number in range(300_000))

    outcome, server = send(survey(text=larger_than_any_buffer, html=None), BODY=failure)

    assert type(outcome) is RetryLater
    assert not server.end_of_data_received


@pytest.mark.parametrize("failure", FAILURES)
def test_a_connection_lost_after_the_final_dot_has_an_unknown_outcome(send, failure):
    outcome, server = send(DOT=failure)

    assert server.end_of_data_received
    assert type(outcome) is OutcomeUnknown
    assert outcome.exchange["step"] == "MESSAGE"


def test_an_invalid_reply_after_the_final_dot_has_an_unknown_outcome(send):
    outcome, server = send(DOT="%% ???")

    assert server.end_of_data_received
    assert type(outcome) is OutcomeUnknown


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
def test_an_invalid_reply_before_the_final_dot_is_retried(send, step):
    outcome, server = send(**{step: "%% ???"})

    assert type(outcome) is RetryLater
    assert not server.end_of_data_received


@pytest.mark.parametrize("failure", ["close", "reset", "hang", "500 no"])
def test_a_failure_at_quit_changes_nothing(send, failure):
    outcome, _ = send(QUIT=failure)

    assert type(outcome) is Receipt


@pytest.mark.parametrize("step", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "DOT"])
def test_temporary_refusals_are_retried(send, step):
    outcome, _ = send(**{step: "451 4.3.0 later"})

    assert type(outcome) is RetryLater
    assert outcome.status == 451


@pytest.mark.parametrize("step", ["RCPT", "DATA"])
def test_a_missing_mailbox_is_undeliverable(send, step):
    outcome, _ = send(**{step: "550 5.1.1 no such user here"})

    assert type(outcome) is Undeliverable
    assert outcome.status == 550
    assert outcome.exchange["enhanced_code"] == "5.1.1"
    assert outcome.exchange["answer"] == "5.1.1 no such user here"


def test_a_mailbox_that_is_missing_after_the_message_may_be_a_filter(send):
    outcome, _ = send(DOT="550 5.1.1 no such user here")

    assert type(outcome) is Rejected
    assert outcome.concerns_mailbox


@pytest.mark.parametrize(
    ("answer", "concerns_mailbox"),
    [("552 5.2.2 mailbox full", True), ("554 5.7.1 refused by policy", False), ("550 no", True)],
)
@pytest.mark.parametrize("step", ["RCPT", "DATA", "DOT"])
def test_another_permanent_refusal_rejects_the_mail_but_not_the_address(send, step, answer, concerns_mailbox):
    outcome, _ = send(**{step: answer})

    assert type(outcome) is Rejected
    assert outcome.concerns_mailbox is concerns_mailbox


@pytest.mark.parametrize(
    "answer",
    [
        "550 relay not permitted",
        "454 4.7.1 Relay access denied",
        "550 SMTP AUTH is required. SMTP authentication required",
        "550 Verification failed for <care@example.com>: sender verify failed",
        "554 5.2.252 SendAsDenied; login@example.com not allowed to send as care@example.com",
        "554 Message rejected: Email address is not verified. The following identities failed the check",
    ],
)
@pytest.mark.parametrize("step", ["RCPT", "DOT"])
def test_a_server_that_refuses_us_holds_the_action_and_no_mailbox(send, step, answer):
    outcome, _ = send(**{step: answer})

    assert type(outcome) is NotAllowed


@pytest.mark.parametrize(
    "answer",
    [
        "550 5.4.5 Daily user sending limit exceeded.",
        "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException; Failed to process message",
        "554 5.7.0 The limit on the number of allowed outgoing messages was exceeded. Try again later.",
        "452 4.5.3 Daily sending quota exceeded",
    ],
)
@pytest.mark.parametrize("step", ["MAIL", "DOT"])
def test_a_sending_quota_pauses_sending_for_an_hour(send, step, answer):
    outcome, _ = send(**{step: answer})

    assert type(outcome) is RateLimited
    assert outcome.until == START + timedelta(hours=1)


def test_a_refused_sender_is_not_allowed(send):
    outcome, _ = send(MAIL="550 5.7.1 not allowed to send as this address")

    assert type(outcome) is NotAllowed


@pytest.mark.parametrize("step", ["CONNECT", "EHLO"])
def test_a_server_that_refuses_the_session_is_retried(send, step):
    outcome, _ = send(**{step: "554 5.3.2 no service"})

    assert type(outcome) is RetryLater


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "DOT"])
@pytest.mark.parametrize("code", [530, 534, 535])
def test_a_required_login_is_an_auth_failure(send, step, code):
    outcome, _ = send(**{step: f"{code} 5.7.0 authentication required"})

    assert type(outcome) is AuthFailed
    assert outcome.status == code


def test_a_refused_connection_is_retried(mail_connection, survey, unused_port):
    [outcome] = nps_send_messages(connection=mail_connection(f"smtp://127.0.0.1:{unused_port}"), messages=[survey()])

    assert type(outcome) is RetryLater
    assert "connection refused" in outcome.message


def test_a_refusal_is_reported_without_personal_data(send):
    outcome, _ = send(RCPT="550 5.1.1 <marie@example.com> unknown")

    assert "marie" not in f"{outcome} {outcome.exchange}"


def test_every_message_of_a_batch_has_its_own_outcome(start_server, mail_connection, survey):
    server = start_server()
    messages = [
        survey(),
        survey(idempotency_key="k2", to={"email": "nobody"}),
        survey(idempotency_key="k3"),
    ]

    outcomes = nps_send_messages(connection=mail_connection(f"smtp://127.0.0.1:{server.port}"), messages=messages)

    assert [type(outcome) for outcome in outcomes] == [Receipt, Rejected, Receipt]
    assert len(server.received) == 2
