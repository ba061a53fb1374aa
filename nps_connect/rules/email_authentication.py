"""Whether a mail that arrived was signed as it should be, read from its own headers. Pure.

The server that took the mail in writes what it found into ``Authentication-Results`` (RFC 8601), at the very top. What
stands below may be forged by the sender, so only the topmost server is believed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from email.utils import parseaddr

_COMMENT = re.compile(r"\([^()]*\)")
_METHOD = re.compile(r"\b(spf|dkim|dmarc)\s*=\s*([a-z]+)([^;]*)", re.IGNORECASE)
_DOMAINS = {
    "spf": re.compile(r"smtp\.(?:mailfrom|helo)\s*=\s*\"?(?:[^\s;\"@]*@)?([\w.-]+)"),
    "dkim": re.compile(r"header\.(?:d|i)\s*=\s*\"?(?:[^\s;\"@]*@)?([\w.-]+)"),
}
_SECOND_LEVEL_SUFFIXES = frozenset(
    {"ac", "asso", "co", "com", "edu", "gob", "gouv", "gov", "mil", "ne", "net", "or", "org"}
)
"""Labels below which countries give out domains: ``co.uk`` belongs to nobody who sends mail."""

_TAG = re.compile(r"(?:^|;)\s*([a-z]+)\s*=\s*([^;]*)")
UNSUBSCRIBE_HEADERS = ("list-unsubscribe", "list-unsubscribe-post")


@dataclass(frozen=True)
class AuthenticationFinding:
    """One thing that was looked at.

    Attributes:
        what: `spf`, `dkim`, `dmarc`, `unsubscribe headers` or `copy`.
        ok: as it should be.
        text: one sentence.
        fix: what to do about it, if anything.
    """

    what: str
    ok: bool
    text: str
    fix: str | None = None


def check_authentication(copy: bytes) -> list[AuthenticationFinding]:
    """What the headers of an arrived mail tell.

    Args:
        copy: the source of the mail as its mailbox shows it, headers at least.
    """
    mail = message_from_bytes(copy.lstrip())
    sender = _domain(str(mail.get("From", "")))
    results = [_strip_comments(text) for text in mail.get_all("Authentication-Results", [])]
    if not sender or not results:
        lack = "From" if not sender else "Authentication-Results"
        fix = "paste the whole source of the mail as it arrived (show original, view source), from its first line on"
        return [AuthenticationFinding("copy", False, f"the copy has no {lack} header", fix)]
    server = _authserv_id(results[0])
    found = [match for text in results if _authserv_id(text) == server for match in _METHOD.findall(text)]
    dmarc = _check_dmarc(found, sender)
    return [
        _check_alignment(
            "spf",
            found,
            sender,
            dmarc,
            "let the mail server use the sender's domain as envelope sender, and list it there",
        ),
        _check_alignment("dkim", found, sender, dmarc, f"let the mail server sign with d={sender}"),
        dmarc,
        _check_one_click(mail, sender, dmarc),
    ]


def _check_alignment(
    method: str, found: Sequence[tuple[str, str, str]], sender: str, dmarc: AuthenticationFinding, fix: str
) -> AuthenticationFinding:
    seen = []
    for name, result, rest in found:
        if name.lower() != method:
            continue
        domain = _DOMAINS[method].search(rest)
        told = domain[1].lower() if domain else ""
        if result.lower() == "pass" and is_aligned(told, sender, dmarc_passes=dmarc.ok):
            return AuthenticationFinding(method, True, f"{method} passes for {told}, which is aligned with {sender}")
        seen.append(f"{result.lower()}{f' for {told}' if told else ''}")
    if not seen:
        return AuthenticationFinding(method, False, f"the receiving server says nothing of {method}", fix)
    return AuthenticationFinding(method, False, f"{method} is not aligned with {sender}: {', '.join(seen)}", fix)


def _check_dmarc(found: Sequence[tuple[str, str, str]], sender: str) -> AuthenticationFinding:
    results = [result.lower() for name, result, _ in found if name.lower() == "dmarc"]
    if "pass" in results:
        return AuthenticationFinding("dmarc", True, f"dmarc passes for {sender}")
    fix = f"publish a DMARC record at _dmarc.{sender}, and see to it that spf or dkim is aligned"
    return AuthenticationFinding(
        "dmarc", False, f"dmarc: {', '.join(results) or 'the receiving server says nothing of it'}", fix
    )


def _check_one_click(mail: Message, sender: str, dmarc: AuthenticationFinding) -> AuthenticationFinding:
    missing = [name for name in UNSUBSCRIBE_HEADERS if mail.get(name) is None]
    if missing:
        return AuthenticationFinding("unsubscribe headers", False, f"the mail arrived without {' and '.join(missing)}")
    signatures = [dict(_parse_tags(text)) for text in mail.get_all("DKIM-Signature", [])]
    own = [tags for tags in signatures if is_aligned(tags.get("d", "").lower(), sender, dmarc_passes=dmarc.ok)]
    fix = f"add {', '.join(UNSUBSCRIBE_HEADERS)} to the headers that the mail server signs (h=): else one click does not work"
    for tags in own:
        signed = {name.strip().lower() for name in tags.get("h", "").split(":")}
        if signed.issuperset(UNSUBSCRIBE_HEADERS):
            return AuthenticationFinding(
                "unsubscribe headers", True, f"both unsubscribe headers are signed by {tags['d']}"
            )
    why = "are not among the signed headers" if own else f"are not signed by {sender}: it has no signature of its own"
    return AuthenticationFinding("unsubscribe headers", False, f"the unsubscribe headers {why}", fix)


def is_aligned(one: str, other: str, *, dmarc_passes: bool) -> bool:
    """Whether two domains are aligned in the relaxed form (RFC 7489, 3.1): they belong to one organisation.

    That is sure of the same domain and of one below the other. Of two beside each other only a list of all registries
    can tell; the receiving server has one, so they are believed where it says that DMARC passes.
    """
    if not one or not other:
        return False
    if one == other or one.endswith(f".{other}") or other.endswith(f".{one}"):
        return True
    return dmarc_passes and _has_same_organisation(one.split("."), other.split("."))


def _has_same_organisation(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two domains end in the same one that somebody may own, as far as its form tells."""
    country, second = one[-1], one[-2:-1]
    labels = 3 if len(country) == 2 and _SECOND_LEVEL_SUFFIXES.intersection(second) else 2
    return len(one) >= labels and one[-labels:] == other[-labels:]


def _parse_tags(text: str) -> Iterator[tuple[str, str]]:
    for name, value in _TAG.findall(_strip_comments(text)):
        yield name, re.sub(r"\s+", "", value)


def _strip_comments(text: object) -> str:
    return _COMMENT.sub(" ", " ".join(str(text).split()))


def _authserv_id(results: str) -> str:
    return results.partition(";")[0].strip().lower()


def _domain(header: str) -> str:
    return parseaddr(header)[1].rpartition("@")[2].strip().lower()
