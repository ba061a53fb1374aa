"""The sandbox's pages: mails as mails, records as tables, and a form that simulates an event."""

from __future__ import annotations

from email.message import EmailMessage

import httpx
import pytest

from nps_connect.sandbox.pages import read_page
from nps_connect.simulation import VendorReply, json_reply

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def client(sandbox):
    with httpx.Client(base_url=sandbox.url) as client:
        yield client


@pytest.fixture
def product(sandbox, acme):
    """The address to which the form sends webhooks is a note at the simulated vendor."""

    def handle(request):
        acme.notes.append((request.path, request.body.decode()))
        return VendorReply(204)

    acme.handle = handle
    sandbox.product_url = sandbox.base_url("acme")
    return acme


def deliver(sandbox, subject="Une question", *, html=None, image=None):
    message = EmailMessage()
    message["Subject"] = subject
    message["From"] = "Exemple SA <care@example.com>"
    message.set_content("Voir https://nps.example.com/s/abc?a=1&b=2")
    if html is not None:
        message.add_alternative(html, subtype="html")
    if image is not None:
        message.get_payload()[1].add_related(image, "image", "png", cid="<logo>")
    sandbox.mailbox.accept("care@example.com", ("ana@example.com",), message.as_bytes(), authenticated=False)


def test_the_index_page_lists_mails_newest_first_and_links_to_each(client, sandbox):
    deliver(sandbox, "First")
    deliver(sandbox, HOSTILE)
    page = client.get("/")
    links = [link for link in read_page(sandbox.url, 200, page.text).links if "/_mail/" in link]
    assert links == [f"{sandbox.url}/_mail/2", f"{sandbox.url}/_mail/1"]
    assert "&lt;script&gt;" in page.text
    assert HOSTILE not in page.text


def test_only_the_newest_mails_are_listed_with_their_number(client, sandbox):
    for _ in range(52):
        deliver(sandbox)
    page = client.get("/").text
    assert page.count('href="/_mail/') == 50
    assert "The newest 50 of 52." in page


def test_the_index_page_shows_the_records_of_each_vendor_as_a_table(client, sandbox, acme):
    assert "None yet." in client.get("/").text
    acme.notes.append(HOSTILE)
    page = client.get("/").text
    assert "<th>Text</th>" in page
    assert f"{sandbox.url}/acme" in page
    assert "&lt;script&gt;" in page


def test_a_mail_is_displayed_in_a_frame_without_rights_with_text_links_and_source_next_to_it(client, sandbox):
    deliver(sandbox, html='<html><head></head><body><img src="cid:logo"><p>Bonjour</p></body></html>', image=b"PNG")
    page = client.get("/_mail/1").text
    assert '<iframe title="The HTML part of the mail" src="/_mail/1/html" sandbox="allow-popups' in page
    assert "allow-scripts" not in page
    assert 'href="https://nps.example.com/s/abc?a=1&amp;b=2"' in page
    assert "From: Exemple SA" in page
    assert "&lt;p&gt;Bonjour&lt;/p&gt;" in page
    frame = client.get("/_mail/1/html")
    assert frame.text.strip() == (
        '<html><head><base target="_blank"></head><body>'
        '<img src="data:image/png;base64,UE5H"><p>Bonjour</p></body></html>'
    )
    assert frame.headers["content-security-policy"].startswith("sandbox allow-popups")
    assert "default-src 'none'" in frame.headers["content-security-policy"]


def test_a_mail_without_html_shows_its_text(client, sandbox):
    deliver(sandbox)
    page = client.get("/_mail/1").text
    assert "<iframe" not in page
    assert "Voir https://nps.example.com/s/abc" in page


@pytest.mark.parametrize("path", ["/_mail/2", "/_mail/1/source", "/_mail/x", "/_mail/"])
def test_an_unknown_mail_is_not_found(client, sandbox, path):
    deliver(sandbox)
    assert client.get(path).status_code == 404
    assert client.post("/_mail/1").status_code == 405


def submit(client, sandbox, **values):
    """Send the form as it is on the page, with some other values."""
    [form] = read_page(sandbox.url, 200, client.get("/").text).forms
    chosen = {**form.default_values(), "event": "acme deal.won", **values}
    return client.post(form.action, data=chosen, follow_redirects=True)


def test_the_form_adds_the_person_and_sends_the_webhook_to_the_product(client, sandbox, product):
    page = submit(client, sandbox, name="Ana Petit", email="ana@example.com")
    assert product.people["ana@example.com"].name == "Ana Petit"
    assert product.notes == [("/hooks/crm", "deal.won/ana@example.com")]
    assert f"deal.won of ana@example.com: sent to {sandbox.product_url}/hooks/crm, answered with 204" in page.text
    assert 'value="ana@example.com"' in page.text


def test_reloading_the_result_of_the_form_sends_nothing_again(client, sandbox, product):
    page = submit(client, sandbox, email="ana@example.com")
    assert page.request.method == "GET"
    again = client.get(page.url)
    assert "deal.won of ana@example.com: sent to" in again.text
    assert len(product.notes) == 1
    assert "sent to" not in client.get("/").text


def test_the_form_says_why_a_connection_without_webhooks_refuses_the_event(client, sandbox, product):
    product.handle = lambda request: VendorReply(404)
    text = submit(client, sandbox).text
    assert "answered with 404; this connection receives no webhooks: set events = &#34;webhook&#34;" in text


@pytest.mark.parametrize("number", ["0", "9", "-1", "x", "²"])
def test_an_unknown_submission_is_not_shown(client, number):
    page = client.get("/", params={"sent": number})
    assert (page.status_code, 'role="status"' in page.text) == (200, False)


def test_a_link_to_a_record_at_a_vendor_leads_a_browser_to_the_vendors_records(client, sandbox, acme):
    """The pages of the vendor itself are not simulated; programs still get the vendor's answer."""
    acme.handle = lambda request: json_reply(401, {"error": "invalid_token"})
    browsed = client.get("/acme/agent/tickets/1", headers={"Accept": "text/html,*/*;q=0.8"}, follow_redirects=True)
    assert (browsed.status_code, str(browsed.url)) == (200, f"{sandbox.url}/#acme")
    assert 'id="acme"' in browsed.text
    assert client.get("/acme/agent/tickets/1").status_code == 401


def test_the_form_offers_the_event_kinds_of_running_vendors(client):
    page = client.get("/").text
    assert "deal.won (crm)" in page
    assert "deal.lost (crm)" in page
    assert "absent" not in page


def test_the_form_says_what_prevents_the_event(client, sandbox, product):
    assert "Not done: email is missing" in submit(client, sandbox, email="").text
    product.people.clear()
    product.simulate_event = lambda kind, email: []
    assert "Not done: nothing happened: no deal.won of marie@example.com here" in submit(client, sandbox).text
    del product.simulate_event
    sandbox.product_url = "http://127.0.0.1:9"
    assert "could not be delivered to http://127.0.0.1:9/" in submit(client, sandbox).text


def test_the_addresses_are_the_same_as_the_command_prints(client, sandbox):
    assert client.get("/_addresses").json() == sandbox.addresses()


def test_the_environment_points_the_product_at_itself_and_at_a_database_of_its_own(sandbox):
    environment = sandbox.environment()
    assert environment["NPS_CONNECT_CORE__PUBLIC_URL"] == "http://127.0.0.1:8040"
    assert environment["NPS_CONNECT_CORE__LISTEN"] == "127.0.0.1:8040"
    assert environment["NPS_CONNECT_CORE__DATABASE_URL"] == "sqlite:///nps-connect-sandbox.db"
    assert environment["NPS_CONNECT_LIMITS__QUIET_HOURS"] == "off"
    assert environment["SMTP_URL"] == sandbox.mailbox.smtp_url
