"""Checks whether a received mail was signed correctly, from its own headers. Pure.

The receiving server writes its results into ``Authentication-Results`` (RFC 8601) at the top. Headers below may be
forged by the sender, so only the topmost server is trusted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from email.utils import parseaddr
from functools import lru_cache

from publicsuffixlist import PublicSuffixList

_COMMENT = re.compile(r"\([^()]*\)")
_METHOD = re.compile(r"\b(spf|dkim|dmarc)\s*=\s*([a-z]+)([^;]*)", re.IGNORECASE)
_DOMAINS = {
    "spf": re.compile(r"smtp\.(?:mailfrom|helo)\s*=\s*\"?(?:[^\s;\"@]*@)?([\w.-]+)"),
    "dkim": re.compile(r"header\.(?:d|i)\s*=\s*\"?(?:[^\s;\"@]*@)?([\w.-]+)"),
}
_TAG = re.compile(r"(?:^|;)\s*([a-z]+)\s*=\s*([^;]*)")
BROKEN_SIGNATURE_FIX = (
    "let nothing change a mail after it is signed (footers, rewritten links), and compare the key of the selector "
    "in DNS with that of the mail server"
)
UNSUBSCRIBE_HEADERS = ("list-unsubscribe", "list-unsubscribe-post")


@dataclass(frozen=True)
class AuthenticationFinding:
    """The result of one check.

    Attributes:
        what: `spf`, `dkim`, `dmarc`, `unsubscribe headers` or `copy`.
        ok: the check passed.
        text: one sentence.
        fix: how to correct it, or None.
    """

    what: str
    ok: bool
    text: str
    fix: str | None = None


def check_authentication(copy: bytes) -> list[AuthenticationFinding]:
    """Check SPF, DKIM and DMARC alignment and the signed unsubscribe headers.

    Args:
        copy: the source of the received mail, at least its headers.
    """
    mail = message_from_bytes(copy.lstrip())
    sender = _domain(str(mail.get("From", "")))
    headers = [_strip_comments(text) for text in mail.get_all("Authentication-Results", [])]
    if not sender or not headers:
        missing = "From" if not sender else "Authentication-Results"
        fix = "paste the complete source of the received mail (show original, view source), from its first line on"
        return [AuthenticationFinding("copy", False, f"the copy has no {missing} header", fix)]
    server = _authserv_id(headers[0])
    results = [match for text in headers if _authserv_id(text) == server for match in _METHOD.findall(text)]
    dmarc = _check_dmarc(results, sender)
    spf_fix = "let the mail server use the sender's domain as envelope sender, and list the server in its SPF record"
    return [
        _check_alignment("spf", results, sender, dmarc, spf_fix),
        _check_alignment("dkim", results, sender, dmarc, f"let the mail server sign with d={sender}"),
        dmarc,
        _check_one_click(mail, sender, dmarc),
    ]


def _check_alignment(
    method: str, results: Sequence[tuple[str, str, str]], sender: str, dmarc: AuthenticationFinding, fix: str
) -> AuthenticationFinding:
    unaligned: list[tuple[str, str]] = []
    for name, result, properties in results:
        if name.lower() != method:
            continue
        match = _DOMAINS[method].search(properties)
        domain = match[1].lower() if match else ""
        if result.lower() == "pass" and is_aligned(domain, sender, dmarc_passes=dmarc.ok):
            text = f"{method} passes for {domain}, which is aligned with {sender}"
            return AuthenticationFinding(method, True, text)
        unaligned.append((result.lower(), domain))
    if method == "dkim":
        return _describe_dkim_failure(unaligned, sender, dmarc, fix)
    if not unaligned:
        return AuthenticationFinding(method, False, f"the receiving server reports no result for {method}", fix)
    outcomes = ", ".join(f"{result}{f' for {domain}' if domain else ''}" for result, domain in unaligned)
    return AuthenticationFinding(method, False, f"{method} is not aligned with {sender}: {outcomes}", fix)


def _describe_dkim_failure(
    outcomes: Sequence[tuple[str, str]], sender: str, dmarc: AuthenticationFinding, fix: str
) -> AuthenticationFinding:
    """Tell a broken signature of the sender from one that could not be checked, a foreign one and none.

    Args:
        outcomes: result and domain of each signature, none of which passes for the sender.
        sender: domain of the sender.
        dmarc: the finding of the DMARC check.
        fix: how to sign with the sender's domain.
    """
    failed = [
        (result, domain)
        for result, domain in outcomes
        if result not in {"none", "pass"} and (not domain or is_aligned(domain, sender, dmarc_passes=dmarc.ok))
    ]
    if failed:
        result, domain = failed[0]
        name = f"the dkim signature of {domain or 'the mail'}"
        if result == "temperror":
            text = f"{name} could not be checked now: the receiving server could not read its key"
            return AuthenticationFinding("dkim", False, text, "check again; if it stays, check the name servers")
        return AuthenticationFinding("dkim", False, f"{name} is broken ({result})", BROKEN_SIGNATURE_FIX)
    foreign = [f"{domain or 'an unknown domain'} ({result})" for result, domain in outcomes if result != "none"]
    if foreign:
        text = f"dkim is not aligned with {sender}: the mail is signed only by {', '.join(foreign)}"
        return AuthenticationFinding("dkim", False, text, fix)
    return AuthenticationFinding("dkim", False, f"the mail has no dkim signature of {sender}", fix)


def _check_dmarc(results: Sequence[tuple[str, str, str]], sender: str) -> AuthenticationFinding:
    outcomes = [result.lower() for name, result, _ in results if name.lower() == "dmarc"]
    if "pass" in outcomes:
        return AuthenticationFinding("dmarc", True, f"dmarc passes for {sender}")
    text = f"dmarc: {', '.join(outcomes) or 'the receiving server reports no result'}"
    fix = f"publish a DMARC record at _dmarc.{sender}, and make sure that spf or dkim is aligned"
    return AuthenticationFinding("dmarc", False, text, fix)


def _check_one_click(mail: Message, sender: str, dmarc: AuthenticationFinding) -> AuthenticationFinding:
    what = "unsubscribe headers"
    missing = [name for name in UNSUBSCRIBE_HEADERS if mail.get(name) is None]
    if missing:
        return AuthenticationFinding(what, False, f"the mail arrived without {' and '.join(missing)}")
    signatures = [dict(_parse_tags(text)) for text in mail.get_all("DKIM-Signature", [])]
    aligned = [tags for tags in signatures if is_aligned(tags.get("d", "").lower(), sender, dmarc_passes=dmarc.ok)]
    for tags in aligned:
        signed = {name.strip().lower() for name in tags.get("h", "").split(":")}
        if signed.issuperset(UNSUBSCRIBE_HEADERS):
            return AuthenticationFinding(what, True, f"both unsubscribe headers are signed by {tags['d']}")
    why = "are not among the signed headers" if aligned else f"are not signed: there is no signature of {sender}"
    fix = f"let the mail server sign {', '.join(UNSUBSCRIBE_HEADERS)} too (h=): one-click unsubscribe needs it"
    return AuthenticationFinding(what, False, f"the unsubscribe headers {why}", fix)


def is_aligned(domain: str, sender: str, *, dmarc_passes: bool) -> bool:
    """Return whether two domains are aligned in relaxed mode (RFC 7489, 3.1): they belong to one organisation.

    Two different subdomains of one organisation count only if DMARC passes: a strict policy would reject them.
    """
    if not domain or not sender:
        return False
    if domain == sender or domain.endswith(f".{sender}") or sender.endswith(f".{domain}"):
        return True
    organisation = _public_suffixes().privatesuffix(domain)
    return dmarc_passes and organisation is not None and organisation == _public_suffixes().privatesuffix(sender)


@lru_cache(maxsize=1)
def _public_suffixes() -> PublicSuffixList:
    return PublicSuffixList()


def _parse_tags(text: str) -> Iterator[tuple[str, str]]:
    for name, value in _TAG.findall(_strip_comments(text)):
        yield name, re.sub(r"\s+", "", value)


def _strip_comments(text: object) -> str:
    return _COMMENT.sub(" ", " ".join(str(text).split()))


def _authserv_id(results: str) -> str:
    return results.partition(";")[0].strip().lower()


def _domain(header: str) -> str:
    return parseaddr(header)[1].rpartition("@")[2].strip().lower()
