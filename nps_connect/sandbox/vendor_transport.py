"""Transports between the vendor client and a simulated vendor in the same process: no network, with injected faults."""

from __future__ import annotations

import httpx

from nps_connect.sandbox.faults import FaultPlan, InjectedFault
from nps_connect.simulation import SimulatedVendor, VendorReply, VendorRequest, json_reply


class VendorTransport(httpx.BaseTransport):
    """Passes the vendor client's requests to a simulated vendor, without a network.

    Args:
        vendor: the simulated vendor.
        prefix: path of the base URL, removed before the vendor sees the request.

    Attributes:
        requests: every request, in order, as the vendor saw it.
    """

    def __init__(self, vendor: SimulatedVendor, prefix: str = "") -> None:
        self._vendor = vendor
        self._prefix = prefix.rstrip("/")
        self.requests: list[VendorRequest] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return the vendor's response to one request."""
        path = request.url.path.removeprefix(self._prefix)
        vendor_request = VendorRequest(
            method=request.method,
            path=path if path.startswith("/") else f"/{path}",
            query=dict(request.url.params),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=request.read(),
        )
        self.requests.append(vendor_request)
        reply = self._vendor.handle(vendor_request)
        return httpx.Response(reply.status, headers=dict(reply.headers), content=reply.body, request=request)


class FaultyTransport(httpx.BaseTransport):
    """Passes requests on, except for those that meet a fault of the plan.

    Args:
        inner: leads to the vendor.
        plan: the faults.
        target: name of the vendor in the plan.
    """

    def __init__(self, inner: httpx.BaseTransport, plan: FaultPlan, target: str) -> None:
        self._inner = inner
        self._plan = plan
        self._target = target

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return the vendor's response to one request, or that of the fault.

        Raises:
            httpx.ReadTimeout: no response came.
            httpx.ReadError: the connection was reset.
        """
        fault = self._plan.draw(self._target)
        if fault is None:
            return self._inner.handle_request(request)
        if fault.applied:
            self._inner.handle_request(request).close()
        if fault.kind == "timeout":
            raise httpx.ReadTimeout("injected timeout", request=request)
        if fault.kind == "reset":
            raise httpx.ReadError("injected reset", request=request)
        reply = fault_reply(fault)
        return httpx.Response(reply.status, headers=dict(reply.headers), content=reply.body, request=request)


def fault_reply(fault: InjectedFault) -> VendorReply:
    """Return the reply of a fault that has one: an error status, or a malformed body."""
    if fault.kind == "malformed":
        return VendorReply(200, b'{"truncated', {"content-type": "application/json"})
    return json_reply(
        fault.status or 500, {"message": "injected fault"}, **({"retry_after": "1"} if fault.status == 429 else {})
    )
