"""`fingerprint`: equal for equal behaviour, blind to secrets and to what differs between hosts."""

import pytest

from nps_connect.settings.effective import fingerprint


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[core]\n", "# a comment\n[core]\n"),
        ('company = "Exemple SA"\nlanguages = ["fr", "en"]', 'languages = ["fr", "en"]\ncompany = "Exemple SA"'),
        ("[core]", '[core]\nmode = "shadow"\nworkers = 8\nlisten = "0.0.0.0:80"\nstate_dir = "state"'),
        ("[core]", '[limits]\ncooldown = "2160h"\n[core]'),
    ],
)
def test_what_changes_nothing_does_not_count(configuration, old, new):
    before = fingerprint(configuration.load())
    configuration.replace(old, new)
    assert fingerprint(configuration.load()) == before


def test_the_content_of_secrets_does_not_count(configuration):
    assert fingerprint(configuration.load(SIGNING="a" * 32)) == fingerprint(configuration.load(SIGNING="b" * 32))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('company = "Exemple SA"', 'company = "Example Ltd"'),
        ('"open_ticket"', '"send_alert"'),
        ('plugin = "desk"', 'plugin = "helpdesk"'),
        ('{ env = "SIGNING" }\n\n[surveys', '{ env = "OTHER" }\n\n[surveys'),
        ("[core]", '[limits]\ncooldown = "91d"\n[core]'),
    ],
)
def test_every_other_change_counts(configuration, old, new):
    before = fingerprint(configuration.load())
    configuration.replace(old, new)
    assert fingerprint(configuration.load(OTHER="o" * 32)) != before


def test_where_a_variable_is_set_does_not_count(configuration):
    before = fingerprint(configuration.load())
    (configuration.folder / "nps-connect.env").write_text(f"\nSIGNING={'k' * 32}\n")
    del configuration.environ["SIGNING"]
    assert fingerprint(configuration.load()) == before
