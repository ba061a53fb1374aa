"""`nps_check`: connects, encrypts, logs in, sends nothing."""

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
