"""docs/api.md: its requests and commands work as printed, in the configuration that it shows."""

import re
import shlex
import tomllib
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from support.api_client import ApiClient
from support.application import ApplicationHarness

from nps_connect.builtin import webhook


@pytest.fixture
def page(request):
    return (request.config.rootpath / "docs" / "api.md").read_text(encoding="utf-8")


def parse_curl(command):
    """Return path, body and headers of a command."""
    words = iter(shlex.split(command.replace("\\\n", " "))[1:])
    url, body, headers = "", None, {}
    for word in words:
        if word == "-H":
            name, _, value = next(words).partition(": ")
            headers[name.lower().replace("-", "_")] = value
        elif word == "-d":
            body = next(words)
        else:
            url = word
    parts = urlsplit(url)
    return parts.path + ("?" + parts.query if parts.query else ""), body, headers


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_requests_of_the_page_work_as_printed(page, ledger, clock, runner):
    change = {}
    for table in re.findall(r"```toml\n(.*?)```", page, re.DOTALL):
        change |= tomllib.loads(table)
    clock.now = datetime(2026, 11, 17, 9, tzinfo=UTC)
    application = ApplicationHarness(ledger, clock, change, webhook=webhook)
    client = ApiClient(application, runner)
    statuses = []
    for command in re.findall(r"^\$ (curl .*?)(?=\n\$|\n```)", page, re.MULTILINE | re.DOTALL):
        path, body, headers = parse_curl(command)
        assert headers.pop("authorization") == "Bearer $KEY"
        answer = client.send("GET" if body is None else "POST", path, (body or "").encode(), **headers)
        statuses.append(answer.status)
        application.run()
    assert statuses == [202, 200, 202, 201, 200, 200, 200, 200, 200, 200, 200]
