"""Mail over a real SMTP server on loopback: encryption, login, and what arrives."""

import email.policy
from datetime import UTC, datetime
from email import message_from_bytes
from urllib.parse import quote

import pytest

from nps_connect import Address, AuthFailed, Receipt, Rejected, RetryLater
from nps_connect.builtin.email import nps_send_alerts, nps_send_messages
from nps_connect.testing.samples import LEA, build_contact, build_payload, build_response

PASSWORD = "p@ss/word#sentinel"


def login_url(server, password=PASSWORD, scheme="smtp", options="?starttls=required"):
    return f"{scheme}://mailer:{quote(password, safe='')}@127.0.0.1:{server.port}{options}"


def send(connection, message):
    [outcome] = nps_send_messages(connection=connection, messages=[message])
    return outcome


def test_nps_send_messages(login_server, trusted, mail_connection, survey):
    outcome = send(mail_connection(login_url(login_server)), survey())

    [mail] = login_server.received
    assert isinstance(outcome, Receipt)
    assert mail.encrypted
    assert mail.logged_in
    assert (mail.sender, mail.recipients) == ("care@example.com", ["marie@example.com"])
    parsed = message_from_bytes(mail.content, policy=email.policy.default)
    assert parsed["Message-ID"] == outcome.id
    assert parsed["Subject"] == "Une question, dix secondes"
    assert "à quel point" in parsed.get_body(("plain",)).get_content()
    assert "à quel point" in parsed.get_body(("html",)).get_content()


def test_nps_send_alerts_mails_the_recipient_of_each_alert(start_server, mail_connection):
    server, link = start_server(), "https://helpdesk.example.com/tickets/1"
    person = build_contact(LEA, "crm")
    response = build_response(LEA, at=datetime(2026, 3, 2, 9, tzinfo=UTC))
    alert = build_payload("send_alert", person, response, key="send_alert-r1").model_copy(
        update={"recipient": "anna@example.com", "link": link}
    )
    connection = mail_connection(f"smtp://127.0.0.1:{server.port}")

    first, again, nobody = (
        nps_send_alerts(connection=connection, alerts=[item])[0]
        for item in (alert, alert, alert.model_copy(update={"recipient": None}))
    )

    assert isinstance(nobody, Rejected)
    assert first.id == again.id
    assert [mail.recipients for mail in server.received] == [["anna@example.com"]] * 2
    parsed = message_from_bytes(server.received[0].content, policy=email.policy.default)
    assert (parsed["Message-ID"], parsed["Subject"]) == (first.id, "Léa Martin: 2")
    assert parsed["X-NPS-Connect-Kind"] == "fallback"
    assert "List-Unsubscribe" not in parsed
    assert "😞 & <b>abîmé</b>" in parsed.get_content()
    assert parsed.get_content().rstrip().endswith(link)


def test_dot_stuffing_and_line_breaks_survive_the_transfer(start_server, mail_connection, survey):
    server = start_server()

    send(mail_connection(f"smtp://127.0.0.1:{server.port}"), survey(text=".\n..\n.hidden\r\n\rend", html=None))

    content = server.received[0].content
    assert content.replace(b"\r\n", b"").count(b"\n") == 0
    assert content.replace(b"\r\n", b"").count(b"\r") == 0
    assert content.isascii()
    text = message_from_bytes(content, policy=email.policy.default).get_content()
    assert text.splitlines()[:3] == [".", "..", ".hidden"]


def test_an_untrusted_certificate_sends_nothing(login_server, mail_connection, survey):
    outcome = send(mail_connection(login_url(login_server)), survey())

    assert type(outcome) is RetryLater
    assert "certificate is not trusted" in outcome.message
    assert login_server.received == []


def test_a_certificate_for_another_host_sends_nothing(login_server, trusted, mail_connection, survey):
    url = login_url(login_server).replace("127.0.0.1", "localhost")

    outcome = send(mail_connection(url), survey())

    assert type(outcome) is RetryLater
    assert "certificate is not trusted" in outcome.message
    assert login_server.received == []


def test_a_server_without_starttls_gets_neither_mail_nor_password(start_server, mail_connection, survey):
    server = start_server()

    outcome = send(mail_connection(login_url(server)), survey())

    assert type(outcome) is RetryLater
    assert "does not offer STARTTLS" in outcome.message
    assert server.received == []


def test_a_wrong_password_is_an_auth_failure(login_server, trusted, mail_connection, survey):
    outcome = send(mail_connection(login_url(login_server, "wrong-sentinel")), survey())

    assert type(outcome) is AuthFailed
    assert outcome.status == 535
    assert "wrong-sentinel" not in f"{outcome} {outcome.exchange}"


def test_a_server_without_login_is_an_auth_failure(start_server, server_tls, trusted, mail_connection, survey):
    server = start_server(tls_context=server_tls, require_starttls=True)

    outcome = send(mail_connection(login_url(server)), survey())

    assert type(outcome) is AuthFailed


def test_a_password_in_the_reply_is_redacted(scripted, mail_connection, survey):
    server = scripted(EHLO="250-hello\n250 AUTH PLAIN", AUTH=f"535 5.7.8 you said {PASSWORD}")

    outcome = send(mail_connection(login_url(server, options="")), survey())

    assert type(outcome) is AuthFailed
    assert PASSWORD not in f"{outcome} {outcome.exchange}"
    assert "you said" in outcome.exchange["answer"]


def test_a_busy_login_is_retried(scripted, mail_connection, survey):
    server = scripted(EHLO="250-hello\n250 AUTH PLAIN", AUTH="454 4.7.0 busy")

    assert type(send(mail_connection(login_url(server, options="")), survey())) is RetryLater


def test_implicit_tls(start_server, server_tls, trusted, mail_connection, survey):
    server = start_server(tls=server_tls)

    outcome = send(mail_connection(f"smtps://127.0.0.1:{server.port}"), survey())

    assert isinstance(outcome, Receipt)
    assert len(server.received) == 1


def test_a_non_ascii_address_uses_smtputf8(start_server, mail_connection, survey):
    server = start_server(enable_SMTPUTF8=True)

    outcome = send(
        mail_connection(f"smtp://127.0.0.1:{server.port}"), survey(to=Address(email="用户@exämple.com", name="用户"))
    )

    assert isinstance(outcome, Receipt)
    [mail] = server.received
    assert mail.recipients == ["用户@xn--exmple-cua.com"]
    assert "SMTPUTF8" in mail.options
    assert "用户@xn--exmple-cua.com" in mail.content.decode("utf-8")


def test_a_non_ascii_address_is_rejected_without_smtputf8(scripted, mail_connection, survey):
    server = scripted()

    outcome = send(mail_connection(f"smtp://127.0.0.1:{server.port}"), survey(to=Address(email="用户@example.com")))

    assert type(outcome) is Rejected
    assert not [command for command in server.commands if command.startswith("MAIL")]


@pytest.mark.parametrize(
    ("public_url", "name"),
    [
        ("https://nps.example.com", "nps.example.com"),
        ("http://127.0.0.1:8040", "[127.0.0.1]"),
        ("http://localhost:8040", "[127.0.0.1]"),
        ("", "[127.0.0.1]"),
    ],
)
def test_ehlo_hostname(public_url, name):
    from nps_connect.builtin.email.messages import ehlo_hostname

    assert ehlo_hostname(public_url) == name
