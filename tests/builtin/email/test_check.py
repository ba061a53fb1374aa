"""`nps_check`: connects, encrypts, logs in, names sender and recipient, sends nothing."""

from urllib.parse import quote

import pytest

from nps_connect.builtin.email import nps_check

PASSWORD = "p@ss/word#sentinel"


def url(server, password=PASSWORD):
    return f"smtp://mailer:{quote(password, safe='')}@127.0.0.1:{server.port}?starttls=required"


def test_nps_check(login_server, trusted, mail_connection):
    [finding] = nps_check(connection=mail_connection(url(login_server)))

    assert finding.severity == "ok"
    assert "TLSv1.3" in finding.text
    assert "login works" in finding.text
    assert login_server.received == []


def test_a_wrong_password_names_the_fix(login_server, trusted, mail_connection):
    [finding] = nps_check(connection=mail_connection(url(login_server, "wrong-sentinel")))

    assert finding.severity == "error"
    assert "smtp_url" in finding.fix
    assert "wrong-sentinel" not in finding.text


def test_an_untrusted_certificate_names_the_fix(login_server, mail_connection):
    [finding] = nps_check(connection=mail_connection(url(login_server)))

    assert finding.severity == "error"
    assert "SSL_CERT_FILE" in finding.fix


def test_an_unreachable_server_names_the_fix(mail_connection, unused_port):
    [finding] = nps_check(connection=mail_connection(f"smtp://127.0.0.1:{unused_port}"))

    assert finding.severity == "error"
    assert "host and port" in finding.fix


@pytest.mark.parametrize("script", [{"EHLO": "502 what?"}, {"NOOP": "421 4.3.0 closing"}])
def test_a_server_of_another_protocol_is_an_error(scripted, mail_connection, script):
    server = scripted(**script)

    [finding] = nps_check(connection=mail_connection(f"smtp://127.0.0.1:{server.port}"))

    assert finding.severity == "error"


def test_an_unencrypted_loopback_server_is_accepted(start_server, mail_connection):
    server = start_server()

    [finding] = nps_check(connection=mail_connection(f"smtp://127.0.0.1:{server.port}"))

    assert finding.severity == "ok"
    assert "not encrypted, without a login" in finding.text


def test_a_login_without_the_encryption_that_the_server_wants_names_starttls_and_not_the_password(
    login_server, mail_connection
):
    [finding] = nps_check(connection=mail_connection(url(login_server).removesuffix("?starttls=required")))

    assert finding.severity == "error"
    assert finding.fix == "the server wants encryption before the login: end smtp_url with ?starttls=required"


@pytest.mark.parametrize("refusal", ["554 5.7.1 Relay access denied", "454 4.7.1 Relay access denied"])
def test_a_server_that_does_not_relay_for_us_is_an_error(scripted, mail_connection, refusal):
    server = scripted(RCPT=refusal)

    answer, finding = nps_check(connection=mail_connection(f"smtp://127.0.0.1:{server.port}"))

    assert (answer.severity, finding.severity) == ("ok", "error")
    assert "refused the recipient" in finding.text
    assert "needs a login" in finding.fix


def test_a_server_that_refuses_our_sender_is_an_error(scripted, mail_connection):
    server = scripted(MAIL="550 5.7.1 not your address")

    _, finding = nps_check(connection=mail_connection(f"smtp://127.0.0.1:{server.port}"))

    assert (finding.severity, "refused the sender" in finding.text) == ("error", True)


@pytest.mark.parametrize("refusal", ["550 5.1.1 User unknown", "450 4.2.0 greylisted", "556 5.1.10 null MX"])
def test_what_a_server_says_of_the_recipient_that_the_check_names_proves_nothing(scripted, mail_connection, refusal):
    server = scripted(RCPT=refusal)

    [finding] = nps_check(connection=mail_connection(f"smtp://127.0.0.1:{server.port}"))

    assert finding.severity == "ok"
