"""A vendor on a loopback socket with a configurable behaviour, and a client for it."""

import socket
import threading
from contextlib import suppress

import httpx
import pytest
from pydantic import SecretStr

from nps_connect import Connection, ConnectionSettings, ConnectorInfo, ExampleConfiguration, VendorClient
from nps_connect.testing import FixedClock

TOKEN = "sentinel-token-8d1f"


class VendorSettings(ConnectionSettings):
    token: SecretStr = SecretStr(TOKEN)


class LoopbackVendor:
    """Accepts connections, reads one request of each, and lets `behave(request, socket)` respond."""

    def __init__(self):
        self.requests = []
        self.behave = lambda _request, peer: peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def reply(self, status=200, body=b"{}", **headers):
        lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.behave = lambda _request, peer: peer.sendall("\r\n".join([*lines, "", ""]).encode() + body)

    def request_count(self):
        """Return the number of received requests, after waiting for the first one."""
        for _ in range(1000):
            if self.requests or self._stopped.wait(0.01):
                break
        return len(self.requests)

    def wait(self, seconds):
        """Wait until the test ends at most; returns whether it has ended."""
        return self._stopped.wait(seconds)

    def close(self):
        self._stopped.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _accept(self):
        with suppress(OSError):
            while True:
                peer, _ = self._listener.accept()
                peer.settimeout(0.05)
                thread = threading.Thread(target=self._serve, args=(peer,))
                self._threads.append(thread)
                thread.start()

    def _serve(self, peer):
        with peer, suppress(ConnectionError):
            data = b""
            while not self._stopped.is_set():
                try:
                    received = peer.recv(65536)
                except TimeoutError:
                    continue
                if not received:
                    return
                data += received
                if is_complete_request(data):
                    self.requests.append(data)
                    request, data = data, b""
                    if self.behave(request, peer) == "close":
                        return


def is_complete_request(data):
    head, end, body = data.partition(b"\r\n\r\n")
    if not end:
        return False
    lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return len(body) >= int(lengths[0] if lengths else 0)


@pytest.fixture
def vendor():
    vendor = LoopbackVendor()
    yield vendor
    vendor.close()


@pytest.fixture
def clock():
    return FixedClock()


@pytest.fixture
def client(vendor, clock):
    """Create a client for the loopback vendor; keywords go to `ConnectorInfo` or, with `client=`, to the client."""
    made = []

    def make(*, name="crm", client=None, transport=None, base_url=None, **info):
        url = base_url or f"http://127.0.0.1:{vendor.port}/api"
        defaults = {
            "name": "acme",
            "title": "Acme",
            "settings": VendorSettings,
            "example": ExampleConfiguration(connection="crm", table=""),
            "base_url": lambda _settings: url,
            "auth": lambda connection: {"Authorization": f"Bearer {connection.settings.token.get_secret_value()}"},
        }
        connection = Connection(name, VendorSettings(plugin="acme"), clock=clock, sleep=clock.sleep)
        made.append(
            VendorClient(connection, ConnectorInfo(**{**defaults, **info}), transport=transport, **(client or {}))
        )
        return made[-1]

    yield make
    for vendor_client in made:
        vendor_client.close()


@pytest.fixture
def failing():
    """Create a transport that fails with these errors, one per request, and then responds with 200."""

    def make(*errors):
        left = list(errors)

        def handle(request):
            handle.requests.append(request)
            if left:
                raise left.pop(0)
            return httpx.Response(200, json={})

        handle.requests = []
        transport = httpx.MockTransport(handle)
        transport.requests = handle.requests
        return transport

    return make
