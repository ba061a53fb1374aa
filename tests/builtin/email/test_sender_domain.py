"""DNS records of the sender's domain, asked of a name server on loopback."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

import dns.message
import dns.rcode
import dns.rrset
import pytest
from dns.resolver import Resolver

from nps_connect.builtin.email.sender_domain import check_sender_domain

SPF, DMARC = '"v=spf1 include:_spf.relay.example -all"', '"v=DMARC1; p=none"'
SOUND = {("shop.fr", "MX"): ["10 mx.shop.fr."], ("shop.fr", "TXT"): [SPF], ("_dmarc.shop.fr", "TXT"): [DMARC]}


@pytest.fixture
def name_server():
    """Start a name server with these records; returns a resolver that asks it."""
    servers = []

    def start(records):
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=serve, args=(server, records), daemon=True)
        thread.start()
        servers.append((server, thread))
        resolver = Resolver(configure=False)
        resolver.nameservers, resolver.port = ["127.0.0.1"], server.getsockname()[1]
        return resolver

    yield start
    for server, thread in servers:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.sendto(b"", server.getsockname())
        thread.join(10)
        server.close()


def serve(server, records):
    names = {name for name, _ in records}
    with suppress(OSError):
        while True:
            content, client = server.recvfrom(4096)
            if not content:
                return
            query = dns.message.from_wire(content)
            [question] = query.question
            name, kind = question.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(question.rdtype)
            response = dns.message.make_response(query)
            if found := records.get((name, kind)):
                response.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *found))
            elif not any(other == name or other.endswith(f".{name}") for other in names):
                response.set_rcode(dns.rcode.NXDOMAIN)
            server.sendto(response.to_wire(), client)


def problems(domain, resolver):
    return [(finding.severity, finding.text) for finding in check_sender_domain(domain, resolver)]


def test_a_domain_that_is_set_up(name_server):
    [(severity, text)] = problems("shop.fr", name_server(SOUND))
    assert (severity, text.startswith("DNS has mail server, SPF and DMARC of shop.fr")) == ("ok", True)


def test_a_subdomain_has_the_policy_of_its_organisation(name_server):
    records = {**SOUND, ("news.shop.fr", "TXT"): [SPF], ("news.shop.fr", "A"): ["192.0.2.1"]}
    assert [severity for severity, _ in problems("news.shop.fr", name_server(records))] == ["ok"]


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({("shop.fr", "MX"): []}, "receives no mail"),
        ({("shop.fr", "MX"): ["0 ."]}, "receives no mail"),
        ({("shop.fr", "TXT"): ['"google-site-verification=1"']}, "shop.fr has no SPF record"),
        ({("shop.fr", "TXT"): [SPF, '"v=spf1 mx -all"']}, "has 2 SPF records"),
        ({("_dmarc.shop.fr", "TXT"): []}, "has no DMARC record"),
    ],
)
def test_what_is_missing_is_named(name_server, changed, text):
    [finding] = check_sender_domain("shop.fr", name_server({**SOUND, **changed}))
    assert (finding.id, finding.severity) == ("sender-domain", "warning")
    assert text in finding.text
    assert finding.fix


def test_a_domain_that_does_not_exist_is_an_error(name_server):
    [(severity, text)] = problems("shpo.fr", name_server(SOUND))
    assert (severity, "shpo.fr does not exist" in text) == ("error", True)


def test_without_an_answer_nothing_is_claimed(name_server):
    resolver = name_server(SOUND)
    resolver.nameservers = []
    [(severity, text)] = problems("shop.fr", resolver)
    assert (severity, text) == ("warning", "DNS cannot be asked about the sender's domain shop.fr (NoNameservers)")


@pytest.mark.parametrize("domain", ["example.com", "nps.example.net", "mail.test"])
def test_examples_are_not_asked_for(name_server, domain):
    assert problems(domain, name_server({})) == []
