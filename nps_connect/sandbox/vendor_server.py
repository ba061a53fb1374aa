"""HTTP server of the sandbox: many simulated vendors on one loopback port, with injected faults.

It uses the standard library's threaded server: on loopback it answered over twice as many small requests per second as
an ASGI server in pure Python, and a fault can reset the connection in the middle of a response.
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
from urllib.parse import parse_qsl, unquote, urlsplit

from nps_connect.records.base import is_loopback
from nps_connect.sandbox.faults import FaultPlan, InjectedFault
from nps_connect.simulation import SimulatedVendor, VendorReply, VendorRequest, json_reply

MAX_BODY_BYTES = 32 * 1024 * 1024
STALL_SECONDS = 60.0
_LINGER_RESET = struct.pack("ii", 1, 0)
"""A linger time of 0 makes the kernel reset the connection and drop unsent data."""

log = logging.getLogger(__name__)

ControlHandler = Callable[[VendorRequest], VendorReply]
"""Handles requests outside every vendor's mount: the index and the control commands."""


class VendorServer:
    """Serves simulated vendors under ``/<name>/`` on one loopback port, and a control handler under other paths.

    Args:
        vendors: simulated vendors by name.
        control: handles requests outside every vendor's mount.
        port: 0 selects a free one.
        faults: injected faults.
        stall_seconds: maximum wait of a request in a timeout fault.
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
        """Return the address of the started server, without a trailing slash."""
        if self._server is None:
            raise RuntimeError("the sandbox is not running")
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        """Start the server.

        Raises:
            OSError: the port is taken.
        """
        self._server = _HttpServer(("127.0.0.1", self._requested_port), self)
        self.stopping.clear()
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="sandbox-http", daemon=True).start()

    def stop(self) -> None:
        """Stop the server and free the port."""
        self.stopping.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def handle(self, request: VendorRequest) -> tuple[VendorReply | None, InjectedFault | None]:
        """Return the reply to a request and its fault; there is no reply if the fault prevented the request.

        A browser that follows a link to a record in a vendor's own pages, which do not exist here, is led to the
        section of the index page that shows the vendor's records.
        """
        name, _, path = request.path.removeprefix("/").partition("/")
        vendor = self._vendors.get(name)
        if vendor is None:
            return self._control(request), None
        fault = self._faults.draw(name)
        if fault is not None and not fault.applied:
            return None, fault
        inner = VendorRequest(request.method, unquote(f"/{path}"), request.query, request.headers, request.body)
        try:
            reply = vendor.handle(inner)
        except Exception:
            log.exception("simulated_vendor_failed vendor=%s method=%s path=%s", name, request.method, inner.path)
            return json_reply(500, {"message": f"the simulated vendor {name} failed; see its log"}), fault
        if _is_browsed(request) and _is_api_error(reply):
            return VendorReply(303, headers={"location": f"/#{name}"}), fault
        return reply, fault


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], host: VendorServer) -> None:
        self.host = host
        super().__init__(address, _RequestHandler)

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401  # as inherited
        """Close a connection; a connection to be reset is closed without shutdown."""
        if request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, len(_LINGER_RESET)) == _LINGER_RESET:
            self.close_request(request)
        else:
            super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401  # as inherited
        """Ignore connections that the caller closed."""
        log.debug("connection_closed_early client=%s", client_address)


def _is_from_elsewhere(headers: Mapping[str, str]) -> bool:
    """Return whether a page of another site made the request: by its own origin, or by a host name that it controls."""
    host = headers.get("host", "")
    try:
        is_ours = is_loopback(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return True
    return not is_ours or headers.get("origin", f"http://{host}") != f"http://{host}"


def _is_browsed(request: VendorRequest) -> bool:
    return request.method == "GET" and "text/html" in request.headers.get("accept", "")


def _is_api_error(reply: VendorReply) -> bool:
    return reply.status >= 400 and not reply.headers.get("content-type", "").startswith("text/html")


class _RequestHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _HttpServer

    def _serve(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        if _is_from_elsewhere(headers):
            self._reject(403, "requests to the sandbox must name this machine as Host, and come from no other page")
            return
        body = self._read_body()
        if body is None:
            return
        path, _, query = self.path.partition("?")
        request = VendorRequest(
            self.command, path or "/", dict(parse_qsl(query, keep_blank_values=True)), headers, body
        )
        reply, fault = self.server.host.handle(request)
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
        has_no_body = reply.status in (204, 304)
        if not has_no_body:
            head.append(f"Content-Length: {length}")
        text = "\r\n".join(head) + "\r\n\r\n"
        body = b"" if has_no_body or self.command == "HEAD" else reply.body
        return text.encode("latin-1", "replace") + body

    def _apply_fault(self, reply: VendorReply | None, fault: InjectedFault) -> None:
        if fault.kind == "status" and fault.status is not None:
            headers = {"retry_after": "1"} if fault.status in (429, 503) else {}
            self._send(json_reply(fault.status, {"message": "injected fault"}, **headers))
            return
        self.close_connection = True
        if fault.kind == "timeout":
            self._stall()
        elif fault.kind == "malformed":
            body = (reply.body if reply is not None else b"") or b'{"results": [{"id": "1"'
            truncated = VendorReply(200, body[: len(body) // 2] + b"<<<", {"content-type": "application/json"})
            self.wfile.write(self._encode_reply(truncated, len(truncated.body)))
        else:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_RESET)

    def _stall(self) -> None:
        """Send nothing until the caller gives up, the sandbox stops, or the maximum wait is over."""
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
        """Requests are not logged."""
