"""A mail server dies or refuses at each step of the dialogue; the outcome of each is exact."""

import pytest

from nps_connect import AuthFailed, NotAllowed, OutcomeUnknown, Receipt, Rejected, RetryLater, Undeliverable
from nps_connect.builtin.email import nps_send_messages

WAYS_TO_DIE = ["close", "reset", "hang", "drip"]


@pytest.fixture
def outcome(scripted, mail_connection, survey):
    def send(message=None, **script):
        server = scripted(**script)
        connection = mail_connection(f"smtp://127.0.0.1:{server.port}", timeout=0.3)
        [got] = nps_send_messages(connection=connection, messages=[message or survey()])
        return got, server

    return send


@pytest.mark.parametrize("way", WAYS_TO_DIE)
@pytest.mark.parametrize("step", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA"])
def test_a_loss_before_the_final_dot_is_surely_not_sent(outcome, step, way):
    got, _ = outcome(**{step: way})

    assert type(got) is RetryLater
    assert "nothing was sent" in got.message


@pytest.mark.parametrize("way", WAYS_TO_DIE)
def test_a_loss_in_the_middle_of_the_mail_is_surely_not_sent(outcome, survey, way):
    larger_than_any_buffer = "".join(f"line {number:070}\n" for number in range(300_000))

    got, server = outcome(survey(text=larger_than_any_buffer, html=None), BODY=way)

    assert type(got) is RetryLater
    assert not server.end_of_data_received


@pytest.mark.parametrize("way", WAYS_TO_DIE)
def test_a_loss_after_the_final_dot_is_doubtful(outcome, way):
    got, server = outcome(DOT=way)

    assert server.end_of_data_received
    assert type(got) is OutcomeUnknown
    assert got.exchange["step"] == "MESSAGE"


def test_an_unreadable_answer_after_the_final_dot_is_doubtful(outcome):
    got, server = outcome(DOT="%% ???")

    assert server.end_of_data_received
    assert type(got) is OutcomeUnknown


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
def test_an_unreadable_answer_before_it_is_not(outcome, step):
    got, server = outcome(**{step: "%% ???"})

    assert type(got) is RetryLater
    assert not server.end_of_data_received


@pytest.mark.parametrize("way", ["close", "reset", "hang", "500 no"])
def test_what_happens_at_the_goodbye_changes_nothing(outcome, way):
    got, _ = outcome(QUIT=way)

    assert type(got) is Receipt


@pytest.mark.parametrize("step", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "DOT"])
def test_temporary_refusals_are_tried_again(outcome, step):
    got, _ = outcome(**{step: "451 4.3.0 later"})

    assert type(got) is RetryLater
    assert got.status == 451


@pytest.mark.parametrize("step", ["RCPT", "DATA", "DOT"])
def test_a_mailbox_that_does_not_exist_is_told_after_the_recipient_or_after_the_message(outcome, step):
    got, _ = outcome(**{step: "550 5.1.1 no such user here"})

    assert type(got) is Undeliverable
    assert got.status == 550
    assert got.exchange["enhanced_code"] == "5.1.1"
    assert got.exchange["answer"] == "5.1.1 no such user here"


@pytest.mark.parametrize("answer", ["552 5.2.2 mailbox full", "554 5.7.1 refused by policy"])
@pytest.mark.parametrize("step", ["RCPT", "DATA", "DOT"])
def test_another_permanent_refusal_ends_this_mail_and_says_nothing_of_the_address(outcome, step, answer):
    got, _ = outcome(**{step: answer})

    assert type(got) is Rejected


@pytest.mark.parametrize(("step", "kind"), [("RCPT", Undeliverable), ("DATA", Rejected), ("DOT", Rejected)])
def test_a_bare_550_is_about_the_mailbox_only_where_the_recipient_is_refused(outcome, step, kind):
    got, _ = outcome(**{step: "550 no"})

    assert type(got) is kind


def test_a_refused_sender_holds_the_action_and_kills_no_mail(outcome):
    got, _ = outcome(MAIL="550 5.7.1 not allowed to send as this address")

    assert type(got) is NotAllowed


@pytest.mark.parametrize("step", ["CONNECT", "EHLO"])
def test_a_server_that_refuses_everybody_kills_no_mail(outcome, step):
    got, _ = outcome(**{step: "554 5.3.2 no service"})

    assert type(got) is RetryLater


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "DOT"])
@pytest.mark.parametrize("code", [530, 534, 535])
def test_a_demand_for_a_login_holds_the_connection(outcome, step, code):
    got, _ = outcome(**{step: f"{code} 5.7.0 authentication required"})

    assert type(got) is AuthFailed
    assert got.status == code


def test_connection_refused(mail_connection, survey, unused_port):
    [got] = nps_send_messages(connection=mail_connection(f"smtp://127.0.0.1:{unused_port}"), messages=[survey()])

    assert type(got) is RetryLater
    assert "connection refused" in got.message


def test_a_refusal_tells_neither_address_nor_anything_of_the_person(outcome):
    got, _ = outcome(RCPT="550 5.1.1 <marie@example.com> unknown")

    assert "marie" not in f"{got} {got.exchange}"


def test_several_messages_have_outcomes_of_their_own(start_server, mail_connection, survey):
    server = start_server()
    messages = [
        survey(),
        survey(idempotency_key="k2", to={"email": "nobody"}),
        survey(idempotency_key="k3"),
    ]

    got = nps_send_messages(connection=mail_connection(f"smtp://127.0.0.1:{server.port}"), messages=messages)

    assert [type(one) for one in got] == [Receipt, Rejected, Receipt]
    assert len(server.arrived) == 2
