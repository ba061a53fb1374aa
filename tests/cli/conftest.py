import logging
import socket
import threading
from contextlib import contextmanager, suppress
from copy import deepcopy
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from support.application import ApplicationHarness
from support.clock import ManualClock
from support.command_process import start_command
from support.sqlite_files import close_database

from nps_connect.cli import main
from nps_connect.errors import OutcomeUnknown, Rejected
from nps_connect.ledger.ledger import Ledger
from nps_connect.plugins import Plugins
from nps_connect.sandbox.factory import build_sandbox, connection_names
from nps_connect.sandbox.mailbox import SandboxMailbox
from nps_connect.simulation import SimulatedPerson


@contextmanager
def unchanged_logging():
    """Undo at the end of the block what a long-running command does to the logging of its process."""
    root, own = logging.getLogger(), logging.getLogger("nps_connect")
    handlers, levels = root.handlers[:], (root.level, own.level)
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(levels[0])
        own.setLevel(levels[1])


@pytest.fixture
def cli(tmp_path, monkeypatch):
    """Run commands in an empty folder with the built-in plugins only: `cli("config", "check")`."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments, plugins="alerts,email", answer=None, **environ):
        environ = {"NPS_CONNECT_LOAD_PLUGINS": plugins, "NPS_CONNECT_CONFIG": None, "NO_COLOR": "1", **environ}
        with unchanged_logging():
            result = CliRunner(env=environ).invoke(main, list(arguments), input=answer)
        return SimpleNamespace(code=result.exit_code, out=result.stdout, err=result.stderr)

    run.folder = tmp_path
    return run


@pytest.fixture
def sandbox_cli(cli):
    """Run commands with every installed plugin, against the simulated vendors, in which Zoé and Paul are contacts."""
    sandbox, _ = build_sandbox(connection_names(Plugins.load()))
    sandbox.start()
    sandbox.populate(
        [SimulatedPerson(f"{name}@example.com", name.capitalize(), "fr", opted_out=False) for name in ("zoe", "paul")]
    )

    def run(*arguments, **options):
        return cli(*arguments, plugins=None, **sandbox.environment(), **options)

    run.folder = cli.folder
    yield run
    sandbox.stop()


@pytest.fixture
def configured_cli(cli):
    """Run commands in a folder with an initial configuration."""
    assert cli("init").code == 0
    return cli


@pytest.fixture
def start(configured_cli):
    """Start a command in the configured folder, with a new database; kills it at the end if it still runs."""
    processes = []
    configured_cli("db", "create")

    def run(*arguments, **environ):
        processes.append(start_command(configured_cli.folder, *arguments, **environ))
        return processes[-1]

    yield run
    for process in processes:
        process.kill()
        process.communicate()


VENDOR_NAMES = ("crm", "desk", "post", "bell", "stars")


@pytest.fixture(scope="session")
def seeded_state(tmp_path_factory, sqlite_template):
    """The state that `seeded_cli` starts from, created once: database file, current time, state of each fake vendor."""
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
    vendor_state = {name: vars(getattr(application, name)) for name in VENDOR_NAMES}
    return SimpleNamespace(file=path.read_bytes(), now=application.clock(), vendor_state=vendor_state)


@pytest.fixture
def seeded_cli(configured_cli, seeded_state, clock):
    """Run commands on a database with existing data.

    Marie scored 10 and Paul 8. Jean scored 2 and his ticket is dead. Anne opened a score link and never confirmed it.
    Luc's survey mail is in doubt.
    """
    path = configured_cli.folder / "nps-connect.db"
    path.write_bytes(seeded_state.file)
    clock.now = seeded_state.now
    ledger = Ledger(f"sqlite:///{path}")
    configured_cli.application = ApplicationHarness(ledger, clock)
    for name, attributes in seeded_state.vendor_state.items():
        vars(getattr(configured_cli.application, name)).update(deepcopy(attributes))
    yield configured_cli
    ledger.close()


@pytest.fixture
def mailbox():
    """A running SMTP server that keeps the mails it accepts."""
    box = SandboxMailbox()
    box.start()
    yield box
    box.stop()


@pytest.fixture
def busy_mail_server():
    """The address of a mail server that turns every connection away for now."""
    listener = socket.create_server(("127.0.0.1", 0))

    def refuse():
        with suppress(OSError):
            while True:
                with listener.accept()[0] as peer:
                    peer.sendall(b"421 4.3.2 too many connections, try again later\r\n")

    thread = threading.Thread(target=refuse, daemon=True)
    thread.start()
    yield f"127.0.0.1:{listener.getsockname()[1]}"
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(10)
