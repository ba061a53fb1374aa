"""The public address: its name, its certificate, who answers there, and who was seen from outside."""

from __future__ import annotations

import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from nps_connect.services.operations.public_url_check import (
    build_probe,
    check_public_url,
    foreign_request_findings,
    insecure_url_findings,
)

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
URL = "https://nps.example.com"
ANSWER = b'HTTP/1.1 200 OK\r\nContent-Length: 15\r\nConnection: close\r\n\r\n{"status":"ok"}'


def answering(*, status=200, json=None, error=None):
    def handle(request):
        assert str(request.url) == f"{URL}/healthz"
        if error is not None:
            raise error
        return httpx.Response(status, json={"status": "ok"} if json is None else json)

    return build_probe(httpx.MockTransport(handle))


def caused_by(cause, error):
    error.__cause__ = cause
    return error


def test_an_address_that_the_product_answers_is_fine():
    [finding] = check_public_url(URL, answering(), NOW, None)
    assert (finding.severity, finding.text) == ("ok", "https://nps.example.com is answered from this host")


@pytest.mark.parametrize("answer", [{"status": 404}, {"status": 302}, {"json": {"status": "up"}}, {"json": []}])
def test_another_program_at_the_address_is_an_error(answer):
    [finding] = check_public_url(URL, answering(**answer), NOW, NOW)
    assert (finding.id, finding.severity) == ("public-url", "error")
    assert "is answered by something else than nps-connect" in finding.text
    assert "core.listen" in finding.fix


def test_a_name_that_does_not_resolve_is_an_error():
    error = caused_by(socket.gaierror(-2, "Name or service not known"), httpx.ConnectError("no"))
    [finding] = check_public_url(URL, answering(error=error), NOW, NOW)
    assert (finding.id, finding.severity) == ("public-url", "error")
    assert finding.text == "the name nps.example.com of core.public_url does not resolve"
    assert "dig nps.example.com" in finding.fix


def test_an_address_without_an_answer_is_an_error_unless_another_host_reached_it_lately():
    probe = answering(error=httpx.ConnectTimeout("timed out"))
    for seen_at, severity in ((None, "error"), (NOW - timedelta(hours=2), "error"), (NOW - timedelta(minutes=3), "ok")):
        [finding] = check_public_url(URL, probe, NOW, seen_at)
        assert finding.severity == severity
        assert finding.text.startswith("https://nps.example.com does not answer this host (timed out)")
    assert finding.text.endswith("but another host reached it 3 minutes ago")


@pytest.fixture
def tls_server(tmp_path):
    """Start a TLS server with a certificate for localhost that ends on a day; returns its address and a client."""
    sockets = []

    def start(ends_at, *, trusted=True):
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(7)
            .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
            .not_valid_after(ends_at)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .sign(key, hashes.SHA256())
        )
        pem = certificate.public_bytes(serialization.Encoding.PEM)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (tmp_path / "server.pem").write_bytes(private + pem)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tmp_path / "server.pem")
        listener = context.wrap_socket(socket.create_server(("127.0.0.1", 0)), server_side=True)
        sockets.append(listener)

        def serve():
            try:
                peer, _ = listener.accept()
            except OSError:  # the client refused the certificate
                return
            with peer:
                peer.recv(65536)
                peer.sendall(ANSWER)

        threading.Thread(target=serve, daemon=True).start()
        trust = ssl.create_default_context(cadata=pem.decode()) if trusted else ssl.create_default_context()
        return f"https://localhost:{listener.getsockname()[1]}", httpx.Client(verify=trust, trust_env=False)

    yield start
    for listener in sockets:
        listener.close()


@pytest.mark.parametrize(("days", "severity"), [(90, "ok"), (10, "warning")])
def test_a_certificate_that_ends_soon_is_a_warning(tls_server, days, severity):
    ends_at = datetime(2100, 1, 1, tzinfo=UTC)
    url, probe = tls_server(ends_at)
    certificate, answered = check_public_url(url, probe, ends_at - timedelta(days=days), None)
    assert (certificate.severity, answered.severity) == (severity, "ok")
    assert "is valid until 2100-01-01" in certificate.text
    assert certificate.id == ("connection-check" if severity == "ok" else "certificate-invalid")


def test_a_certificate_that_is_not_trusted_is_an_error_with_the_reason(tls_server):
    url, probe = tls_server(datetime(2100, 1, 1, tzinfo=UTC), trusted=False)
    [finding] = check_public_url(url, probe, NOW, None)
    assert (finding.id, finding.severity) == ("certificate-invalid", "error")
    assert finding.text.endswith("is not valid: self-signed certificate")


def test_a_certificate_that_has_ended_is_an_error(tls_server):
    url, probe = tls_server(datetime(2021, 1, 1, tzinfo=UTC))
    [finding] = check_public_url(url, probe, NOW, None)
    assert (finding.id, finding.text.rpartition(": ")[2]) == ("certificate-invalid", "certificate has expired")


def test_an_address_without_https_is_an_error_but_on_this_machine():
    [finding] = insecure_url_findings("http://nps.example.com")
    assert (finding.id, finding.severity) == ("public-url-insecure", "error")
    for url in ("https://nps.example.com", "http://127.0.0.1:8000", "http://localhost:8000"):
        assert insecure_url_findings(url) == []


def test_only_requests_of_other_hosts_prove_that_the_address_works_outside():
    [never] = foreign_request_findings(URL, NOW, None)
    assert (never.id, never.severity) == ("public-url", "warning")
    [seen] = foreign_request_findings(URL, NOW, NOW - timedelta(minutes=3))
    assert (seen.severity, seen.text) == ("ok", "last request from another host 3 minutes ago")
    [local] = foreign_request_findings("http://127.0.0.1:8000", NOW, None)
    assert local.severity == "ok"
