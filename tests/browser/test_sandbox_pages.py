"""The sandbox's own pages in a real browser: a mail as its reader sees it, and no page wider than a phone."""

from email.message import EmailMessage

import httpx
import pytest

from nps_connect.plugins import Plugins
from nps_connect.sandbox.factory import build_sandbox, connection_names, webhook_event_kinds
from nps_connect.simulation import SimulatedPerson

HTML = (
    '<!doctype html><html><head></head><body style="background: #eee"><p>Bonjour Marie</p>'
    '<a href="/_state" id="state">2</a><script>document.body.innerHTML = "script"</script>'
    '<img src="/google_reviews/r/pixel"></body></html>'
)


@pytest.fixture(scope="module")
def address():
    """Address of a sandbox with a contact, a ticket, an alert and a mail."""
    plugins = Plugins.load()
    sandbox, _ = build_sandbox(connection_names(plugins), event_kinds=webhook_event_kinds(plugins))
    with sandbox:
        sandbox.populate([SimulatedPerson("marie.longue-adresse@service-client.example.com", "Marie Martin", "fr")])
        for vendor in sandbox.vendors.values():
            for kind in ("deal.won", "ticket.solved"):
                vendor.simulate_event(kind, "marie.longue-adresse@service-client.example.com")
        message = EmailMessage()
        message["Subject"] = "Votre avis"
        message.set_content(f"Bonjour {sandbox.url}/s/{'x' * 90}")
        message.add_alternative(HTML.replace('"/', f'"{sandbox.url}/'), subtype="html")
        sandbox.mailbox.accept("care@example.com", ("marie@example.com",), message.as_bytes(), authenticated=False)
        yield sandbox.url


def test_a_mail_is_displayed_without_its_scripts_and_pictures_and_its_links_open_in_a_new_tab(
    visit, address, screenshot
):
    page = visit("desktop")
    page.goto("/")
    page.click("text=Votre avis")
    frame = page.frame_locator("iframe")
    assert frame.locator("p").inner_text() == "Bonjour Marie"
    with page.context.expect_page() as opened:
        frame.locator("#state").click()
    assert opened.value.url.endswith("/_state")
    state = httpx.get(f"{address}/_state", trust_env=False).json()
    assert state["vendors"]["google_reviews"]["visits"] == {}  # counts each request for the picture
    screenshot(page, "sandbox-mail")


@pytest.mark.parametrize("path", ["/", "/_mail/1"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_a_phone(visit, screenshot, path, scheme):
    page = visit("small", javascript=False, scheme=scheme)
    page.goto(path)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    screenshot(page, f"sandbox-{'mail' if 'mail' in path else 'index'}-{scheme}")


def test_the_tables_and_the_form_are_shown(visit):
    page = visit("desktop")
    page.goto("/")
    for heading in ("Mailbox", "Contacts", "Deals", "Tickets", "Users", "Alerts"):
        assert page.get_by_role("heading", name=heading).count()
    assert page.locator("select").input_value() == "hubspot deal.won"
    assert page.locator("td", has_text="Marie Martin").count()
    assert page.errors == []
