"""Maps SMTP refusals and lost connections to delivery errors. Pure."""

from __future__ import annotations

import re

from nps_connect import (
    AuthFailed,
    DeliveryError,
    NotAllowed,
    OutcomeUnknown,
    Redactor,
    Rejected,
    RetryLater,
    Undeliverable,
)
from nps_connect.builtin.email.bounce_classifier import is_hard_bounce
from nps_connect.builtin.email.relay import Relay
from nps_connect.builtin.email.smtp_session import SmtpConnectionLost, SmtpRefused

LOGIN_CODES = frozenset({530, 534, 535, 538})
MAX_EXCERPT_LENGTH = 500
_MESSAGE_STEPS = frozenset({"RCPT", "DATA", "MESSAGE"})
_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}\b")
_STEP_LABELS = {
    "CONNECT": "the connection",
    "EHLO": "the greeting",
    "STARTTLS": "encryption",
    "AUTH": "the login",
    "MAIL": "the sender",
    "RCPT": "the recipient",
    "DATA": "the message",
    "MESSAGE": "the message",
}


def error_for_refusal(refused: SmtpRefused, relay: Relay) -> DeliveryError:
    """Return the delivery error for a refusal.

    A refused recipient or message concerns that one mail, and its address if the code says so: many servers check the
    recipient only after the message. A refused sender would stop every mail, so it pauses the action; a refused login
    pauses the connection.
    """
    enhanced = _ENHANCED.match(refused.text)
    codes = f"{refused.code} {enhanced[0]}" if enhanced else str(refused.code)
    exchange: dict[str, object] = {
        "step": refused.step,
        "code": refused.code,
        "enhanced_code": enhanced[0] if enhanced else None,
        "answer": Redactor(relay.secrets())(refused.text)[:MAX_EXCERPT_LENGTH],
    }
    sentence = f"the mail server refused {_STEP_LABELS[refused.step]} ({codes})"
    return _error_class(refused)(sentence, status=refused.code, exchange=exchange)


def _error_class(refused: SmtpRefused) -> type[DeliveryError]:
    if refused.code // 100 != 5:
        return RetryLater
    if refused.step == "AUTH" or refused.code in LOGIN_CODES:
        return AuthFailed
    if refused.step == "MAIL":
        return NotAllowed
    if refused.step not in _MESSAGE_STEPS:
        return RetryLater
    hard = is_hard_bounce(refused.text, refused.code, message=refused.step != "RCPT")
    return Undeliverable if hard else Rejected


def error_for_loss(lost: SmtpConnectionLost) -> DeliveryError:
    """Return the delivery error for a lost connection: the outcome is unknown only after the final dot."""
    exchange: dict[str, object] = {"step": lost.step, "reason": lost.reason}
    if lost.complete:
        return OutcomeUnknown(
            f"the mail server received the whole message but did not reply ({lost.reason}): it may have been sent",
            exchange=exchange,
        )
    return RetryLater(
        f"the mail server cannot be used ({lost.step}: {lost.reason}); nothing was sent", exchange=exchange
    )
