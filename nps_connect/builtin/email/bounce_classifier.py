"""Classifies refusals of mail servers, in a session and in bounce reports alike. Pure.

A wrong "hard" silences a customer for ever, a wrong "soft" costs one more mail. So the words beside the code decide:
servers use 550 and 5.1.x for full mailboxes, block lists and refused senders too. Where the words contradict each
other, the refusal is soft. Enhanced codes (RFC 3463) decide only without words that are recognised, and a bare 550
(RFC 5321, 4.2.3) never does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from nps_connect.builtin.email.refusal_phrases import (
    AUTHENTICATION,
    BLOCK_LIST,
    CLOSED,
    CONTRADICTION,
    LOCAL_PROGRAM,
    MAILBOX_FULL,
    MESSAGE,
    NO_DOMAIN,
    NO_MAILBOX,
    PROVIDER,
    PROVIDER_NO_MAILBOX,
    RATE,
    RELAY,
    SENDER,
    SENDING_QUOTA,
    SUSPENDED,
    TEMPORARY,
    TEMPORARY_DNS,
    strip_names,
)

Stage = Literal["before recipient", "sender", "recipient", "data", "end of data"]

ENHANCED = re.compile(r"(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?!\.?\d)")
_REPLY_CODE = re.compile(r"(?:^|[;:>('\"]|\bsaid|\breason|\bcode|\berror)[\s:]*([45]\d\d)(?=[\s\-#(]|$)", re.IGNORECASE)
_AFTER = r"(?:reply to|after|response to|our) (?:the |pipelined )?"
_STAGE_PATTERNS: dict[Stage, str] = {
    "end of data": r"end[ -]of[ -](?:data|message)|final (?:data|dot)|after i sent the message",
    "data": rf"{_AFTER}DATA\b",
    "recipient": rf"{_AFTER}RCPT\b|does not like recipient",
    "sender": rf"{_AFTER}MAIL(?: FROM\b|:)|sender was rejected",
    "before recipient": rf"{_AFTER}(?:EHLO|HELO|initial connection|STARTTLS)\b|receiving the initial server greeting"
    r"|refused to talk to me|my name was rejected|greeting failed",
}
_STAGES = {stage: re.compile(pattern, re.IGNORECASE) for stage, pattern in _STAGE_PATTERNS.items()}


class Cause(Enum):
    """Why a mail was refused: the family of its words or codes.

    Attributes:
        is_hard: the mailbox does not exist.
        concerns_mailbox: otherwise: the refusal is about the mailbox, not about us, the mail, or the moment.
    """

    SENDING_QUOTA = "sending quota"
    TEMPORARY = "temporary"
    MAILBOX_FULL = "mailbox full"
    SUSPENDED = "account suspended"
    CLOSED = "account closed"
    RATE = "rate of the mailbox"
    SENDER = "sender refused"
    RELAY = "relay refused"
    NO_MAILBOX = "no such mailbox"
    NO_DOMAIN = "no such domain"
    MESSAGE = "our server or message refused"
    UNDECIDED = "undecided"

    @property
    def is_hard(self) -> bool:
        """Return whether the mailbox does not exist."""
        return self in {Cause.CLOSED, Cause.NO_MAILBOX, Cause.NO_DOMAIN}

    @property
    def concerns_mailbox(self) -> bool:
        """Return whether a refusal that is not hard counts against the mailbox when it is repeated."""
        return self in {Cause.MAILBOX_FULL, Cause.SUSPENDED, Cause.UNDECIDED}


@dataclass(frozen=True)
class Refusal:
    """What a mail server said.

    Attributes:
        text: its reply or diagnostic text.
        code: the reply code, if it is not in the text.
        status: the enhanced code, if it is not in the text.
        stage: what was refused; None = as the text says.
        server: name of the server that refused, or the domain of the recipient, if the text does not name it.
    """

    text: str
    code: int | None = None
    status: str | None = None
    stage: Stage | None = None
    server: str = ""


# The first family whose words are in the text, or whose code is the specific one, is the cause.
_FAMILIES: tuple[tuple[Cause, re.Pattern[str], frozenset[str]], ...] = (
    (Cause.MAILBOX_FULL, MAILBOX_FULL, frozenset({"5.2.2"})),
    (Cause.SUSPENDED, SUSPENDED, frozenset()),
    (Cause.CLOSED, CLOSED, frozenset()),
    (Cause.RATE, RATE, frozenset({"5.2.121", "5.2.122"})),
    (Cause.MESSAGE, AUTHENTICATION, frozenset()),
    (Cause.SENDER, SENDER, frozenset({"5.1.7", "5.1.8", "5.1.20", "5.7.750"})),
    (Cause.RELAY, RELAY, frozenset()),
    (Cause.NO_MAILBOX, NO_MAILBOX, frozenset({"5.1.351", "5.7.17", "5.7.18"})),
    (Cause.NO_DOMAIN, NO_DOMAIN, frozenset({"5.4.310", "5.7.27"})),
    (Cause.TEMPORARY, TEMPORARY, frozenset({"5.4.300", "5.4.316"})),
    (Cause.MESSAGE, MESSAGE, frozenset()),
)
_SENDING_QUOTA_CODES = {"5.1.90", "5.4.5", "5.7.232", "5.7.233"}
_CAUSE_OF_CODE = {
    "5.1.1": Cause.NO_MAILBOX,
    "5.1.2": Cause.NO_DOMAIN,
    "5.1.3": Cause.NO_MAILBOX,
    "5.1.6": Cause.NO_MAILBOX,
    "5.1.10": Cause.NO_MAILBOX,
    "5.2.1": Cause.UNDECIDED,
    "5.4.1": Cause.UNDECIDED,
    "5.4.4": Cause.NO_DOMAIN,
    "5.4.7": Cause.TEMPORARY,
}
_CAUSE_OF_PAIR = {
    (552, "5.1.1"): Cause.MAILBOX_FULL,
    (521, "5.3.2"): Cause.NO_DOMAIN,  # a host that never accepts mail (RFC 7504)
}
_MESSAGE_CLASSES = ("5.2.3", "5.3.", "5.4.", "5.5.", "5.6.", "5.7.")


def classify(refusal: Refusal) -> Cause:
    """Return the cause of a refusal."""
    words = strip_names(refusal.text)
    if LOCAL_PROGRAM.search(words):
        return Cause.MESSAGE  # a local program's exit status: it says nothing about the mailbox
    if SENDING_QUOTA.search(words) or _SENDING_QUOTA_CODES & set(ENHANCED.findall(refusal.text)):
        return Cause.SENDING_QUOTA
    if _is_temporary(refusal):
        if RELAY.search(words):
            return Cause.RELAY
        is_missing = NO_DOMAIN.search(words) and not _contradicts(Cause.NO_DOMAIN, refusal, words)
        return Cause.NO_DOMAIN if is_missing else Cause.TEMPORARY
    stage = refusal.stage or stage_in(refusal.text)
    if stage in {"before recipient", "sender"}:
        return Cause.SENDER if stage == "sender" else Cause.MESSAGE
    cause = _cause_of_words(refusal, words)
    if not cause.is_hard:
        return cause
    return _soften(cause, refusal, words, stage)


def stage_in(text: str) -> Stage | None:
    """Return the step that was refused, if the text says so. A line such as ``>>> DATA`` proves nothing: pipelining."""
    return next((stage for stage, pattern in _STAGES.items() if pattern.search(text)), None)


def _soften(cause: Cause, refusal: Refusal, words: str, stage: Stage | None) -> Cause:
    """Return the cause, or a soft one if the words contradict each other or the recipient had been accepted."""
    if _contradicts(cause, refusal, words):
        return Cause.MESSAGE
    if cause is Cause.CLOSED and not (_specific_code(refusal) or "").startswith(("5.1.", "5.2.1")):
        return Cause.SUSPENDED  # accounts are disabled for a time, too
    if cause is Cause.NO_MAILBOX and stage == "end of data":
        return Cause.UNDECIDED  # a filter of recipients: the server had accepted this one
    return cause


def _contradicts(cause: Cause, refusal: Refusal, words: str) -> bool:
    """Return whether other words say that the refusal is about us, or that the name servers failed."""
    if BLOCK_LIST.search(refusal.text) or CONTRADICTION.search(words):
        return True
    return cause is Cause.NO_DOMAIN and bool(TEMPORARY_DNS.search(words) or SENDER.search(words))


def _cause_of_words(refusal: Refusal, words: str) -> Cause:
    codes = ENHANCED.findall(refusal.text)
    specific = _specific_code(refusal)
    pair = refusal.code or _reply_code(refusal.text), specific
    if pair in _CAUSE_OF_PAIR:
        return _CAUSE_OF_PAIR[pair]
    if "5.2.2" in codes:
        return Cause.MAILBOX_FULL
    if PROVIDER_NO_MAILBOX.search(words) and PROVIDER.search(f"{refusal.text} {refusal.server}"):
        return Cause.NO_MAILBOX
    for cause, phrases, family_codes in _FAMILIES:
        if phrases.search(words) or specific in family_codes:
            return cause
    if BLOCK_LIST.search(refusal.text):
        return Cause.MESSAGE
    return _cause_of_code(specific)


def _cause_of_code(code: str | None) -> Cause:
    if code is None or code in _CAUSE_OF_CODE:
        return _CAUSE_OF_CODE.get(code or "", Cause.UNDECIDED)
    return Cause.MESSAGE if code.startswith(_MESSAGE_CLASSES) else Cause.UNDECIDED


def _specific_code(refusal: Refusal) -> str | None:
    """Return the last code of the text that names a cause, else the status: outer servers wrap the first one."""
    codes = [*([refusal.status] if refusal.status else []), *ENHANCED.findall(refusal.text)]
    return next((code for code in reversed(codes) if not code.endswith(".0")), None)


def _reply_code(text: str) -> int | None:
    codes = _REPLY_CODE.findall(text)
    return int(codes[-1]) if codes else None


def _is_temporary(refusal: Refusal) -> bool:
    codes: list[str] = [*([refusal.status] if refusal.status else []), *ENHANCED.findall(refusal.text)]
    if codes:
        return codes[0].startswith("4") or codes[-1].startswith("4")
    code = refusal.code or _reply_code(refusal.text)
    return code is not None and code < 500
