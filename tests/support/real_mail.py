"""`make real-mail`: runs the product against a real Postfix and Dovecot on loopback and writes a report; needs root."""

from __future__ import annotations

import inspect
import sys
import tempfile
import traceback
from contextlib import suppress
from pathlib import Path

from support.mail_application import build_mail_application
from support.mail_scenarios import MAILBOXES, SCENARIOS, WITHOUT_LOGIN, Scenario
from support.mail_servers import CARE, MailServers, mail_servers, missing_programs, versions
from support.sqlite_files import create_empty_database

from nps_connect.ledger.ledger import Ledger

REPORT = Path(__file__).parent.parent.parent / "docs" / "real-mail.md"


def run_scenario(servers: MailServers, scenario: Scenario, database: Path) -> str:
    """Run a scenario with an application of its own, whose bounce mailbox is empty; return what the servers said."""
    ledger = Ledger(f"sqlite:///{create_empty_database(database)}")
    try:
        servers.empty(CARE)
        return scenario(build_mail_application(servers, ledger, has_login=scenario not in WITHOUT_LOGIN))
    finally:
        ledger.close()


def main(arguments: list[str]) -> None:
    """Run the scenarios, or those that are named, and write the report."""
    if missing := missing_programs():
        sys.exit(f"missing: {', '.join(missing)}; apt-get install postfix dovecot-imapd dovecot-lmtpd openssl")
    rows, failed = [], 0
    with tempfile.TemporaryDirectory() as folder, mail_servers(MAILBOXES) as servers:
        for scenario in SCENARIOS:
            if arguments and scenario.__name__ not in arguments:
                continue
            try:
                result = run_scenario(servers, scenario, Path(folder) / f"{scenario.__name__}.db")
            except AssertionError:
                failed += 1
                traceback.print_exc()
                result = "**failed**"
            title = inspect.getdoc(scenario) or ""
            rows.append(f"| {title.removesuffix('.')} | {result} |")
            sys.stdout.write(f"{rows[-1]}\n")
            sys.stdout.flush()
    if not arguments and not failed:
        introduction = REPORT.read_text(encoding="utf-8").partition("\n| |")[0].rpartition("\n\nVersions:")[0]
        table = "\n".join(["| | |", "| --- | --- |", *rows])
        REPORT.write_text(f"{introduction}\n\nVersions: {versions()}.\n\n{table}\n", encoding="utf-8")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main(sys.argv[1:])
