"""Personal pages: security headers, size, and no information for people who guess tokens."""

import re
from urllib.parse import quote

import pytest


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize(("token", "status"), [("late", 410), ("nobody", 404), ("x" * 5000, 404), ("%00", 404)])
def test_expired_and_unknown_links_show_a_page_without_a_form(client, backend, method, token, status, read_form):
    response = client.request(method, f"/s/{token}", data={"score": "9"} if method == "POST" else None)
    assert response.status_code == status
    assert backend.responses == []
    if method != "HEAD":
        assert "<h1>" in response.text
        assert read_form(response.text).scores == []


def test_head_has_no_body_and_is_recorded_as_head(client, backend):
    response = client.request("HEAD", "/s/marie?score=2")
    assert response.status_code == 200
    assert response.content == b""
    assert backend.visits[-1].method == "HEAD"


def test_a_page_view_is_recorded_with_a_truncated_address(client, backend):
    client.get("/s/marie?score=2", headers={"user-agent": "A\tB" + "x" * 500})
    visit = backend.visits[-1]
    assert visit.address == "203.0.113.0/24"
    assert len(visit.agent) == 200
    assert visit.agent.startswith("A B")


@pytest.mark.parametrize("url", ["/s/marie", "/s/marie?score=9", "/s/late", "/s/nobody", "/u/stop", "/nothing"])
def test_every_page_has_security_headers_and_is_small(client, url):
    response = client.get(url)
    headers = response.headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert "noindex" in headers["x-robots-tag"]
    assert "set-cookie" not in headers
    assert len(response.content) < 30_000
    assert not re.search(r'\ssrc=|<link|style="|\son\w+="', response.text)


def test_the_policy_allows_exactly_the_style_and_the_script_of_the_page(client):
    import base64
    import hashlib

    response = client.get("/s/marie")
    for tag in ("style", "script"):
        inline = re.findall(f"<{tag}>(.*?)</{tag}>", response.text, re.DOTALL)
        assert len(inline) == 1
        digest = base64.b64encode(hashlib.sha256(inline[0].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in response.headers["content-security-policy"]


def test_the_companys_name_is_escaped(client, backend):
    backend.company = "Fish & <Chips>"
    assert "<Chips>" not in client.get("/s/paul").text


def test_each_page_holds_its_own_token_only(client):
    first, second = client.get("/s/open-one?score=3").text, client.get("/s/open-two?score=3").text
    assert "open-two" not in first
    assert "open-one" not in second
    assert first.replace("open-one", "open-two") == second


def test_a_token_is_escaped_in_addresses(client):
    token = quote(':">%22<b>?&', safe="")
    page = client.get(f"/s/open{token}").text
    assert "<b>" not in page
    assert 'action="./open%3A%22%3E%2522%3Cb%3E%3F%26"' in page
