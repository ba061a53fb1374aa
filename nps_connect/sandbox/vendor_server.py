"""The HTTP port of the sandbox: many simulated vendors, one loopback address, faults on request.

The standard library's threaded server does it: on loopback it answered over twice as many small requests per second as
an ASGI server in pure Python, and it lets a fault cut the line under an answer.
"""

from __future__ import annotations

import logging
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote

from nps_connect.sandbox.faults import FaultPlan, InjectedFault
from nps_connect.simulation import SimulatedVendor, VendorReply, VendorRequest, json_reply

MAX_BODY_BYTES = 32 * 1024 * 1024
STALL_SECONDS = 60.0
_LINGER_RESET = struct.pack("ii", 1, 0)
"""To linger for no time at all makes the kernel reset the line and drop what is unsent."""

log = logging.getLogger(__name__)

ControlHandler = Callable[[VendorRequest], VendorReply]
"""Answers what does not belong to a vendor: the index and the doors for a person who plays by hand."""


class VendorServer:
    """Serves simulated vendors under ``/<name>/`` on one loopback port, and a control under everything else.

    Args:
        vendors: by name.
        control: answers requests outside every vendor's mount.
        port: 0 takes a free one.
        faults: what goes wrong on purpose.
        hold_seconds: how long a timed-out request is kept waiting at most.
    """

    def __init__(
        self,
        vendors: Mapping[str, SimulatedVendor],
        control: ControlHandler,
        *,
        port: int = 0,
        faults: FaultPlan | None = None,
        stall_seconds: float = STALL_SECONDS,
    ) -> None:
        self._vendors = vendors
        self._control = control
        self._faults = faults or FaultPlan()
        self.stall_seconds = stall_seconds
        self.stopping = threading.Event()
        self._requested_port = port
        self._server: _HttpServer | None = None

    @property
    def url(self) -> str:
        """Where the started host answers, without a trailing slash."""
        if self._server is None:
            raise RuntimeError("the sandbox is not running")
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        """Begin to answer.

        Raises:
            OSError: the port is taken.
        """
        self._server = _HttpServer(("127.0.0.1", self._requested_port), self)
        self.stopping.clear()
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="sandbox-http", daemon=True).start()

    def stop(self) -> None:
        """Answer no more and free the port."""
        self.stopping.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def answer(self, request: VendorRequest) -> tuple[VendorReply | None, InjectedFault | None]:
        """The reply to a request with its full path, and the fault that spoils it; no reply if it was not applied."""
        name, _, rest = request.path.removeprefix("/").partition("/")
        vendor = self._vendors.get(name)
        if vendor is None:
            return self._control(request), None
        fault = self._faults.draw(name)
        if fault is not None and not fault.applied:
            return None, fault
        inner = VendorRequest(request.method, unquote(f"/{rest}"), request.query, request.headers, request.body)
        try:
            return vendor.handle(inner), fault
        except Exception:
            log.exception("the simulated vendor %s failed on %s %s", name, request.method, inner.path)
            return json_reply(500, {"message": f"the simulated vendor {name} failed; its log tells why"}), fault


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], host: VendorServer) -> None:
        self.host = host
        super().__init__(address, _RequestHandler)

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401  # as inherited
        """Close a connection; one that is to be reset gets no farewell first."""
        if request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, len(_LINGER_RESET)) == _LINGER_RESET:
            self.close_request(request)
        else:
            super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401  # as inherited
        """A caller that went away is no news."""
        log.debug("a connection from %s ended early", client_address)


class _RequestHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _HttpServer

    def _serve(self) -> None:
        body = self._read_body()
        if body is None:
            return
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = VendorRequest(
            self.command, path or "/", dict(parse_qsl(query, keep_blank_values=True)), headers, body
        )
        reply, fault = self.server.host.answer(request)
        if fault is not None:
            self._apply_fault(reply, fault)
        elif reply is not None:
            self._send(reply)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _serve  # noqa: N815  # names are inherited

    def _read_body(self) -> bytes | None:
        if "transfer-encoding" in self.headers:
            self._reject(411, "send a Content-Length")
            return None
        length = self.headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit()):
            self._reject(400, "Content-Length is not a number")
            return None
        if int(length) > MAX_BODY_BYTES:
            self._reject(413, "the body is too large")
            return None
        body = self.rfile.read(int(length))
        return body if len(body) == int(length) else None

    def _reject(self, status: int, message: str) -> None:
        self.close_connection = True
        self._send(json_reply(status, {"message": message}, connection="close"))

    def _send(self, reply: VendorReply) -> None:
        self.wfile.write(self._encode_reply(reply, len(reply.body)))

    def _encode_reply(self, reply: VendorReply, length: int) -> bytes:
        try:
            phrase = HTTPStatus(reply.status).phrase
        except ValueError:
            phrase = "Status"
        head = [f"HTTP/1.1 {reply.status} {phrase}"]
        head += [f"{name}: {value}" for name, value in reply.headers.items() if name.lower() != "content-length"]
        bare = reply.status in (204, 304)
        if not bare:
            head.append(f"Content-Length: {length}")
        text = "\r\n".join(head) + "\r\n\r\n"
        return text.encode("latin-1", "replace") + (b"" if bare or self.command == "HEAD" else reply.body)

    def _apply_fault(self, reply: VendorReply | None, fault: InjectedFault) -> None:
        if fault.kind == "status" and fault.status is not None:
            headers = {"retry_after": "1"} if fault.status in (429, 503) else {}
            self._send(json_reply(fault.status, {"message": "a fault of the sandbox"}, **headers))
            return
        self.close_connection = True
        if fault.kind == "timeout":
            self._stall()
        elif fault.kind == "malformed":
            whole = (reply.body if reply is not None else b"") or b'{"results": [{"id": "1"'
            torn = VendorReply(200, whole[: len(whole) // 2] + b"<<<", {"content-type": "application/json"})
            self.wfile.write(self._encode_reply(torn, len(torn.body)))
        else:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)

    def _stall(self) -> None:
        """Say nothing until the caller gives up, the sandbox stops, or the longest hold is over."""
        waited = 0.0
        self.connection.settimeout(0.1)
        while waited < self.server.host.stall_seconds and not self.server.host.stopping.is_set():
            try:
                self.connection.recv(1, socket.MSG_PEEK)
            except TimeoutError:
                waited += 0.1
            else:
                return

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401  # as inherited
        """Requests are not news."""
