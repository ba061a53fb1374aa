"""Classifies SMTP refusals: a hard bounce means that the mailbox does not exist. Pure.

Enhanced codes (RFC 3463) decide: ``5.1.x`` concerns the address, ``5.2.1`` is a disabled mailbox, ``5.4.4`` an
unroutable domain. ``5.7.x`` concerns policy: the refusal may be our fault, so the address stays in use. Without an
enhanced code, 550, 551 and 553 concern the mailbox (RFC 5321, 4.2.3), unless the message was refused after its
recipient had been accepted: then the cause is unknown.
"""

from __future__ import annotations

import re

ENHANCED = re.compile(r"\b[245]\.\d{1,3}\.\d{1,3}\b")
_HARD = re.compile(r"5\.1\.([012346]|10)|5\.2\.1|5\.4\.4")
_UNSPECIFIC = re.compile(r"5\.0\.0")
_CODE = re.compile(r"(?<![\d.])5\d\d(?![\d.])")
HARD_CODES = frozenset({550, 551, 553})


def is_hard_bounce(text: str, code: int | None = None, status: str | None = None, *, message: bool = False) -> bool:
    """Return whether the refusal means that the mailbox does not exist.

    Args:
        text: the server's reply.
        code: the SMTP code; None = taken from the text.
        status: the enhanced code; None = taken from the text.
        message: the message was refused after its recipient had been accepted.
    """
    for enhanced in (status, *ENHANCED.findall(text)):
        if enhanced and not _UNSPECIFIC.fullmatch(enhanced):
            return _HARD.fullmatch(enhanced) is not None
    if message:
        return False
    if code is None:
        match = _CODE.search(text)
        code = int(match[0]) if match else None
    return code in HARD_CODES
