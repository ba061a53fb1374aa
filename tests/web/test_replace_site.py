"""`WebApplication.replace_site`: new requests see the new site, open ones finish in the former one."""

import asyncio
import threading

import httpx

from nps_connect.web.app import create_app
from nps_connect.web.site import Site


class SlowBackend:
    """A backend whose answers to webhooks wait until the test allows them."""

    def __init__(self, backend):
        self._backend = backend
        self.entered, self.may_answer = threading.Event(), threading.Event()

    def __getattr__(self, name):
        return getattr(self._backend, name)

    def accept_webhooks(self, requests):
        self.entered.set()
        assert self.may_answer.wait(10)
        return self._backend.accept_webhooks(requests)


def is_closed(site):
    return site.webhook_batcher._pool._shutdown


async def unknown_page(client):
    return (await client.get("/s/unknown")).text


def test_an_open_request_finishes_in_the_former_site_while_new_ones_see_the_new_one(backend):
    slow, other = SlowBackend(backend), SlowBackend(backend)
    other.company = "Example Ltd"
    app = create_app(slow)

    async def scenario():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://testserver") as client:
            assert backend.company in await unknown_page(client)
            former = app.site
            webhook = asyncio.create_task(client.post("/hooks/crm", content=b"{}"))
            await asyncio.to_thread(slow.entered.wait, 10)
            app.replace_site(Site(other))
            assert "Example Ltd" in await unknown_page(client)
            assert not webhook.done()
            slow.may_answer.set()
            assert (await webhook).status_code == 401  # it is not signed
            assert is_closed(former)
            assert not is_closed(app.site)
            await app.site.close()

    asyncio.run(scenario())


def test_the_end_of_the_lifespan_closes_every_site(backend):
    app = create_app(backend)
    former = app.site
    app.replace_site(Site(backend))

    async def scenario():
        messages = asyncio.Queue()
        for kind in ("startup", "shutdown"):
            await messages.put({"type": f"lifespan.{kind}"})
        sent = []

        async def send(message):
            sent.append(message["type"])

        await app({"type": "lifespan"}, messages.get, send)
        return sent

    assert asyncio.run(scenario()) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert is_closed(former)
    assert is_closed(app.site)
