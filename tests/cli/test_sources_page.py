"""docs/sources.md: its complete configuration is valid, its commands work, and mistakes in it are named."""

import re
import shlex
from datetime import UTC, datetime

import pytest
from support.shop import DOCS, environment, write_page_configuration

from nps_connect.ledger.ledger import Ledger
from nps_connect.ledger.tables import RawRequest

PLUGINS = "email,hubspot,review_link,webhook,zendesk"


@pytest.fixture
def page(cli):
    """Runs a command with the page's configuration, edited."""

    def run(*arguments, edit=str):
        write_page_configuration(cli.folder, edit)
        return cli(*arguments, plugins=PLUGINS, **environment())

    run.folder = cli.folder
    return run


def test_the_commands_of_the_page_work_in_its_order(page):
    assert page("db", "create").code == 0
    ledger = Ledger(f"sqlite:///{page.folder / 'nps-connect.db'}")
    with ledger.write() as session:
        columns = {"method": "POST", "url": "https://nps.example.com/hooks/shop", "headers": {}, "body": b"{}"}
        now = datetime(2026, 3, 2, tzinfo=UTC)
        session.add(
            RawRequest(queue_name="shop/parse", state="dead", due_at=now, received_at=now, connection="shop", **columns)
        )
    ledger.close()
    blocks = re.findall(r"^```console\n(.*?)^```", (DOCS / "sources.md").read_text(), re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    assert len(lines) == 5
    for line in lines:
        program, *arguments = shlex.split(line)
        result = page(*arguments)
        assert (program, result.code) == ("nps-connect", 0), (line, result.err)
    assert "Replayed 1 webhook" in result.out


def test_the_environment_file_of_the_page_sets_every_secret(cli):
    write_page_configuration(cli.folder, str)
    [content] = re.findall(
        r'^```sh title="nps-connect.env"\n(.*?)^```', (DOCS / "sources.md").read_text(), re.MULTILINE | re.DOTALL
    )
    assert cli("config", "check", plugins=PLUGINS).code == 2
    (cli.folder / "nps-connect.env").write_text(content)
    checked = cli("config", "check", plugins=PLUGINS)
    assert checked.code == 0, checked.err
    assert "is too weak" not in checked.out


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            'on = "order.delivered"',
            'on = "order.deliverd"',
            "'order.deliverd'; allowed: order.paid, order.shipped, order.delivered; did you mean 'order.delivered'?",
        ),
        (
            "country == 'FR'",
            "countryx == 'FR'",
            "triggers.1.where: column 1: unknown field 'countryx', did you mean 'country'?",
        ),
        ("country == 'FR'", "total > 10", "triggers.1.where: column 1: unknown field 'total'"),
        (
            'object_id = "order_id"',
            'object_id = "orderid"',
            "connections.shop.incoming.mappings.3.object_id: finds nothing in the sample; did you mean 'order_id'?",
        ),
        ("!test", "!test &&", "connections.shop.incoming.mappings.1.when: not a JMESPath expression"),
        ('events = "webhook" ', 'events = "none" ', "connection 'shop' has events = \"none\""),
        ('{ env = "SHOPIFY_WEBHOOK_SECRET" }', '"plain-text"', "secrets.1: is a secret and must not be in the file"),
        (
            "[connections.shop.incoming.signature]",
            "[connections.shop.incoming.signatures]",
            "did you mean 'signature'?",
        ),
    ],
)
def test_a_mistake_is_named_with_what_is_nearest(page, old, new, sentence):
    result = page("config", "check", edit=lambda text: text.replace(old, new, 1))
    assert result.code == 2
    assert sentence in " ".join(result.err.split()), result.err
