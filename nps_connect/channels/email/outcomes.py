"""What the end of a dialogue means for a delivery. Pure."""

from __future__ import annotations

import re

from nps_connect import AuthFailed, DeliveryError, Doubtful, NotAllowed, Redactor, Rejected, RetryLater, Undeliverable
from nps_connect.channels.email.dialogue import Lost, Refused
from nps_connect.channels.email.hardness import is_hard
from nps_connect.channels.email.relay import Relay

LOGIN_CODES = frozenset({530, 534, 535, 538})
EXCERPT = 500
_ABOUT_THE_MAIL = frozenset({"RCPT", "DATA", "MESSAGE"})
_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}\b")
_TASKS = {
    "CONNECT": "to talk to us",
    "EHLO": "the greeting",
    "STARTTLS": "encryption",
    "AUTH": "the login",
    "MAIL": "the sender",
    "RCPT": "the recipient",
    "DATA": "the message",
    "MESSAGE": "the message",
}


def error_for_refusal(refused: Refused, relay: Relay) -> DeliveryError:
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
        "answer": Redactor(relay.secrets())(refused.text)[:EXCERPT],
    }
    sentence = f"the mail server refused {_TASKS[refused.step]} ({told})"
    return _class_for(refused)(sentence, status=refused.code, exchange=exchange)


def _class_for(refused: Refused) -> type[DeliveryError]:
    if refused.code // 100 != 5:
        return RetryLater
    if refused.step == "AUTH" or refused.code in LOGIN_CODES:
        return AuthFailed
    if refused.step == "MAIL":
        return NotAllowed
    if refused.step not in _ABOUT_THE_MAIL:
        return RetryLater
    hard = is_hard(refused.text, refused.code, message=refused.step != "RCPT")
    return Undeliverable if hard else Rejected


def error_for_loss(lost: Lost) -> DeliveryError:
    """The error that a missing answer means: doubtful only after the final dot."""
    exchange: dict[str, object] = {"step": lost.step, "reason": lost.reason}
    if lost.complete:
        return Doubtful(
            f"the mail server got the whole message and gave no answer ({lost.reason}): it may have been sent",
            exchange=exchange,
        )
    return RetryLater(
        f"the mail server cannot be used ({lost.step}: {lost.reason}); nothing was sent", exchange=exchange
    )
