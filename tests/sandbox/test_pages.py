from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nps_connect.sandbox.pages import UnexpectedPage, read_page

HTML = """
<link rel="stylesheet" href="/static/page.css"><script src="/static/page.js"></script>
<a href="/u/token">no more</a><a href="https://www.example.com/privacy">privacy</a>
<form method="post" action="/s/token">
  <input type="hidden" name="lang" value="fr">
  <input type="radio" name="mood" value="1"><input type="radio" name="mood" value="2" checked>
  <input type="checkbox" name="quiet">
  <input name="city" value="Lyon"><input type="submit" disabled name="never" value="x">
  <button name="score" value="9">9</button><button type="button">more</button>
  <textarea name="comment">
déjà &lt;là&gt;</textarea>
  <button>Send</button>
</form>
<form action="/search"><input name="q"></form>
"""


@pytest.fixture
def page():
    return read_page("https://nps.example.com/s/token?score=9", 200, HTML)


def test_links_and_parts_are_absolute_urls(page):
    assert page.links == ("https://nps.example.com/u/token", "https://www.example.com/privacy")
    assert page.parts == ("https://nps.example.com/static/page.css", "https://nps.example.com/static/page.js")


def test_default_values_are_those_a_browser_would_submit(page):
    form = page.form_with("score", "comment")
    assert (form.method, form.action) == ("post", "https://nps.example.com/s/token")
    assert form.default_values() == {"lang": "fr", "mood": "2", "city": "Lyon", "comment": "déjà <là>"}


def test_buttons_are_found_by_name_and_value(page):
    form = page.form_with("score")
    assert form.button("score", "9").value == "9"
    with pytest.raises(UnexpectedPage, match="no button score = 10"):
        form.button("score", "10")


def test_a_form_without_method_uses_get(page):
    assert page.form_with("q").method == "get"


def test_a_missing_form_raises_with_the_status(page):
    with pytest.raises(UnexpectedPage, match=r"no form with pin on the page \(status 200\)"):
        page.form_with("pin")


@given(st.text(max_size=200))
def test_any_text_parses_as_a_page(text):
    page = read_page("https://nps.example.com/", 200, text)
    assert all(form.method == form.method.lower() for form in page.forms)
