"""The survey page, with the real ledger, against a bare handler of the same framework: requests per second.

Both applications are served by the same server in a process of their own, one after the other, to the same callers, so
that the machine cancels out of the ratio.
"""

from __future__ import annotations

import multiprocessing
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

PEOPLE = 200
SECONDS = 3.0
CALLERS = 8
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def measure() -> Iterator[tuple[str, int, float]]:
    """Requests answered, each kind beside the bare handler's."""
    with tempfile.TemporaryDirectory() as folder:
        tokens = _prepare(Path(folder))
        bare = _served(_bare, folder)
        gets, seconds = _drive(bare, lambda n: ("GET", f"/s/{tokens[n % PEOPLE]}?score=9", None))
        posts, post_seconds = _drive(bare, lambda n: ("POST", f"/s/{tokens[n % PEOPLE]}", "send=9&lang=en"))
        _stop(bare)
        real = _served(_real, folder)
        our_gets, our_seconds = _drive(real, lambda n: ("GET", f"/s/{tokens[n % PEOPLE]}?score=9", None))
        our_posts, our_post_seconds = _drive(
            real, lambda n: ("POST", f"/s/{tokens[n % PEOPLE]}", f"send={(n // PEOPLE) % 2 + 8}&lang=en")
        )
        _stop(real)
    yield "GET, bare handler", gets, seconds
    share = (our_gets / our_seconds) / (gets / seconds)
    yield f"GET, survey page with ledger: {share:.0%} of the bare handler", our_gets, our_seconds
    yield "POST, bare handler", posts, post_seconds
    share = (our_posts / our_post_seconds) / (posts / post_seconds)
    yield f"POST, answer stored in the ledger: {share:.0%} of the bare handler", our_posts, our_post_seconds


def _settings(folder: Path) -> object:
    from nps_connect.settings.model import Settings

    return Settings.model_validate(
        {
            "core": {
                "public_url": "http://127.0.0.1",
                "database_url": f"sqlite:///{folder / 'bench.db'}",
                "company": "Exemple SA",
                "languages": ["fr", "en"],
                "signing_keys": ["a-signing-key-for-benchmarks"],
                "fallback_email": "care@example.com",
                "privacy_notice_url": "https://www.example.com/privacy",
            },
            "connections": {},
            "surveys": {"after-purchase": {"channel": "mail"}},
        }
    )


def _prepare(folder: Path) -> list[str]:
    """A ledger with invitations that were sent; their tokens."""
    from nps_connect.connection import system_clock
    from nps_connect.flows.links import Links
    from nps_connect.ledger.ledger import Ledger
    from nps_connect.ledger.schema import upgrade
    from nps_connect.ledger.tables import ContactRow, InvitationRow

    now = system_clock()
    ledger = Ledger(f"sqlite:///{folder / 'bench.db'}")
    upgrade(ledger)
    ids = []
    with ledger.write() as session:
        for number in range(PEOPLE):
            record = {"connection": "crm", "id": str(number), "email": f"p{number}@example.com"}
            contact = ContactRow(
                connection="crm", vendor_id=str(number), email=record["email"], record=record, seen_at=now
            )
            session.add(contact)
            session.flush()
            invitation = InvitationRow(
                survey="after-purchase",
                touchpoint="purchase",
                trigger="t",
                contact_id=contact.id,
                language="en",
                state="sent",
                created_at=now,
                due_at=now,
                sent_at=now - timedelta(days=1),
                expires_at=now + timedelta(days=60),
            )
            session.add(invitation)
            session.flush()
            ids.append(invitation.id)
    ledger.close()
    links = Links("http://127.0.0.1", ["a-signing-key-for-benchmarks"])
    return [links.survey(number) for number in ids]


def _bare(_folder: str) -> object:
    """What the framework itself can do: a page of the same size, a form that is read and redirected."""
    app = FastAPI(openapi_url=None)
    page = "x" * 9_000

    @app.get("/s/{token}")
    async def show(token: str) -> Response:
        return HTMLResponse(page.replace("token", token))

    @app.post("/s/{token}")
    async def press(request: Request) -> Response:
        await request.body()
        return RedirectResponse("./", 303)

    return app


def _real(folder: str) -> object:
    from nps_connect.ledger.ledger import Ledger
    from nps_connect.plugins import Plugins
    from nps_connect.web.app import create_app
    from nps_connect.wiring.application import join
    from nps_connect.wiring.doors import ApplicationDoors

    settings = _settings(Path(folder))
    ledger = Ledger(settings.core.database_url.get_secret_value())
    return create_app(ApplicationDoors(join(settings, Plugins(), {}, ledger).ctx))


def _serve(make: Callable[[str], object], folder: str, listener: socket.socket) -> None:
    import uvicorn

    config = uvicorn.Config(make(folder), access_log=False, log_level="error", lifespan="off", ws="none")
    uvicorn.Server(config).run(sockets=[listener])


def _served(make: Callable[[str], object], folder: str) -> tuple[multiprocessing.Process, int]:
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    process = multiprocessing.get_context("fork").Process(target=_serve, args=(make, folder, listener), daemon=True)
    process.start()
    return process, int(listener.getsockname()[1])


def _stop(served: tuple[multiprocessing.Process, int]) -> None:
    served[0].terminate()
    served[0].join()


def _drive(
    served: tuple[multiprocessing.Process, int], request: Callable[[int], tuple[str, str, str | None]]
) -> tuple[int, float]:
    """Call from several connections for some seconds; answers and the time they took."""
    counts = [0] * CALLERS
    begin = time.perf_counter() + 1.0

    def call(caller: int) -> None:
        connection = HTTPConnection("127.0.0.1", served[1], timeout=30)
        number = caller
        while (now := time.perf_counter()) < begin + SECONDS:
            method, path, body = request(number)
            connection.request(method, path, body, FORM if body else {})
            answer = connection.getresponse()
            answer.read()
            if answer.status not in (200, 303):
                raise RuntimeError(f"{method} was answered with {answer.status}")
            number += CALLERS
            counts[caller] += now >= begin

    callers = [threading.Thread(target=call, args=(n,)) for n in range(CALLERS)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    return sum(counts), SECONDS
