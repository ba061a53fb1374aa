"""The survey page on the real ledger, compared with handlers by hand and with bare ones of the framework.

Every request is of another customer, who opens the page and then submits, with the routes of the documentation's
example: a submission leads to a score, a review invitation, and for detractors a ticket and an alert, all durable
before the response. The page is faster with many callers, because concurrent submissions share a transaction.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import parse_qs

from fastapi import FastAPI
from sqlalchemy import insert
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from benchmarks._fixtures import START, build_product_app, databases
from benchmarks._handwritten import HandwrittenApp
from benchmarks._http_load import BuildRequest, Competitor, compare, run_server
from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.schema import create
from nps_connect.ledger.tables import ContactRow, InvitationRow
from nps_connect.services.links import Links

PEOPLE = 30_000
"""Number of contacts for each number of callers, and each server that stores responses."""

CALLERS = (32, 128)


def measure() -> Iterator[tuple[str, int, float, str]]:
    """Return requests per second on each database."""
    with databases() as urls:
        for name, url in urls.items():
            tokens = _insert_invitations(url)
            with (
                run_server(_bare_app, url) as bare,
                run_server(HandwrittenApp, url) as handwritten,
                run_server(build_product_app, url) as product,
            ):
                for turn, callers in enumerate(CALLERS):
                    first, second = tokens[2 * turn * PEOPLE :][:PEOPLE], tokens[(2 * turn + 1) * PEOPLE :][:PEOPLE]
                    for method, build, goal in (("GET", _page_view_request, 0.6), ("POST", _submission_request, 0.5)):
                        competitors = (
                            Competitor("bare FastAPI handler", *bare, build(first)),
                            Competitor("by hand", *handwritten, build(first), goal),
                            Competitor("survey page", *product, build(second)),
                        )
                        yield from compare(f"{method} on {name}, {callers} callers", competitors, callers)


def _insert_invitations(url: str) -> list[str]:
    """Insert sent survey invitations; returns their tokens."""
    ledger = Ledger(url, create=True)
    create(ledger)
    contacts = [
        {
            "id": number,
            "connection": "crm",
            "vendor_id": str(number),
            "email": f"p{number}@example.com",
            "mailbox": f"{number:064x}",
            "record": {"connection": "crm", "id": str(number), "email": f"p{number}@example.com"},
            "opted_out": False,
        }
        for number in range(1, 2 * PEOPLE * len(CALLERS) + 1)
    ]
    invitations = [
        {
            "id": number,
            "public_id": f"{number:032x}",
            "survey": "after-purchase",
            "touchpoint": "purchase",
            "trigger": "t",
            "contact_id": number,
            "language": "en",
            "state": "sent",
            "created_at": START,
            "due_at": START,
            "sent_at": START - timedelta(days=1),
            "expires_at": START + timedelta(days=60),
        }
        for number in range(1, 2 * PEOPLE * len(CALLERS) + 1)
    ]
    with ledger.write() as session:
        session.connection().execute(insert(ContactRow.__table__), contacts)
        session.connection().execute(insert(InvitationRow.__table__), invitations)
    ledger.close()
    links = Links("http://127.0.0.1", ["a-signing-key-for-tests"])
    return [links.survey(f"{number:032x}") for number in range(1, 2 * PEOPLE * len(CALLERS) + 1)]


def _page_view_request(tokens: list[str]) -> BuildRequest:
    return lambda n: (
        f"GET /s/{tokens[n % PEOPLE]}?score={n % 11} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: benchmark\r\n\r\n"
    ).encode()


def _submission_request(tokens: list[str]) -> BuildRequest:
    def ask(n: int) -> bytes:
        form = f"send={n % 11}&lang=en&comment=Thank+you"
        return (
            f"POST /s/{tokens[n % PEOPLE]} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: benchmark\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(form)}\r\n\r\n{form}"
        ).encode()

    return ask


def _bare_app(_url: str) -> object:
    """Return a bare application: a page of the same size, a form that is read and redirected."""
    app = FastAPI(openapi_url=None)
    page = "x" * 9_000

    @app.get("/s/{token}")
    async def show(token: str) -> Response:
        return HTMLResponse(page.replace("token", token))

    @app.post("/s/{token}")
    async def press(request: Request) -> Response:
        form = parse_qs((await request.body()).decode())
        return RedirectResponse(f"./?score={form['send'][0]}", 303)

    return app
