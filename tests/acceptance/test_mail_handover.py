"""SIGKILL at two stages of a mail: before its final dot it is sent again, after it it is in doubt until it is opened."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from support.load_generator import is_survey_mail
from support.process_pool import ProcessPool
from support.product_environment import ProductEnvironment, running_product
from support.smtp_gate import SmtpGate, Stage

from nps_connect.sandbox.mail import ReceivedMail
from nps_connect.sandbox.webhooks import send_webhook
from nps_connect.settings.load_settings import environment_path

SEED = 71
TIMEOUT_SECONDS = 90.0


@pytest.fixture
def environment(process_pool: ProcessPool, tmp_path: Path) -> Iterator[ProductEnvironment]:
    with running_product(process_pool, tmp_path, SEED) as environment:
        yield environment


@contextmanager
def smtp_gate(environment: ProductEnvironment) -> Iterator[SmtpGate]:
    """Let the product send its mail through a gate."""
    port = environment.demo.sandbox.mailbox.port
    file, [process] = environment_path(environment.demo.product.config), environment.process_group.processes
    with SmtpGate(port) as gate:
        process.stop()
        file.write_text(file.read_text().replace(f"127.0.0.1:{port}", f"127.0.0.1:{gate.port}"))
        process.start()
        process.wait_until_ready()
        yield gate


def kill_within_the_mail(environment: ProductEnvironment, stage: Stage) -> str:
    """Invite a customer, kill the product at a stage of the mail, and start it again; return the customer's address."""
    [process], source = environment.process_group.processes, environment.demo.capabilities.sources[0]
    vendor, url = (
        environment.demo.sandbox.vendors[source.plugin],
        f"{environment.demo.public_url}/hooks/{source.connection}",
    )
    killed = threading.Event()
    with smtp_gate(environment) as gate, httpx.Client(trust_env=False) as client:
        gate.on_stop = lambda: (process.kill(), killed.set())
        gate.stop_at = stage
        [fact, *_] = vendor.simulate_event(source.kind, environment.customers[0].email)
        for webhook in vendor.webhooks([fact], url):
            assert send_webhook(webhook, url, client) == 200
        assert killed.wait(TIMEOUT_SECONDS)
        process.start()
        process.wait_until_ready()
        wait_until(lambda: {row["state"] for row in survey_mails(environment)} <= {"succeeded", "held"})
    return environment.customers[0].email


def survey_mails(environment: ProductEnvironment) -> list[dict]:
    code, output = environment.run_command("deliveries", "list", "--action", "send_survey", "--json")
    assert code == 0, output
    return json.loads(output)["items"]


def received(environment: ProductEnvironment, email: str) -> list[ReceivedMail]:
    mails = environment.demo.sandbox.mailbox.mails(email)
    return [mail for mail in mails if is_survey_mail(mail, environment.demo.public_url)]


def wait_until(condition) -> None:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_mail_whose_process_died_before_the_final_dot_is_sent_once(environment):
    email = kill_within_the_mail(environment, "content")
    [mail] = survey_mails(environment)
    assert (mail["state"], len(received(environment, email))) == ("succeeded", 1)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_mail_whose_process_died_after_the_final_dot_is_held_until_its_link_is_opened(environment):
    email = kill_within_the_mail(environment, "answer")
    [mail] = survey_mails(environment)
    [arrived] = received(environment, email)
    assert (mail["state"], mail["in_doubt"]) == ("held", True)
    [link, *_] = arrived.links_to(f"{environment.demo.public_url}/s/")
    httpx.get(link, trust_env=False).raise_for_status()
    wait_until(lambda: [row["state"] for row in survey_mails(environment)] == ["succeeded"])
    assert len(received(environment, email)) == 1
