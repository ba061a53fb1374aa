"""Settings of the e-mail channel; errors never show the password."""

import traceback

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import ValidationError

from nps_connect.builtin.email.relay import parse_relay
from nps_connect.builtin.email.settings import EmailSettings

SENTINEL = "s3cret-sentinel"


def settings(**parts):
    table = {
        "plugin": "email",
        "smtp_url": "smtp://127.0.0.1:2525",
        "sender": "Exemple SA <care@example.com>",
        "reply_to": "help@example.com",
    }
    return EmailSettings.model_validate(table | parts)


def problem(**parts) -> str:
    with pytest.raises(ValidationError) as caught:
        settings(**parts)
    return str(caught.value)


@pytest.mark.parametrize(
    ("url", "host", "port", "encryption"),
    [
        ("smtp://mail.example.com?starttls=required", "mail.example.com", 587, "starttls"),
        ("smtp://mail.example.com:2587?starttls=required", "mail.example.com", 2587, "starttls"),
        ("smtps://mail.example.com", "mail.example.com", 465, "tls"),
        ("smtp://127.0.0.1:1025", "127.0.0.1", 1025, "none"),
        ("smtp://[::1]:1025/", "::1", 1025, "none"),
        ("smtp://localhost", "localhost", 25, "none"),
    ],
)
def test_relays(url, host, port, encryption):
    relay = settings(smtp_url=url).relay

    assert (relay.host, relay.port, relay.encryption) == (host, port, encryption)


def test_user_and_password_are_percent_decoded():
    relay = parse_relay("smtps://me%40example.com:p%40ss%2Fw%23rd@mail.example.com")

    assert (relay.user, relay.password) == ("me@example.com", "p@ss/w#rd")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (f"http://user:{SENTINEL}@mail.example.com", "smtp:// or smtps://"),
        (f"user:{SENTINEL}@mail.example.com", "smtp:// or smtps://"),
        (f"smtps://user:{SENTINEL}/more@mail.example.com", "percent-encode"),
        (f"smtps://user:{SENTINEL}#more@mail.example.com", "percent-encode"),
        (f"smtps://user:{SENTINEL}?more@mail.example.com", "percent-encode"),
        (f"smtps://user:{SENTINEL}@mail.example.com:{SENTINEL}", "wrong port"),
        (f"smtps://user:{SENTINEL}@mail.example.com:99999", "wrong port"),
        (f"smtps://user:{SENTINEL}@[mail", "percent-encode"),
        (f"smtps://user:{SENTINEL}@", "no host"),
        (f"smtps://user:{SENTINEL}@mail.example.com/{SENTINEL}", "percent-encode"),
        (f"smtps://:{SENTINEL}@mail.example.com", "without a user"),
        (f"smtps://{SENTINEL}@mail.example.com", "without a password"),
        (f"smtps://user:{SENTINEL}é@mail.example.com", "ASCII"),
        (f"smtps://user:{SENTINEL}%0d%0a@mail.example.com", "ASCII"),
        (f"smtp://user:{SENTINEL}@mail.example.com?starttls=maybe", "starttls=required"),
        (f"smtp://user:{SENTINEL}@mail.example.com?{SENTINEL}=1", "starttls=required"),
        (f"smtps://user:{SENTINEL}@mail.example.com?starttls=required", "no options"),
        (f"smtp://user:{SENTINEL}@mail.example.com", "starttls=required"),
    ],
)
def test_an_invalid_relay_is_explained_without_repeating_it(url, words):
    message = problem(smtp_url=url)

    assert words in message
    assert SENTINEL not in message


@hypothesis_settings(deadline=None)
@given(
    before=st.text(alphabet="smtp:/@?#[]%&=+ab1.é\n", max_size=20),
    after=st.text(alphabet="smtp:/@?#[]%&=+ab1.é\n", max_size=20),
)
def test_no_error_ever_repeats_the_password(before, after):
    output = parse_output(f"smtps://{before}{SENTINEL}{after}@mail.example.com")

    assert SENTINEL not in output


def parse_output(url) -> str:
    """Return the visible output of parsing a relay, without host and user."""
    try:
        relay = parse_relay(url)
    except ValueError:
        return traceback.format_exc()
    return repr(relay).replace(relay.host, "").replace(repr(relay.user), "")


def test_an_unencrypted_relay_must_be_allowed_explicitly():
    assert "unencrypted" in problem(smtp_url="smtp://relay.example.com:25")
    assert settings(smtp_url="smtp://relay.example.com:25", allow_plain=True).relay.encryption == "none"


@pytest.mark.parametrize(
    "address",
    [
        "noreply@example.com",
        "no-reply@example.com",
        "do_not_reply@example.com",
        "NoReply+nps@example.com",
        "ne-pas-repondre@example.com",
    ],
)
def test_reply_to_must_be_read_by_people(address):
    assert "people read" in problem(reply_to=address)


@pytest.mark.parametrize("address", ["care@example.com", "nora.reply@example.com", "neil@example.com"])
def test_ordinary_reply_addresses_are_accepted(address):
    assert settings(reply_to=address).reply_to == address


@pytest.mark.parametrize("missing", ["smtp_url", "sender", "reply_to"])
def test_required_keys(missing):
    with pytest.raises(ValidationError, match=missing):
        EmailSettings.model_validate(
            {
                key: value
                for key, value in {
                    "plugin": "email",
                    "smtp_url": "smtp://127.0.0.1",
                    "sender": "care@example.com",
                    "reply_to": "care@example.com",
                }.items()
                if key != missing
            }
        )


@pytest.mark.parametrize(
    "sender",
    [
        "Exemple SA",
        "Exemple <care>",
        "a <b@example.com> <c@example.com>",
        "Exemple <care@example.com>\r\nBcc: x@example.com",
        "é@example.com",
        "",
    ],
)
def test_invalid_senders_are_refused(sender):
    assert "sender" in problem(sender=sender)


def test_secrets_are_hidden_in_the_repr():
    assert SENTINEL not in repr(settings(smtp_url=f"smtps://user:{SENTINEL}@mail.example.com"))


def test_a_relay_hides_its_password_but_passes_it_to_the_redactor():
    relay = parse_relay(f"smtps://user:{SENTINEL}@mail.example.com")

    assert SENTINEL not in repr(relay)
    assert SENTINEL in list(relay.secrets())
    assert list(parse_relay("smtps://mail.example.com").secrets()) == []


@pytest.mark.parametrize(
    "address",
    ["mail.example.com:587&starttls=required", "mail.example.com:587?starttls=true", "mail.example.com:587/starttls"],
)
def test_a_misspelt_starttls_is_named_and_not_the_password(address):
    with pytest.raises(ValueError, match=r"end it with \?starttls=required") as caught:
        parse_relay(f"smtp://user:secret@{address}")
    assert "secret" not in str(caught.value)
    assert parse_relay("smtp://user:starttls@mail.example.com:587?starttls=required").password == "starttls"
