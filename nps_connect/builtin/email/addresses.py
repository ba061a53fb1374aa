"""Validates e-mail addresses and converts them to their wire format. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

import idna

from nps_connect import one_line

_FORBIDDEN = frozenset('<>()[],;:\\"')
_SENDER = re.compile(r'\s*"?(?P<name>[^<>"]*?)"?\s*<(?P<address>[^<>]*)>\s*')
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff]"
)
"""Letters and marks that show nothing (Unicode: Default_Ignorable_Code_Point); the others are of category Cf."""

MAX_NAME_LENGTH = 120


@dataclass(frozen=True)
class EmailAddress:
    """A validated address.

    Attributes:
        local: the part before the @; may contain non-ASCII letters (RFC 6531).
        domain: the part after it, in ASCII (IDNA 2008).
    """

    local: str
    domain: str

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"

    @classmethod
    def parse(cls, text: str) -> EmailAddress:
        """Parse and validate an address.

        Raises:
            ValueError: the address is invalid; the text does not repeat it.
        """
        local, at, domain = text.strip().rpartition("@")
        if not at or not local or "." not in domain:
            raise ValueError("not an e-mail address such as care@example.com")
        if "@" in local or len(local) > 64 or any(_is_unsafe(char) for char in local):
            raise ValueError("an e-mail address with characters that no mailbox has")
        try:
            wire = idna.encode(domain, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            raise ValueError("an e-mail address whose domain cannot exist") from None
        if len(local.encode()) + 1 + len(wire) > 254:
            raise ValueError("an e-mail address longer than 254 characters")
        return cls(local, wire)


def split_sender(text: str) -> tuple[str, EmailAddress]:
    """Parse ``Name <address>``, or an address alone; returns name (maybe empty) and address.

    Raises:
        ValueError: the text has neither form.
    """
    match = _SENDER.fullmatch(text)
    if match is None:
        return "", EmailAddress.parse(text)
    return one_line(match["name"]), EmailAddress.parse(match["address"])


def _is_unsafe(char: str) -> bool:
    if char in _FORBIDDEN or char.isspace() or _INVISIBLE.match(char):
        return True
    return unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp", "Zs"}
