"""Maps SMTP refusals and lost connections to delivery errors. Pure."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from nps_connect import (
    AuthFailed,
    DeliveryError,
    NotAllowed,
    OutcomeUnknown,
    RateLimited,
    Redactor,
    Rejected,
    RetryLater,
    Undeliverable,
)
from nps_connect.builtin.email.bounce_classifier import Cause, Refusal, Stage, classify
from nps_connect.builtin.email.relay import Relay
from nps_connect.builtin.email.smtp_session import SmtpConnectionLost, SmtpRefused

LOGIN_CODES = frozenset({530, 534, 535, 538})
MAX_EXCERPT_LENGTH = 500
SENDING_QUOTA_PAUSE = timedelta(hours=1)
_STAGES: dict[str, Stage] = {"RCPT": "recipient", "DATA": "data", "MESSAGE": "end of data"}
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


def error_for_refusal(refused: SmtpRefused, relay: Relay, now: datetime) -> DeliveryError:
    """Return the delivery error for a refusal.

    A refused recipient or message concerns that one mail, and its address if the words say so. A refused sender, or a
    server that does not relay for us, would stop every mail, so it pauses the action; a refused login pauses the
    connection; a used up sending quota pauses sending.
    """
    enhanced = _ENHANCED.match(refused.text)
    codes = f"{refused.code} {enhanced[0]}" if enhanced else str(refused.code)
    exchange: dict[str, object] = {
        "step": refused.step,
        "code": refused.code,
        "enhanced_code": enhanced[0] if enhanced else None,
        "answer": Redactor(relay.secrets())(refused.text)[:MAX_EXCERPT_LENGTH],
    }
    sentence = f"the mail server {relay.address} refused {_STEP_LABELS[refused.step]} ({codes})"
    cause = classify(Refusal(refused.text, code=refused.code, stage=_STAGES.get(refused.step)))
    error_class = _error_class(refused, cause)
    details: dict[str, Any] = {"status": refused.code, "exchange": exchange}
    if error_class is RateLimited:
        return RateLimited(
            f"the sending quota of the mail server {relay.address} is used up ({codes})",
            until=now + SENDING_QUOTA_PAUSE,
            **details,
        )
    if error_class is Rejected:
        return Rejected(sentence, concerns_mailbox=cause.concerns_mailbox, **details)
    return error_class(sentence, **details)


def _error_class(refused: SmtpRefused, cause: Cause) -> type[DeliveryError]:
    if cause is Cause.SENDING_QUOTA:
        return RateLimited
    if refused.code // 100 != 5:  # Postfix refuses to relay with 454 by default
        return NotAllowed if cause is Cause.RELAY and refused.step in _MESSAGE_STEPS else RetryLater
    if refused.step == "AUTH" or refused.code in LOGIN_CODES:
        return AuthFailed
    if refused.step == "MAIL":
        return NotAllowed
    if refused.step not in _MESSAGE_STEPS:
        return RetryLater
    if cause in {Cause.SENDER, Cause.RELAY}:
        return NotAllowed
    return Undeliverable if cause.is_hard else Rejected


def error_for_loss(lost: SmtpConnectionLost, relay: Relay) -> DeliveryError:
    """Return the delivery error for a lost connection: the outcome is unknown only after the final dot."""
    exchange: dict[str, object] = {"step": lost.step, "reason": lost.reason}
    if lost.complete:
        return OutcomeUnknown(
            f"the mail server {relay.address} received the whole message but did not reply ({lost.reason}): it may "
            "have been sent",
            exchange=exchange,
        )
    return RetryLater(
        f"the mail server {relay.address} cannot be used ({lost.step}: {lost.reason}); nothing was sent",
        exchange=exchange,
    )
