"""The sandbox's own endpoints: an index page, the state as JSON, and commands for manual tests."""

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
    """The input of a command is invalid, or its `deliver_to` cannot be reached; the message says what is expected."""


class ControlApi:
    """Handles all requests to the sandbox's port that are not for a vendor.

    Args:
        sandbox: the sandbox to show and control.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def handle(self, request: VendorRequest) -> VendorReply:
        """Return the reply to a request."""
        page = {"/": self._index, "/_state": self._state}.get(request.path)
        if page is not None:
            is_read = request.method in ("GET", "HEAD")
            return page() if is_read else json_reply(405, {"message": "GET only"}, allow="GET")
        command = self._commands.get(request.path)
        if command is None:
            mounts = ", ".join(f"/{name}/" for name in self._sandbox.vendors)
            return json_reply(404, {"message": f"not found; vendors are mounted at {mounts or 'none'}"})
        if request.method != "POST":
            return json_reply(405, {"message": "POST JSON only"}, allow="POST")
        try:
            return json_reply(200, command(self, request.json()))
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
            '<h1>Sandbox</h1><p>Everything here is simulated. <a href="/_state">Complete state as JSON</a>.</p>'
            f"<h2>Simulated vendors</h2><ul>{vendors or '<li>none</li>'}</ul>"
            f"<h2>Mailbox</h2><p><code>{escape(sandbox.mailbox.smtp_url)}</code>, newest 50 mails:</p><ul>{mails}</ul>"
            "<h2>Commands</h2><p>POST JSON to <code>/_populate</code> (a list of email, name, language, opted_out), "
            "<code>/_simulate_event</code> (vendor, kind, email, deliver_to) or <code>/_opt_out</code> (email).</p>"
            "</html>"
        )
        return VendorReply(200, page.encode(), {"content-type": "text/html; charset=utf-8"})

    def _populate(self, body: Any) -> dict[str, Any]:  # noqa: ANN401  # JSON
        if not isinstance(body, list):
            raise InvalidCommand("expected a list of people: email, name, language, opted_out")
        people = [
            SimulatedPerson(
                _required_text(person, "email"),
                _required_text(person, "name"),
                _required_text(person, "language", "en"),
                person.get("opted_out") is True,
            )
            for person in body
        ]
        self._sandbox.populate(people)
        return {"people": len(people)}

    def _simulate_event(self, body: Any) -> dict[str, Any]:  # noqa: ANN401
        vendor = self._sandbox.vendors.get(_required_text(body, "vendor"))
        if vendor is None:
            raise InvalidCommand(f"unknown vendor; allowed: {', '.join(self._sandbox.vendors)}")
        facts = vendor.simulate_event(_required_text(body, "kind"), _required_text(body, "email"))
        url = body.get("deliver_to")
        if url is None:
            return {"facts": facts, "webhooks": []}
        if not isinstance(url, str) or not url.startswith(("http://", "https://")):
            raise InvalidCommand("deliver_to must be the address of a webhook, or null")
        with httpx.Client(timeout=WEBHOOK_TIMEOUT_SECONDS) as client:
            try:
                return {
                    "facts": facts,
                    "webhooks": [send_webhook(hook, url, client) for hook in vendor.webhooks(facts, url)],
                }
            except httpx.HTTPError as error:
                raise InvalidCommand(f"the webhook could not be delivered to {url}: {error}") from error

    def _opt_out(self, body: Any) -> dict[str, Any]:  # noqa: ANN401
        email = _required_text(body, "email")
        self._sandbox.opt_out(email)
        return {"opted_out": email}

    _commands: ClassVar[dict[str, Callable[[ControlApi, Any], dict[str, Any]]]] = {
        "/_populate": _populate,
        "/_simulate_event": _simulate_event,
        "/_opt_out": _opt_out,
    }


def _required_text(body: Any, key: str, default: str | None = None) -> str:  # noqa: ANN401
    if not isinstance(body, dict):
        raise InvalidCommand(f"expected an object with {key}")
    value = body.get(key, default)
    if not isinstance(value, str) or not value:
        raise InvalidCommand(f"{key} is missing")
    return value
