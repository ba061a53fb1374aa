"""One-time links: of invitations and of forgotten passwords."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select
from support.application import ApplicationHarness
from support.console import PASSWORD, ConsoleClient, add_console_user

from nps_connect.ledger.tables import DeliveryRow
from nps_connect.ledger.users import UserLinkRow, UserRow
from nps_connect.services.users.expiry import delete_expired_secrets
from nps_connect.services.users.one_time_links import create_link

FORGOTTEN = "/console/forgotten-password"


def read_token(page):
    return re.search(r'name="csrf" value="(\w+)"', page)[1]


@pytest.fixture
def ask(visitor):
    def ask(email, client=visitor):
        client.csrf = read_token(client.get(FORGOTTEN).text)
        return client.post(FORGOTTEN, {"email": email})

    return ask


def mails(harness):
    harness.run()
    return [message for message in harness.post.items if message.kind == "fallback"]


def links_in(messages):
    return [re.search(r"https://nps\.example\.com(/console/password/\S+)", message.text)[1] for message in messages]


def choose(client, path, password=PASSWORD, repeated=None):
    client.csrf = read_token(client.get(path).text)
    return client.post(path, {"password": password, "repeated": password if repeated is None else repeated})


def test_a_forgotten_password_is_replaced_by_a_link_that_works_once(harness, admin, admin_client, visitor, ask, ledger):
    assert ask("CLAIRE@example.com").status_code == 200
    [mail] = mails(harness)
    assert (mail.to.email, mail.language) == ("claire@example.com", "en")
    assert "Choose a new password" in mail.subject
    [path] = links_in([mail])
    with ledger.read() as session:
        assert path.rpartition("/")[2] not in str(session.execute(select(UserLinkRow)).scalars().one().model_dump())
    for _ in range(2):  # scanners of mail open every link
        assert visitor.get(path).status_code == 200
    assert choose(visitor, path).headers["location"] == "/console"
    assert visitor.get("/console/account").status_code == 200
    assert admin_client.get("/console/account").status_code == 303
    assert visitor.get(path).status_code == 410


def test_known_and_unknown_addresses_get_the_same_answer(harness, admin, ask, visitor):
    answers = {ask(email).text.replace(visitor.csrf, "") for email in ("claire@example.com", "nobody@example.com")}
    assert len(answers) == 1
    assert len(mails(harness)) == 1


def test_links_are_limited_per_address_in_the_same_way_for_unknown_ones(harness, admin, ask):
    for email in ("claire@example.com", "nobody@example.com"):
        assert [ask(email).status_code for _ in range(4)] == [200, 200, 200, 429]
    assert len(mails(harness)) == 3


def test_a_link_expires_after_an_hour_and_its_mail_is_not_sent_later(harness, admin, ask, visitor, clock, ledger):
    ask("claire@example.com")
    ask("claire@example.com")
    [first, _second] = links_in(mails(harness))
    clock.forward(timedelta(hours=1))
    assert visitor.get(first).status_code == 410
    ask("claire@example.com")
    clock.forward(timedelta(hours=2))
    assert len(mails(harness)) == 2


def test_a_sent_mail_does_not_stay_in_the_database(harness, admin, ask, ledger):
    ask("claire@example.com")
    assert links_in(mails(harness))
    delete_expired_secrets(harness.app.ctx)
    with ledger.read() as session:
        [row] = session.execute(select(DeliveryRow).where(DeliveryRow.action == "send_fallback")).scalars()
        assert (row.state, row.payload) == ("succeeded", None)


def test_a_locked_user_gets_no_link_and_a_link_of_before_does_not_work(harness, admin, admin_client, visitor, ask):
    paul = add_console_user(harness, "paul@example.com", "viewer")
    ask("paul@example.com")
    [path] = links_in(mails(harness))
    admin_client.post(f"/console/users/{paul.public_id}/lock")
    assert visitor.get(path).status_code == 410
    ask("paul@example.com")
    assert len(mails(harness)) == 1


@pytest.mark.parametrize(
    ("password", "repeated", "text"),
    [
        ("short", None, "at least 12 characters"),
        ("aaaaaaaaaaaaaaaa", None, "too easy to guess"),
        ("claire@example.com", None, "too easy to guess"),
        ("exemple sa 2026!", None, "too easy to guess"),
        (PASSWORD, "four-quiet-words", "differ"),
    ],
)
def test_an_unsuitable_password_is_refused_and_the_link_stays(admin, visitor, ledger, clock, password, repeated, text):
    with ledger.write() as session:
        token = create_link(session, session.get(UserRow, admin.id), "invitation", clock())
    refused = choose(visitor, f"/console/password/{token}", password, repeated)
    assert refused.status_code == 422
    assert text in refused.text
    assert choose(visitor, f"/console/password/{token}").status_code == 303


def test_a_link_is_used_by_one_of_two_browsers(harness, admin, visitor, runner, ledger, clock):
    other = ConsoleClient(harness, runner)
    with ledger.write() as session:
        token = create_link(session, session.get(UserRow, admin.id), "invitation", clock())
    path = f"/console/password/{token}"
    other.csrf = read_token(other.get(path).text)
    assert choose(visitor, path).status_code == 303
    assert other.post(path, {"password": "other long words", "repeated": "other long words"}).status_code == 410


def test_in_shadow_mode_nothing_is_sent_and_the_answer_stays_the_same(ledger, clock, runner, ask):
    harness = ApplicationHarness(ledger, clock, {"core": {"mode": "shadow"}})
    add_console_user(harness)
    client = ConsoleClient(harness, runner)
    assert ask("claire@example.com", client).status_code == 200
    assert mails(harness) == []
