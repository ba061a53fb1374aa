"""The configuration of docs/sources.md with the simulated vendors: a shop's webhooks come in over HTTP."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import select
from sqlmodel import col

from nps_connect.app.application import build_application
from nps_connect.app.validation import validate
from nps_connect.app.web_backend import ApplicationWebBackend
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.tables import DeliveryRow
from nps_connect.plugins import Plugins
from nps_connect.proof.asgi_transport import AsgiTransport
from nps_connect.proof.virtual_clock import VirtualClock
from nps_connect.proof.work_loop import WorkLoop
from nps_connect.sandbox.customers import Browser, PersonalLinks, full_form_values
from nps_connect.sandbox.factory import load_vendors
from nps_connect.sandbox.mail import ReceivedMail
from nps_connect.sandbox.mailbox import SandboxMailbox
from nps_connect.sandbox.vendor_transport import VendorTransport
from nps_connect.services.operations.connection_setup import apply_setup, plan_setup
from nps_connect.settings.load_settings import load_settings
from nps_connect.settings.model import Settings
from nps_connect.simulation import SimulatedPerson
from nps_connect.web.app import create_app

DOCS = Path(__file__).parents[2] / "docs"
PUBLIC_URL = "http://127.0.0.1:8040"
"""As with the sandbox: with an address of this machine, example values may be sent."""

SHOP_SECRET = "the-secret-of-the-shop"
VENDOR_OF = {"crm": "hubspot", "helpdesk": "zendesk"}


def toml_blocks() -> dict[str, str]:
    """Return the configurations of the page by their titles."""
    page = (DOCS / "sources.md").read_text(encoding="utf-8")
    return dict(re.findall(r'^```toml title="([\w.-]+)"\n(.*?)^```', page, re.DOTALL | re.MULTILINE))


def sample(name: str) -> dict[str, Any]:
    """Return an example payload."""
    content: dict[str, Any] = json.loads((DOCS / "samples" / name).read_text(encoding="utf-8"))
    return content


def shopify_headers(topic: str, body: bytes, secret: str = SHOP_SECRET) -> dict[str, str]:
    """Return the headers of a webhook as Shopify signs it."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    return {
        "Content-Type": "application/json",
        "X-Shopify-Topic": topic,
        "X-Shopify-Hmac-Sha256": base64.b64encode(digest).decode(),
        "X-Shopify-Shop-Domain": "exemple.myshopify.com",
        "X-Shopify-Webhook-Id": hashlib.sha256(body).hexdigest()[:32],
    }


def write_page_configuration(folder: Path, edit: Callable[[str], str] = str) -> Path:
    """Write the page's complete configuration, edited, next to its samples; return its path."""
    shutil.copytree(DOCS / "samples", folder / "samples", dirs_exist_ok=True)
    path = folder / "nps-connect.toml"
    path.write_text(edit(toml_blocks()[path.name]), encoding="utf-8")
    return path


def environment(smtp_url: str = "smtp://127.0.0.1:2525") -> dict[str, str]:
    """Return the variables that the page's complete configuration refers to, and those that make it send."""
    vendors = load_vendors().vendors
    return {
        "NPS_CONNECT_CORE__MODE": "live",
        "NPS_CONNECT_CORE__PUBLIC_URL": PUBLIC_URL,
        "NPS_SIGNING_KEY": "a-signing-key-for-tests",
        "SHOPIFY_WEBHOOK_SECRET": SHOP_SECRET,
        "SMTP_URL": smtp_url,
        "HUBSPOT_TOKEN": vendors["hubspot"].environment("", "crm")["HUBSPOT_TOKEN"],
        "ZENDESK_CLIENT_SECRET": vendors["zendesk"].environment("", "helpdesk")["ZENDESK_CLIENT_SECRET"],
    }


class Shop:
    """The product as the page configures it, with simulated vendors, a mailbox and a clock of its own."""

    def __init__(self, settings: Settings, ledger: Ledger, mailbox: SandboxMailbox, now: datetime) -> None:
        self.clock, self.mailbox = VirtualClock(now), mailbox
        self.vendors = load_vendors(clock=self.clock).vendors
        plugins = Plugins.load()
        self.application = build_application(
            settings,
            plugins,
            validate(settings, plugins),
            ledger,
            clock=self.clock,
            sleep=self.clock.sleep,
            rng=random.Random(7),
            transports={name: VendorTransport(self.vendors[vendor]) for name, vendor in VENDOR_OF.items()},
        )
        self.ctx = self.application.ctx
        for name in VENDOR_OF:
            apply_setup(self.ctx, name, plan_setup(self.ctx, name))
        self._loop = WorkLoop(self.application)
        self.client: httpx.Client

    def add_person(self, email: str, name: str) -> None:
        """Add a person to the CRM and the helpdesk, which know nothing of the shop."""
        for vendor in VENDOR_OF.values():
            self.vendors[vendor].populate([SimulatedPerson(email, name, "fr")])

    def post(self, topic: str, payload: object, *, secret: str = SHOP_SECRET) -> int:
        """Post a webhook of the shop and process what was stored; return the status of the answer."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        url = f"{PUBLIC_URL}/hooks/shop"
        status = self.client.post(url, content=body, headers=shopify_headers(topic, body, secret)).status_code
        self.run()
        return status

    def run(self, wait: timedelta = timedelta()) -> None:
        """Do what is due, after some time."""
        self.clock.advance_to(self.clock() + wait)
        self._loop.run_due(with_polls=False)

    def deliveries(self, action: str) -> list[DeliveryRow]:
        """Return the deliveries of an action."""
        with self.ctx.ledger.read() as session:
            return list(session.execute(select(DeliveryRow).where(col(DeliveryRow.action) == action)).scalars())

    def mails(self, email: str) -> list[ReceivedMail]:
        """Return the mails to an address."""
        return self.mailbox.mails(email)

    def respond(self, email: str, score: int, comment: str) -> None:
        """Open the link of the newest mail and send the form."""
        browser, links = Browser(self.client), PersonalLinks(PUBLIC_URL)
        page = browser.open(links.survey(self.mails(email)[-1], score))
        form = page.form_with("comment")
        browser.submit(page, form, full_form_values(form, score, comment))
        self.run(timedelta(minutes=5))


@contextmanager
def open_shop(folder: Path, ledger: Ledger, now: datetime, edit: Callable[[str], str] = str) -> Iterator[Shop]:
    """Start the product of the page's complete configuration, edited."""
    mailbox = SandboxMailbox()
    mailbox.start()
    settings = load_settings(write_page_configuration(folder, edit), environment(mailbox.smtp_url))
    shop = Shop(settings, ledger, mailbox, now)
    app = create_app(ApplicationWebBackend(shop.ctx), clock=shop.clock)
    try:
        with AsgiTransport(app) as transport, httpx.Client(transport=transport) as shop.client:
            yield shop
            transport.run(app.site.close)
    finally:
        mailbox.stop()
