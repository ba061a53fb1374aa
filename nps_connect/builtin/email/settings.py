"""The ``[connections.<name>]`` table of the e-mail channel."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from nps_connect import ConnectionSettings
from nps_connect.builtin.email.addresses import EmailAddress, split_sender
from nps_connect.builtin.email.relay import Relay, ReportMailbox, parse_mailbox, parse_relay

NO_REPLY_PATTERN = re.compile(
    r"(no|donot|dont|never)(reply|answer|respond)|(ne|pas)(pas)?(de)?(repondre|reponse)|unattended"
)


def _validate_relay_url(value: SecretStr) -> SecretStr:
    parse_relay(value.get_secret_value())
    return value


def _validate_mailbox_url(value: SecretStr) -> SecretStr:
    parse_mailbox(value.get_secret_value())
    return value


def _validate_sender(value: str) -> str:
    if not split_sender(value)[1].local.isascii():
        raise ValueError("the part of the address before the @ must be plain ASCII")
    return value


def _validate_reply_to(value: str) -> str:
    mailbox = EmailAddress.parse(value)
    if NO_REPLY_PATTERN.match(re.sub(r"[^a-z]", "", mailbox.local.casefold())):
        raise ValueError("must be an address that people read: unhappy customers answer here; not a no-reply address")
    return value


class EmailSettings(ConnectionSettings):
    """Settings of the e-mail channel.

    Attributes:
        smtp_url: the relay: ``smtp://user:password@host:587?starttls=required`` or ``smtps://user:password@host:465``;
            special characters in user and password percent-encoded.
        sender: what customers see, ``Name <address>``.
        reply_to: where customers reply to; people must read it.
        timeout: seconds up to the final dot of a mail, and as long again for the reply to it.
        per_minute: maximum of customer mails in a minute, over all workers; None = no limit.
        bounces_url: the mailbox that receives bounces: ``imaps://user:password@host:993/INBOX``, special characters
            percent-encoded; it is only read. None = reports are posted or read from files.
        allow_plain: allow a relay beyond this machine without encryption.
    """

    smtp_url: Annotated[SecretStr, AfterValidator(_validate_relay_url)]
    sender: Annotated[str, AfterValidator(_validate_sender)]
    reply_to: Annotated[str, AfterValidator(_validate_reply_to)]
    timeout: float = Field(default=30.0, gt=0, le=120)  # twice this fits into a lease
    per_minute: int | None = Field(default=None, ge=1, le=6000)
    allow_plain: bool = False
    bounces_url: Annotated[SecretStr, AfterValidator(_validate_mailbox_url)] | None = None

    @model_validator(mode="after")
    def _encrypted(self) -> Self:
        if self.relay.encryption == "none" and not self.relay.is_loopback and not self.allow_plain:
            raise ValueError(
                "smtp_url: mail would leave this machine unencrypted; add ?starttls=required, use smtps://, "
                "or set allow_plain = true for a network that you trust"
            )
        return self

    @property
    def relay(self) -> Relay:
        """The mail server, parsed."""
        return parse_relay(self.smtp_url.get_secret_value())

    @property
    def report_mailbox(self) -> ReportMailbox | None:
        """The bounce mailbox, parsed."""
        return parse_mailbox(self.bounces_url.get_secret_value()) if self.bounces_url else None
