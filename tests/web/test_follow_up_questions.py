"""Follow-up questions, the company's colour, trusted proxies."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from nps_connect.records.pages import FollowUpQuestion
from nps_connect.rendering.colours import build_palette, contrast
from nps_connect.web.app import create_app

WHY = FollowUpQuestion(name="why", question="Pourquoi <donc> ?", segments=("detractor",))
SPEED = FollowUpQuestion(
    name="speed", question="Et le délai ?", choices=("Rapide", "Trop lent"), segments=("detractor", "passive")
)


def follow_up_fields(form):
    return [field["name"] for field in form.fields if field.get("name", "").startswith("asked.")]


def test_follow_up_questions_are_shown_to_their_segment_only(client, backend, read_form):
    backend.follow_ups = (WHY, SPEED)
    assert follow_up_fields(read_form(client.get("/s/marie").text)) == []
    assert follow_up_fields(read_form(client.get("/s/marie?score=2").text)) == [
        "asked.why",
        "asked.speed",
        "asked.speed",
    ]
    assert follow_up_fields(read_form(client.get("/s/marie?score=7").text)) == ["asked.speed", "asked.speed"]
    assert follow_up_fields(read_form(client.get("/s/marie?score=10").text)) == []
    assert "Pourquoi &lt;donc&gt;\u202f?" in client.get("/s/marie?score=2").text


def test_follow_up_answers_are_sanitized_and_stored_with_the_score(client, backend, read_form):
    backend.follow_ups = (WHY, SPEED)
    page = client.post("/s/marie", data={"score": "2"}).text
    assert set(follow_up_fields(read_form(page))) == {"asked.why", "asked.speed"}
    client.post("/s/marie", data={"send": "2", "asked.why": "a\x00b", "asked.speed": "Trop lent", "asked.": "x"})
    assert backend.responses[-1].follow_up == {"why": "ab", "speed": "Trop lent", "": "x"}
    assert set(read_form(page).references) <= set(read_form(page).ids)
    assert len(page.encode()) < 30_000


@pytest.mark.parametrize("colour", ["#174ea6", "#ffcc00", "#000000", "#ffffff", "#ff0000", "#7f7f7f"])
def test_any_company_colour_is_adjusted_to_be_readable(client, backend, colour):
    colours = build_palette(colour)
    for main, on_main, grounds in (
        (colours.main, colours.on_main, ("#ffffff", "#eef1f5")),
        (colours.dark_main, colours.on_dark_main, ("#1d242d", "#12161c")),
    ):
        assert all(contrast(main, ground) >= 4.5 for ground in (*grounds, on_main))
    backend.colour = colour
    assert f"--main: {colours.main};" in client.get("/s/marie").text


def test_a_readable_colour_is_unchanged():
    assert build_palette("#174ea6").main == "#174ea6"


def visited(backend, proxies, peer, headers):
    backend.trusted_proxies = proxies
    app = create_app(backend)
    transport = httpx.ASGITransport(app, client=(peer, 50000))

    async def visit():
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as http:
            await http.get("/s/marie", headers=headers)
        await app.site.close()

    asyncio.run(visit())
    return backend.visits[-1].address


def test_the_forwarded_address_is_believed_from_trusted_proxies_only(backend):
    headers = {"X-Forwarded-For": "198.51.100.1, 203.0.113.77"}
    assert visited(backend, (), "10.0.0.2", headers) == "10.0.0.0/24"
    assert visited(backend, ("10.0.0.0/8",), "10.0.0.2", headers) == "203.0.113.0/24"
    assert visited(backend, ("10.0.0.0/8", "203.0.113.77"), "10.0.0.2", headers) == "198.51.100.0/24"
    assert visited(backend, ("10.0.0.0/8",), "192.0.2.9", headers) == "192.0.2.0/24"
    assert visited(backend, ("10.0.0.0/8",), "10.0.0.2", {"X-Forwarded-For": "nonsense"}) in (None, "10.0.0.0/24")
