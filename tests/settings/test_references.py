"""Secrets by reference: { env = "NAME" } and { file = "path" }."""

import pytest

SECRET = "correct horse battery staple"


def replace_signing_keys(configuration, reference):
    configuration.replace('[{ env = "SIGNING" }]', f"[{reference}]")


def test_a_secret_file_is_relative_to_the_configuration_and_stripped_of_its_final_newline(configuration):
    (configuration.folder / "secrets").mkdir()
    (configuration.folder / "secrets" / "key").write_text(f"{SECRET}\n")
    replace_signing_keys(configuration, '{ file = "secrets/key" }')
    assert configuration.load().core.signing_keys[0].get_secret_value() == SECRET


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "secret file key does not exist"),
        (b"", "secret file key is empty"),
        (b"\n", "secret file key is empty"),
        (b"\xff\xfe", "secret file key is not UTF-8 text"),
        (b"k" * 70_000, "secret file key is larger than 64 KiB"),
    ],
)
def test_an_invalid_secret_file_is_a_mistake(configuration, content, sentence):
    if content is not None:
        (configuration.folder / "key").write_bytes(content)
    replace_signing_keys(configuration, '{ file = "key" }')
    assert configuration.mistakes() == [f"nps-connect.toml: core.signing_keys.1: {sentence}"]


def test_a_folder_or_an_invalid_path_is_not_a_secret_file(configuration):
    replace_signing_keys(configuration, r'{ file = "." }, { file = "\u0000" }')
    assert configuration.mistakes() == [
        "nps-connect.toml: core.signing_keys.1: secret file . is not a file",
        "nps-connect.toml: core.signing_keys.2: secret file \0 does not exist",
    ]


def test_an_unset_or_empty_variable_is_a_mistake(configuration):
    replace_signing_keys(configuration, '{ env = "ABSENT" }, { env = "EMPTY" }')
    assert configuration.mistakes(EMPTY="") == [
        "nps-connect.toml: core.signing_keys.1: environment variable ABSENT is not set; set it before starting",
        "nps-connect.toml: core.signing_keys.2: environment variable EMPTY is empty; set it before starting",
    ]


def test_a_reference_needs_exactly_one_target(configuration):
    replace_signing_keys(configuration, '{ env = "A", file = "b" }, { env = 3 }')
    assert configuration.mistakes() == [
        "nps-connect.toml: core.signing_keys.1: refers to both an environment variable and a file; keep one of env and file",
        'nps-connect.toml: core.signing_keys.2: the reference has no name; write { env = "NAME" } or { file = "path" }',
    ]


def test_a_secret_in_the_file_is_rejected_and_not_quoted(configuration):
    replace_signing_keys(configuration, f'"{SECRET}"')
    assert configuration.mistakes() == [
        (
            "nps-connect.toml: core.signing_keys.1: is a secret and must not be in the file; "
            'write { env = "NAME" } or { file = "path" } instead'
        )
    ]


def test_a_secret_in_place_of_a_list_is_rejected(configuration):
    configuration.replace('[{ env = "SIGNING" }]', f'"{SECRET}"')
    [mistake] = configuration.mistakes()
    assert mistake.startswith("nps-connect.toml: core.signing_keys: is a secret and must not be in the file")


@pytest.mark.parametrize(
    "url", [f"postgresql://nps:{SECRET}@db.example.com/nps", f"postgresql://db.example.com/nps?password={SECRET}"]
)
def test_a_database_url_with_a_password_is_rejected(configuration, url):
    configuration.replace("[core]", f'[core]\ndatabase_url = "{url}"')
    [mistake] = configuration.mistakes()
    assert mistake.startswith("nps-connect.toml: core.database_url: is a secret and must not be in the file")
    assert SECRET not in mistake


def test_a_short_signing_key_is_rejected(configuration):
    assert configuration.mistakes(SIGNING="too-short") == [
        "environment variable SIGNING: core.signing_keys.1: shorter than 16 characters"
    ]
