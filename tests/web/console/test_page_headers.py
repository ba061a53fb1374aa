"""Every page of the console is strict about what it loads, and is kept by nobody."""

import re

import pytest


@pytest.mark.parametrize("path", ["/console/sign-in", "/console/users", "/console/nothing"])
def test_pages_load_nothing_foreign_and_run_nothing_inline(admin_client, path):
    response = admin_client.get(path)
    policy = dict(part.split(" ", 1) for part in response.headers["content-security-policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        "style-src": "'self'",
        "script-src": "'self'",
        "img-src": "'self'",
        "connect-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    assert response.headers["cache-control"] == "no-store"
    assert not re.search(r'style="|<style|<script[^>]*>[^<]|\son\w+="|https?://', response.text)


def test_assets_are_kept_under_an_address_that_changes_with_them(admin_client):
    page = admin_client.get("/console/users").text
    address = re.search(r'href="(/console/assets/[0-9a-f]{16}/console\.css)"', page)[1]
    response = admin_client.get(address)
    assert response.headers["content-type"].startswith("text/css")
    assert "immutable" in response.headers["cache-control"]
    assert "#174ea6" in response.text
    assert not re.search(r": (ON_)?(DARK_)?MAIN;", response.text)
    stale = admin_client.get("/console/assets/0000000000000000/console.css")
    assert stale.headers["cache-control"] == "no-store"
    assert admin_client.get("/console/assets/x/secrets.py").status_code == 404
