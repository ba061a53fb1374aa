"""`Redactor`: secrets and addresses are removed from any text."""

import html
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretBytes, SecretStr

from nps_connect.redaction import HIDDEN, Redactor, iter_secrets

SPELLINGS = {
    "plain": str,
    "quoted": lambda secret: quote(secret, safe=""),
    "quoted path": quote,
    "form": quote_plus,
    "json": json.dumps,
    "json with slashes escaped": lambda secret: json.dumps(secret).replace("/", "\\/"),
    "json in unicode": lambda secret: json.dumps(secret, ensure_ascii=False),
    "html": html.escape,
}
secrets = st.text(st.characters(exclude_categories=["Cs"]), min_size=4, max_size=40).filter(
    lambda text: len(text.strip()) >= 4 and text.strip() not in HIDDEN
)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
@given(secret=secrets, before=texts, after=texts)
def test_a_secret_is_hidden_in_every_encoding(spell, secret, before, after):
    spelled = spell(secret.strip())
    filtered = Redactor([secret])(before + spelled + after)
    assert spelled.strip('"') not in filtered.replace(HIDDEN, "\0").replace("[address]", "\0")


@given(st.lists(secrets, min_size=2, max_size=5))
def test_several_secrets_are_hidden_even_if_one_contains_another(several):
    several = [*several, several[0] + several[1]]
    filtered = Redactor(several)(" / ".join(several))
    left = filtered.replace(HIDDEN, "\0")
    assert not [secret for secret in several if secret.strip() in left]


@pytest.mark.parametrize(
    "mailbox",
    [
        "lea@example.com",
        "lea.martin+nps@mail.example.com",
        "o'neil@example.com",
        "léa@exämple.com",
        "lea%40example.com",
        "LEA_M@EXAMPLE.COM",
        "lea!#$%*{}|~@example.com",
    ],
)
@pytest.mark.parametrize(
    "around", ["{}", "<{}>", '"{}"', "to={}&x=1", "({}), and", "mailto:{}", "/contacts/{}/tickets", "[{}]"]
)
def test_addresses_are_hidden_in_any_context(mailbox, around):
    redacted = Redactor([])(around.format(mailbox))
    assert "example" not in redacted.lower().replace("[address]", "")
    assert "[address]" in redacted
    assert redacted.replace("[address]", "") == around.format("")


@given(st.emails(domains=st.just("example.com")), texts, texts)
def test_any_address_is_hidden(mailbox, before, after):
    assert mailbox not in Redactor([])(f"{before} {mailbox} {after}")


@given(texts)
def test_a_text_without_secrets_and_addresses_is_unchanged(text):
    if "@" not in text and "%40" not in text:
        assert Redactor([])(text) == text


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("Authorization: Bearer abc.def-123", "Authorization: Bearer [hidden]"),
        ("authorization: basic YWJjZA==", "authorization: basic [hidden]"),
        ("the bearer of a letter", "the bearer of a letter"),
        ("a bearer", "a bearer"),
    ],
)
def test_bearer_and_basic_credentials_are_hidden_even_if_unknown(text, redacted):
    assert Redactor([])(text) == redacted


def test_values_too_short_to_be_secrets_are_not_hidden():
    assert Redactor(["abc", "", "  "])("abc and more") == "abc and more"


def test_the_password_inside_a_secret_url_is_hidden_alone():
    redact = Redactor(["smtp://mailer:p%40ss-w0rd@mail.example.com:587"])
    assert redact("535 p@ss-w0rd is wrong, p%40ss-w0rd too") == "535 [hidden] is wrong, [hidden] too"


def test_the_credentials_after_the_scheme_of_a_header_are_hidden_alone():
    assert Redactor(["Basic YWJjZGVm"])("got YWJjZGVm") == "got [hidden]"


def test_more_secrets_can_be_added():
    redact = Redactor(["first-one"]).with_secrets(["second-one"])
    assert redact("first-one second-one") == "[hidden] [hidden]"


def test_a_long_text_without_addresses_is_redacted_quickly():
    assert Redactor([])("a" * 200_000) == "a" * 200_000


def test_iter_secrets_yields_every_secret_of_a_model():
    class Inner(BaseModel):
        key: SecretStr = SecretStr("inner-key")

    class Outer(BaseModel):
        name: str = "not secret"
        token: SecretStr = SecretStr("token")
        raw: SecretBytes = SecretBytes(b"raw-bytes")
        none: SecretStr | None = None
        inner: Inner = Inner()
        several: list[SecretStr] = [SecretStr("one"), SecretStr("two")]
        pairs: tuple[Inner, ...] = (Inner(key=SecretStr("in-a-tuple")),)
        named: dict[str, SecretStr] = {"a": SecretStr("in-a-dict")}
        bag: frozenset[SecretStr] = frozenset({SecretStr("in-a-set")})

    secrets = set(iter_secrets(Outer()))
    assert secrets == {"token", "raw-bytes", "inner-key", "one", "two", "in-a-tuple", "in-a-dict", "in-a-set"}
