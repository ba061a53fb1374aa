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
    """Sends requests to the application in-process, one at a time; page views are stored before `request` returns."""

    def __init__(self, app, runner):
        self._runner, self._app = runner, app
        transport = httpx.ASGITransport(app, client=("203.0.113.77", 50000))
        self._http = httpx.AsyncClient(transport=transport, base_url="http://testserver", follow_redirects=True)

    def request(self, method, url, **options):
        return self._runner.run(self._request_and_flush(method, url, options))

    async def _request_and_flush(self, method, url, options):
        response = await self._http.request(method, url, **options)
        await self._app.site.visit_batcher.flush()
        return response

    def get(self, url, **options):
        return self.request("GET", url, **options)

    def post(self, url, **options):
        return self.request("POST", url, **options)


@pytest.fixture
def backend():
    return load_sibling_module("memory_backend").MemoryBackend()


@pytest.fixture
def client(backend):
    with asyncio.Runner() as runner:
        yield WebClient(create_app(backend, clock=lambda: NOW), runner)


@pytest.fixture(scope="session")
def read_form():
    """Parses the form of a page."""
    return load_sibling_module("page_parser").ParsedForm
