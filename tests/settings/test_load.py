"""`load_settings`: values, relative paths and files."""

import pytest

from nps_connect.errors import ConfigErrors
from nps_connect.redaction import iter_secrets
from nps_connect.settings.load_settings import config_path, load_settings


def test_the_file_is_loaded_as_settings(configuration):
    settings = configuration.load()
    assert settings.core.company == "Exemple SA"
    assert settings.core.languages == ("fr", "en")
    assert settings.core.mode == "shadow"
    assert settings.triggers[0].source == "helpdesk-eu"
    assert settings.routes[0].on == ("promoter", "passive", "detractor")
    assert settings.connections["helpdesk-eu"]["token"] == "k" * 32


def test_a_relative_sqlite_path_is_relative_to_the_configuration(configuration):
    url = configuration.load().core.database_url.get_secret_value()
    assert url == f"sqlite:///{configuration.folder.as_posix()}/nps-connect.db"


def test_an_absolute_sqlite_path_is_unchanged(configuration):
    settings = configuration.load(NPS_CONNECT_CORE__DATABASE_URL="sqlite:////var/lib/nps.db?mode=rw")
    assert settings.core.database_url.get_secret_value() == "sqlite:////var/lib/nps.db?mode=rw"


def test_the_state_directory_is_beside_the_sqlite_file_whatever_link_names_it(configuration):
    folder = configuration.folder
    assert configuration.load().core.state_dir == folder / "nps-connect.db.state"
    (folder / "nps-connect.db").symlink_to(folder / "data.db")
    assert configuration.load().core.state_dir == folder / "data.db.state"
    configuration.replace("[core]", '[core]\nstate_dir = "state"')
    assert configuration.load().core.state_dir == folder / "state"


def test_with_postgresql_there_is_no_state_directory_unless_set(configuration):
    configuration.replace("[core]", '[core]\ndatabase_url = "postgresql://nps@db.example.com/nps"')
    assert configuration.load().core.state_dir is None


def test_a_database_url_without_password_is_allowed_in_the_file(configuration):
    configuration.replace("[core]", '[core]\ndatabase_url = "postgresql://nps@db.example.com/nps"')
    assert configuration.load().core.database_url.get_secret_value() == "postgresql://nps@db.example.com/nps"


def test_the_path_is_the_argument_else_the_variable_else_the_default(tmp_path):
    assert config_path(tmp_path, {"NPS_CONNECT_CONFIG": "other.toml"}) == tmp_path
    assert config_path(None, {"NPS_CONNECT_CONFIG": "other.toml"}).name == "other.toml"
    assert config_path(None, {}).name == "nps-connect.toml"


def test_without_a_path_the_variable_names_the_file(configuration):
    settings = load_settings(None, {**configuration.environ, "NPS_CONNECT_CONFIG": str(configuration.path)})
    assert settings.core.company == "Exemple SA"


def test_the_environment_takes_precedence_over_the_environment_file(configuration):
    file = configuration.folder / "nps-connect.env"
    file.write_text("# a comment\nSIGNING='from $the file, quite long'\nNPS_CONNECT_CORE__WORKERS=7\n")
    settings = load_settings(configuration.path, {"NPS_CONNECT_CORE__WORKERS": "3"})
    assert settings.core.signing_keys[0].get_secret_value() == "from $the file, quite long"
    assert settings.core.workers == 3


def test_representations_contain_no_secret(configuration):
    configuration.environ["SIGNING"] = "very-secret-value-1"
    settings = configuration.load()
    assert "very-secret-value-1" not in repr(settings)
    assert "very-secret-value-1" not in repr(settings.connections)
    assert "very-secret-value-1" in set(iter_secrets(settings))


def test_the_error_for_a_missing_file_names_the_command_that_creates_it(configuration):
    configuration.path.unlink()
    assert configuration.mistakes() == ["nps-connect.toml: there is no such file; write one with: nps-connect init"]


def test_a_folder_is_not_a_configuration(tmp_path):
    with pytest.raises(ConfigErrors, match="cannot be read: Is a directory"):
        load_settings(tmp_path, {})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"[core]\nmode = \n", "nps-connect.toml, line 2, column 8: not valid TOML: invalid value"),
        (b'[core]\nmode = "live', "nps-connect.toml, line 2, column 13: not valid TOML: unterminated string"),
        (b"[core]\n[core]\n", "nps-connect.toml, line 2, column 6: not valid TOML: cannot declare ('core',) twice"),
        (b"[core]\n\ncompany = '\xff'", "nps-connect.toml, line 3: not UTF-8 text"),
        (b"a = " + b"[" * 5000, "nps-connect.toml: not valid TOML: a number is too long or lists are too deep"),
    ],
)
def test_invalid_toml_is_reported_with_line_and_column(configuration, text, sentence):
    configuration.path.write_bytes(text)
    assert configuration.mistakes() == [sentence]


def test_an_invalid_environment_file_is_reported_with_its_line(configuration):
    (configuration.folder / "nps-connect.env").write_text("A=1\nno assignment\n")
    [mistake] = configuration.mistakes()
    assert mistake.endswith("nps-connect.env, line 2: not NAME=value")
