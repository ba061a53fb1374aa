"""What the end of a dialogue means for a delivery. Pure."""

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
    "CONNECT": "to talk to us",
    "EHLO": "the greeting",
    "STARTTLS": "encryption",
    "AUTH": "the login",
    "MAIL": "the sender",
    "RCPT": "the recipient",
    "DATA": "the message",
    "MESSAGE": "the message",
}


def error_for_refusal(refused: SmtpRefused, relay: Relay) -> DeliveryError:
    """The error that a refusal means.

    A refused recipient or message is the fault of that one mail, and of its address if the server says so: many look at
    the recipient only after the message. A refused sender stops every mail of the same kind, so
    it holds the action in place of killing one delivery after the other; a refused login holds the connection.
    """
    enhanced = _ENHANCED.match(refused.text)
    told = f"{refused.code} {enhanced[0]}" if enhanced else str(refused.code)
    exchange: dict[str, object] = {
        "step": refused.step,
        "code": refused.code,
        "enhanced_code": enhanced[0] if enhanced else None,
        "answer": Redactor(relay.secrets())(refused.text)[:MAX_EXCERPT_LENGTH],
    }
    sentence = f"the mail server refused {_STEP_LABELS[refused.step]} ({told})"
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
    """The error that a missing answer means: in_doubt only after the final dot."""
    exchange: dict[str, object] = {"step": lost.step, "reason": lost.reason}
    if lost.complete:
        return OutcomeUnknown(
            f"the mail server got the whole message and gave no answer ({lost.reason}): it may have been sent",
            exchange=exchange,
        )
    return RetryLater(
        f"the mail server cannot be used ({lost.step}: {lost.reason}); nothing was sent", exchange=exchange
    )
