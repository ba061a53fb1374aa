"""Sends messages over SMTP."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

from nps_connect import Address, Alert, Connection, DeliveryError, Message, Receipt, Rejected, hookimpl
from nps_connect.builtin.email.addresses import split_sender
from nps_connect.builtin.email.errors import error_for_loss, error_for_refusal
from nps_connect.builtin.email.mime_message import build_mime_message, message_id, recipient
from nps_connect.builtin.email.settings import EmailSettings
from nps_connect.builtin.email.smtp_session import SmtpConnectionLost, SmtpRefused, SmtpSession


@hookimpl
def nps_send_messages(
    connection: Connection[EmailSettings], messages: Sequence[Message]
) -> Sequence[Receipt | DeliveryError]:
    """Send each message in its own SMTP session; the receipt's id is the ``Message-ID``."""
    return [_send(connection, message) for message in messages]


@hookimpl
def nps_send_alerts(
    connection: Connection[EmailSettings], alerts: Sequence[Alert]
) -> Sequence[Receipt | DeliveryError]:
    """Mail each alert to its recipient: the contact's owner, else the team."""
    return [_send_alert(connection, alert) for alert in alerts]


def _send_alert(connection: Connection[EmailSettings], alert: Alert) -> Receipt | DeliveryError:
    if alert.recipient is None:
        return Rejected("the alert names no recipient")
    message = Message(
        idempotency_key=alert.idempotency_key,
        # The key is made from the response's public id, which nobody can guess.
        message_id=hashlib.sha256(alert.idempotency_key.encode()).hexdigest()[:32],
        kind="fallback",
        to=Address(email=alert.recipient),
        subject=alert.title,
        text=alert.full_text,
        language=connection.default_language,
    )
    return _send(connection, message)


def ehlo_hostname(public_url: str) -> str:
    """Return our name for EHLO: the public host, else an address literal (RFC 5321, 4.1.4)."""
    host = urlsplit(public_url).hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host if "." in host and host.isascii() else "[127.0.0.1]"
    return "[127.0.0.1]"


def _send(connection: Connection[EmailSettings], message: Message) -> Receipt | DeliveryError:
    settings = connection.settings
    _, sender = split_sender(settings.sender)
    try:
        mail = build_mime_message(message, settings, connection.clock())
        with SmtpSession(settings.relay, ehlo_hostname(connection.public_url), settings.timeout) as session:
            session.open()
            session.send(sender, recipient(message), mail, lambda: connection.record_handover(message.idempotency_key))
    except DeliveryError as error:
        return error
    except SmtpRefused as refused:
        return error_for_refusal(refused, settings.relay, connection.clock())
    except SmtpConnectionLost as lost:
        return error_for_loss(lost, settings.relay)
    return Receipt(id=message_id(message, sender))
