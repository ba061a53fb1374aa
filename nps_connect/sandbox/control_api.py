"""The sandbox's own doors: an index for people, the state as JSON, and levers to play by hand."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any, ClassVar

import httpx

from nps_connect.sandbox.webhooks import send_webhook
from nps_connect.simulation import SimulatedPerson, VendorReply, VendorRequest, json_reply

if TYPE_CHECKING:
    from nps_connect.sandbox.sandbox import Sandbox

WEBHOOK_TIMEOUT_SECONDS = 10.0


class InvalidCommand(ValueError):
    """A lever was pulled with something that it cannot use; the message says what it wants."""


class ControlApi:
    """Answers everything on the sandbox's port that no vendor answers.

    Args:
        sandbox: what it looks at and acts upon.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def answer(self, request: VendorRequest) -> VendorReply:
        """The reply to one request."""
        reader = {"/": self._index, "/_state": self._state}.get(request.path)
        if reader is not None:
            return (
                reader() if request.method in ("GET", "HEAD") else json_reply(405, {"message": "GET only"}, allow="GET")
            )
        lever = self._commands.get(request.path)
        if lever is None:
            known = ", ".join(f"/{name}/" for name in self._sandbox.vendors)
            return json_reply(404, {"message": f"nothing here; vendors are mounted at {known or 'none'}"})
        if request.method != "POST":
            return json_reply(405, {"message": "POST JSON only"}, allow="POST")
        try:
            return json_reply(200, lever(self, request.json()))
        except ValueError as error:
            return json_reply(400, {"message": str(error)})

    def _state(self) -> VendorReply:
        return json_reply(200, self._sandbox.state())

    def _index(self) -> VendorReply:
        sandbox = self._sandbox
        vendors = "".join(f"<li><code>{escape(sandbox.base_url(name))}</code></li>" for name in sandbox.vendors)
        mails = "".join(
            f"<li>{escape(', '.join(mail.to))}: {escape(mail.subject)}"
            + "".join(f'<br><a href="{escape(link)}">{escape(link)}</a>' for link in mail.links)
            + "</li>"
            for mail in sandbox.mailbox.mails()[-50:]
        )
        page = (
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>nps-connect sandbox</title>'
            '<h1>Sandbox</h1><p>Everything here is simulated. <a href="/_state">All of it as JSON</a>.</p>'
            f"<h2>Simulated vendors</h2><ul>{vendors or '<li>none</li>'}</ul>"
            f"<h2>Mailbox</h2><p><code>{escape(sandbox.mailbox.smtp_url)}</code>, newest 50 mails:</p><ul>{mails}</ul>"
            "<h2>Levers</h2><p>POST JSON to <code>/_populate</code> (a list of email, name, language, opted_out), "
            "<code>/_simulate_event</code> (vendor, kind, email, deliver_to) or <code>/_opt_out</code> (email).</p></html>"
        )
        return VendorReply(200, page.encode(), {"content-type": "text/html; charset=utf-8"})

    def _populate(self, order: Any) -> dict[str, Any]:  # noqa: ANN401  # JSON
        if not isinstance(order, list):
            raise InvalidCommand("a list of people is wanted: email, name, language, opted_out")
        people = [
            SimulatedPerson(
                _required_text(one, "email"),
                _required_text(one, "name"),
                _required_text(one, "language", "en"),
                one.get("opted_out") is True,
            )
            for one in order
        ]
        self._sandbox.populate(people)
        return {"people": len(people)}

    def _simulate_event(self, order: Any) -> dict[str, Any]:  # noqa: ANN401
        vendor = self._sandbox.vendors.get(_required_text(order, "vendor"))
        if vendor is None:
            raise InvalidCommand(f"no such vendor; allowed: {', '.join(self._sandbox.vendors)}")
        facts = vendor.simulate_event(_required_text(order, "kind"), _required_text(order, "email"))
        url = order.get("deliver_to")
        if url is None:
            return {"facts": facts, "webhooks": []}
        if not isinstance(url, str) or not url.startswith(("http://", "https://")):
            raise InvalidCommand("deliver_to is the address of a webhook, or null")
        with httpx.Client(timeout=WEBHOOK_TIMEOUT_SECONDS) as client:
            try:
                return {
                    "facts": facts,
                    "webhooks": [send_webhook(hook, url, client) for hook in vendor.webhooks(facts, url)],
                }
            except httpx.HTTPError as error:
                raise InvalidCommand(f"nobody took the webhook at {url}: {error}") from error

    def _opt_out(self, order: Any) -> dict[str, Any]:  # noqa: ANN401
        email = _required_text(order, "email")
        self._sandbox.opt_out(email)
        return {"opted_out": email}

    _commands: ClassVar[dict[str, Callable[[ControlApi, Any], dict[str, Any]]]] = {
        "/_populate": _populate,
        "/_simulate_event": _simulate_event,
        "/_opt_out": _opt_out,
    }


def _required_text(order: Any, key: str, default: str | None = None) -> str:  # noqa: ANN401
    if not isinstance(order, dict):
        raise InvalidCommand(f"an object with {key} is wanted")
    value = order.get(key, default)
    if not isinstance(value, str) or not value:
        raise InvalidCommand(f"{key} is missing")
    return value
