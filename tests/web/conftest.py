import asyncio
from datetime import UTC, datetime
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import httpx
import pytest

from nps_connect.web.app import create_app

NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)


def load_sibling_module(name):
    spec = spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class WebClient:
    """Calls the application without a network, one request after the other."""

    def __init__(self, app, runner):
        self._runner, self._app = runner, app
        transport = httpx.ASGITransport(app, client=("203.0.113.77", 50000))
        self._http = httpx.AsyncClient(transport=transport, base_url="http://testserver", follow_redirects=True)

    def request(self, method, url, **given):
        return self._runner.run(self._requested(method, url, given))

    async def _requested(self, method, url, given):
        answer = await self._http.request(method, url, **given)
        await self._app.site.visit_batcher.settle()  # not only after a while
        return answer

    def get(self, url, **given):
        return self.request("GET", url, **given)

    def post(self, url, **given):
        return self.request("POST", url, **given)


@pytest.fixture
def doors():
    return load_sibling_module("memory_backend").MemoryBackend()


@pytest.fixture
def client(doors):
    with asyncio.Runner() as runner:
        yield WebClient(create_app(doors, clock=lambda: NOW), runner)


@pytest.fixture(scope="session")
def read_form():
    """Reads the form of a page."""
    return load_sibling_module("page_parser").Form
