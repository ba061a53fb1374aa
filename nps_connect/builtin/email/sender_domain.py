"""What DNS says about the sender's domain: whether it receives mail, and its SPF and DMARC records.

DKIM is not among it: its records stand under names that only the mail server knows, so `doctor mail` checks it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from nps_connect import Finding

if TYPE_CHECKING:
    from dns.resolver import Resolver
    from publicsuffixlist import PublicSuffixList

QUERY_TIMEOUT_SECONDS = 1.5
"""For each of at most six queries."""

RESERVED_DOMAINS = ("example.com", "example.net", "example.org")
RESERVED_TOP_LEVEL = ("example", "invalid", "localhost", "test")
"""Names that nobody can register (RFC 2606, RFC 6761): examples and sandboxes."""

NULL_MX = "."
"""The only mail server of a domain that accepts no mail (RFC 7505)."""

RecordType = Literal["A", "AAAA", "MX", "TXT"]


class DnsUnavailable(Exception):
    """No name server answered."""


@dataclass(frozen=True)
class DomainRecords:
    """The records of a domain that concern mail.

    Attributes:
        exists: the domain is in DNS.
        receives_mail: it has a mail server: an MX record, or else an address (RFC 5321, section 5.1).
        spf: its SPF records, of which there may be one.
        dmarc: the DMARC records of it, or of the organisational domain if it has none itself (RFC 7489, 6.6.3).
    """

    exists: bool
    receives_mail: bool = False
    spf: tuple[str, ...] = ()
    dmarc: tuple[str, ...] = ()


def is_reserved(domain: str) -> bool:
    """Return whether a domain is an example that has no records."""
    return domain.rpartition(".")[2] in RESERVED_TOP_LEVEL or any(
        domain == reserved or domain.endswith(f".{reserved}") for reserved in RESERVED_DOMAINS
    )


def check_sender_domain(domain: str, resolver: Resolver | None = None) -> list[Finding]:
    """Return the findings on a sender's domain; empty for a reserved one.

    Args:
        domain: in lower case.
        resolver: asks name servers; None means those of this machine.
    """
    if is_reserved(domain):
        return []
    try:
        findings = list(_judge(domain, load_records(domain, resolver or _system_resolver())))
    except DnsUnavailable as error:
        fix = "check the name servers of this machine (/etc/resolv.conf)"
        return [_warning(f"DNS cannot be asked about the sender's domain {domain} ({error})", fix)]
    text = f"DNS has mail server, SPF and DMARC of {domain}; DKIM is checked by: nps-connect doctor mail"
    return findings or [Finding(severity="ok", text=text)]


def load_records(domain: str, resolver: Resolver) -> DomainRecords:
    """Ask DNS for the records of a domain.

    Raises:
        DnsUnavailable: no name server answered.
    """
    mail_servers = _query(resolver, domain, "MX")
    if mail_servers is None:
        return DomainRecords(exists=False)
    addresses: list[str] = []
    if not mail_servers:
        addresses = [*(_query(resolver, domain, "A") or ()), *(_query(resolver, domain, "AAAA") or ())]
    policies = _dmarc(resolver, domain)
    organisation = _organisational_domain(domain)
    return DomainRecords(
        exists=True,
        receives_mail=bool(addresses) if not mail_servers else mail_servers != [NULL_MX],
        spf=tuple(text for text in _query(resolver, domain, "TXT") or () if _has_tag(text, "v=spf1")),
        dmarc=policies or (_dmarc(resolver, organisation) if organisation not in (None, domain) else ()),
    )


def _dmarc(resolver: Resolver, domain: str | None) -> tuple[str, ...]:
    return tuple(text for text in _query(resolver, f"_dmarc.{domain}", "TXT") or () if _has_tag(text, "v=dmarc1"))


def _has_tag(text: str, tag: str) -> bool:
    return text.casefold().replace(";", " ").split()[:1] == [tag]


def _judge(domain: str, records: DomainRecords) -> Iterator[Finding]:
    if not records.exists:
        text = f"the sender's domain {domain} does not exist in DNS: mail servers refuse our mail"
        yield Finding(id="sender-domain", severity="error", text=text, fix="correct the domain of the setting sender")
        return
    if not records.receives_mail:
        text = f"the sender's domain {domain} receives no mail: bounces are lost, and mail servers may refuse our mail"
        yield _warning(text, f"add an MX record to {domain}")
    if not records.spf:
        yield _warning(
            f"{domain} has no SPF record", f'add a TXT record "v=spf1 ..." to {domain} that lists the mail server'
        )
    elif len(records.spf) > 1:
        text = f"{domain} has {len(records.spf)} SPF records: all are void, because only one is allowed (RFC 7208, 4.5)"
        yield _warning(text, "merge them into one TXT record")
    if not records.dmarc:
        text = f"{domain} has no DMARC record, which large mailbox providers require of bulk senders"
        yield _warning(text, f'add a TXT record to _dmarc.{domain}, such as "v=DMARC1; p=none"')


def _warning(text: str, fix: str) -> Finding:
    return Finding(id="sender-domain", severity="warning", text=text, fix=fix)


def _query(resolver: Resolver, name: str, kind: RecordType) -> list[str] | None:
    """Return the records of a name; None if the name does not exist."""
    from dns.exception import DNSException
    from dns.resolver import NXDOMAIN, NoAnswer

    try:
        answer = resolver.resolve(name, kind, lifetime=QUERY_TIMEOUT_SECONDS, search=False)
    except NXDOMAIN:
        return None
    except NoAnswer:
        return []
    except DNSException as error:
        raise DnsUnavailable(type(error).__name__) from None
    if kind == "TXT":
        return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]
    return [record.exchange.to_text() if kind == "MX" else record.to_text() for record in answer]


def _system_resolver() -> Resolver:
    from dns.exception import DNSException
    from dns.resolver import Resolver

    try:
        return Resolver()
    except DNSException as error:
        raise DnsUnavailable(type(error).__name__) from None


def _organisational_domain(domain: str) -> str | None:
    return _public_suffixes().privatesuffix(domain)


@lru_cache(maxsize=1)
def _public_suffixes() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList()
