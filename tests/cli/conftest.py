from copy import deepcopy
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from support.application import ApplicationHarness
from support.clock import ManualClock
from support.sqlite_files import close_database

from nps_connect.cli import main
from nps_connect.errors import OutcomeUnknown, Rejected
from nps_connect.ledger.ledger import Ledger


@pytest.fixture
def cli(tmp_path, monkeypatch):
    """The command line in an empty folder, with the built-in plugins only: `cli("config", "check")`."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments, plugins="alerts,email", answer=None, **environ):
        environ = {"NPS_CONNECT_LOAD_PLUGINS": plugins, "NPS_CONNECT_CONFIG": None, "NO_COLOR": "1", **environ}
        result = CliRunner(env=environ).invoke(main, list(arguments), input=answer)
        return SimpleNamespace(code=result.exit_code, out=result.stdout, err=result.stderr)

    run.folder = tmp_path
    return run


@pytest.fixture
def configured(cli):
    """The command line in a folder with a configuration."""
    assert cli("init").code == 0
    return cli


VENDOR_NAMES = ("crm", "desk", "post", "bell", "stars")


@pytest.fixture(scope="session")
def history(tmp_path_factory, sqlite_template):
    """What `seeded_cli` begins with, lived through once: a database file, the time, and what each vendor remembers."""
    path = tmp_path_factory.mktemp("seeded_cli") / "ledger.db"
    path.write_bytes(sqlite_template.read_bytes())
    ledger = Ledger(f"sqlite:///{path}")
    application = ApplicationHarness(ledger, ManualClock())
    application.desk.raising = [
        Rejected("the form is closed", status=422, request_id="req-1", exchange={"path": "/tickets"})
    ]
    for person, name, score, comment in (
        ("1", "marie", 10, "Parfait"),
        ("2", "paul", 8, None),
        ("3", "jean", 2, "Non"),
    ):
        application.answer(application.surveyed(person, f"{name}@example.com"), score, comment)
        application.run()
    application.show(application.surveyed("4", "anne@example.com"), application.visit(score=0))
    application.post.raising = [OutcomeUnknown("the line broke after the last dot")]
    application.crm.knows("5", "luc@example.com")
    application.webhook(application.won("5"))
    application.run()
    application.clock.forward("3d")
    application.run(only="send_survey")
    close_database(ledger)
    remembered = {name: vars(getattr(application, name)) for name in VENDOR_NAMES}
    return SimpleNamespace(file=path.read_bytes(), now=application.clock(), remembered=remembered)


@pytest.fixture
def seeded_cli(configured, history, clock):
    """The command line in front of a database with a history.

    Marie answered 10 and Paul 8. Jean answered 2 and his ticket is dead. Anne opened a score and never confirmed it. Luc's
    survey mail may or may not have been sent.
    """
    path = configured.folder / "nps-connect.db"
    path.write_bytes(history.file)
    clock.now = history.now
    ledger = Ledger(f"sqlite:///{path}")
    configured.application = ApplicationHarness(ledger, clock)
    for name, remembered in history.remembered.items():
        vars(getattr(configured.application, name)).update(deepcopy(remembered))
    yield configured
    ledger.close()
