"""The sandbox's own endpoints: pages, the state as JSON, and commands for manual tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qsl

import httpx

from nps_connect.sandbox.control_pages import MAIL_POLICY, mail_frame, render_index, render_mail
from nps_connect.sandbox.webhooks import send_webhook
from nps_connect.simulation import SimulatedPerson, VendorReply, VendorRequest, json_reply

if TYPE_CHECKING:
    from nps_connect.sandbox.sandbox import Sandbox

WEBHOOK_TIMEOUT_SECONDS = 10.0
MAIL_PATH = "/_mail/"
SUBMISSION_PARAMETER = "sent"
WEBHOOK_REFUSALS = {
    401: "the connection's public address or webhook secret is not the sandbox's",
    404: 'this connection receives no webhooks: set events = "webhook" in its table, and add a trigger for the event',
}
"""Why the product refuses a webhook, by HTTP status."""


class InvalidCommand(ValueError):
    """The input of a command is invalid, or its `deliver_to` cannot be reached; the message says what is expected."""


class ControlApi:
    """Handles all requests to the sandbox's port that are not for a vendor.

    Args:
        sandbox: the sandbox to show and control.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._submissions: list[tuple[dict[str, str], str]] = []

    def handle(self, request: VendorRequest) -> VendorReply:
        """Return the reply to a request."""
        if request.path == "/" and request.method == "POST":
            return self._submit_form(request.body)
        pages: dict[str, Callable[[], VendorReply]] = {
            "/": partial(self._index, request.query.get(SUBMISSION_PARAMETER, "")),
            "/_state": self._state,
            "/_addresses": self._addresses,
        }
        page = pages.get(request.path)
        if request.path.startswith(MAIL_PATH):
            page = partial(self._mail, request.path)
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

    def _addresses(self) -> VendorReply:
        return json_reply(200, self._sandbox.addresses())

    def _index(self, submission: str) -> VendorReply:
        """Return the index page, with the result of a submission of its form, by number."""
        number = int(submission) if submission.isascii() and submission.isdigit() else 0
        if not 1 <= number <= len(self._submissions):
            return _html_reply(render_index(self._sandbox))
        form, result = self._submissions[number - 1]
        return _html_reply(render_index(self._sandbox, form=form, result=result))

    def _mail(self, path: str) -> VendorReply:
        number, _, part = path.removeprefix(MAIL_PATH).partition("/")
        mails = {str(mail.number): mail for mail in self._sandbox.mailbox.mails()}
        if number not in mails or part not in ("", "html"):
            return json_reply(404, {"message": "there is no such mail"})
        if part:
            return _html_reply(mail_frame(mails[number]), policy=MAIL_POLICY)
        return _html_reply(render_mail(self._sandbox, mails[number]))

    def _submit_form(self, body: bytes) -> VendorReply:
        """Simulate the event that the form of the index page names, for a person who is added if they are new.

        The reply leads to a page that shows the result: reloading that page must not send the form again.
        """
        form = dict(parse_qsl(body.decode("utf-8", "replace")))
        try:
            result = self._simulate_submitted_event(form)
        except InvalidCommand as error:
            result = f"Not done: {error}"
        self._submissions.append((form, result))
        return VendorReply(303, headers={"location": f"/?{SUBMISSION_PARAMETER}={len(self._submissions)}"})

    def _simulate_submitted_event(self, form: Mapping[str, str]) -> str:
        vendor, _, kind = form.get("event", "").partition(" ")
        self._populate([form])
        url = f"{self._sandbox.product_url}/hooks/{self._sandbox.connection_name(vendor)}"
        event = {"vendor": vendor, "kind": kind, "email": form["email"], "deliver_to": url}
        return _describe_outcome(f"{kind} of {form['email']}", url, self._simulate_event(event))

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
        kind, email, url = _required_text(body, "kind"), _required_text(body, "email"), body.get("deliver_to")
        if url is not None and not (isinstance(url, str) and url.startswith(("http://", "https://"))):
            raise InvalidCommand("deliver_to must be the address of a webhook, or null")
        facts = vendor.simulate_event(kind, email)
        if not facts:
            kinds = ", ".join(self._sandbox.event_kinds.get(body["vendor"], ())) or "see the plugin's page"
            raise InvalidCommand(f"nothing happened: no {kind} of {email} here; add the person first; kinds: {kinds}")
        if url is None:
            return {"facts": facts, "webhooks": []}
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


def _html_reply(page: str, *, policy: str | None = None) -> VendorReply:
    headers = {"content-type": "text/html; charset=utf-8"}
    if policy is not None:
        headers["content-security-policy"] = policy
    return VendorReply(200, page.encode(), headers)


def _describe_outcome(event: str, url: str, outcome: Mapping[str, Any]) -> str:
    """Return what became of an event, as `_simulate_event` tells it, in one sentence."""
    statuses = ", ".join(map(str, outcome["webhooks"])) or "no webhook"
    reasons = "".join(
        f"; {WEBHOOK_REFUSALS[status]}" for status in outcome["webhooks"][:1] if status in WEBHOOK_REFUSALS
    )
    return f"{event}: sent to {url}, answered with {statuses}{reasons}"


def _required_text(body: Any, key: str, default: str | None = None) -> str:  # noqa: ANN401
    if not isinstance(body, dict):
        raise InvalidCommand(f"expected an object with {key}")
    value = body.get(key, default)
    if not isinstance(value, str) or not value:
        raise InvalidCommand(f"{key} is missing")
    return value
