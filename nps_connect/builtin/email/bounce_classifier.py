"""Whether a refusal means that a mailbox does not exist. Pure.

Enhanced codes (RFC 3463) say it: ``5.1.x`` is about the address, ``5.2.1`` a mailbox that was closed, ``5.4.4`` a
domain that leads nowhere. ``5.7.x`` is about policy: the same mail may be refused because of us, so the address stays
in use. Without one, 550, 551 and 553 are about the mailbox (RFC 5321, 4.2.3), unless the message was refused and not
its recipient: then they may be about anything.
"""

from __future__ import annotations

import re

ENHANCED = re.compile(r"\b[245]\.\d{1,3}\.\d{1,3}\b")
_HARD = re.compile(r"5\.1\.([012346]|10)|5\.2\.1|5\.4\.4")
_UNSPECIFIC = re.compile(r"5\.0\.0")
_CODE = re.compile(r"(?<![\d.])5\d\d(?![\d.])")
HARD_CODES = frozenset({550, 551, 553})


def is_hard_bounce(text: str, code: int | None = None, status: str | None = None, *, message: bool = False) -> bool:
    """Whether the mailbox does not exist.

    Args:
        text: what the server said.
        code: the SMTP code; none = the one that the text holds.
        status: the enhanced code; none = the one that the text holds.
        message: it was the message that was refused, after the server had taken the recipient.
    """
    for enhanced in (status, *ENHANCED.findall(text)):
        if enhanced and not _UNSPECIFIC.fullmatch(enhanced):
            return _HARD.fullmatch(enhanced) is not None
    if message:
        return False
    if code is None:
        found = _CODE.search(text)
        code = int(found[0]) if found else None
    return code in HARD_CODES
