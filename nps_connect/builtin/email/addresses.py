"""Mail addresses: what can be written to, and how it goes over the wire. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

import idna

_FORBIDDEN = frozenset('<>()[],;:\\"')
_SENDER = re.compile(r'\s*"?(?P<name>[^<>"]*?)"?\s*<(?P<address>[^<>]*)>\s*')
_INVISIBLE = frozenset({"Cc", "Zl", "Zp", "Cs"})
_BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
MAX_NAME_LENGTH = 120


@dataclass(frozen=True)
class EmailAddress:
    """An address, checked.

    Attributes:
        local: the part before the @; may hold letters outside of ASCII (RFC 6531).
        domain: the part after it, in the ASCII form of the wire (IDNA 2008).
    """

    local: str
    domain: str

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"

    @classmethod
    def parse(cls, text: str) -> EmailAddress:
        """Read an address.

        Raises:
            ValueError: it cannot be written to; the text does not repeat it.
        """
        local, at, domain = text.strip().rpartition("@")
        if not at or not local or "." not in domain:
            raise ValueError("not an e-mail address such as care@example.com")
        if "@" in local or len(local) > 64 or any(_unsafe(char) for char in local):
            raise ValueError("an e-mail address with characters that no mailbox has")
        try:
            wire = idna.encode(domain, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            raise ValueError("an e-mail address whose domain cannot exist") from None
        if len(local.encode()) + 1 + len(wire) > 254:
            raise ValueError("an e-mail address longer than 254 characters")
        return cls(local, wire)


def split_sender(text: str) -> tuple[str, EmailAddress]:
    """Read ``Name <address>``, or an address alone (an empty name).

    Raises:
        ValueError: it has another shape.
    """
    found = _SENDER.fullmatch(text)
    if found is None:
        return "", EmailAddress.parse(text)
    return one_line(found["name"]), EmailAddress.parse(found["address"])


def one_line(text: str, longest: int | None = None) -> str:
    """A text fit for a header: no control characters, line breaks or reversed writing, single spaces."""
    visible = "".join(
        " " if unicodedata.category(char) in _INVISIBLE else "" if char in _BIDI_CONTROLS else char for char in text
    )
    return " ".join(visible.split())[:longest].rstrip()


def _unsafe(char: str) -> bool:
    return char in _FORBIDDEN or char.isspace() or unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp", "Zs"}
