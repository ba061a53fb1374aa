"""The command line: command path = file path; heavy imports inside the command.

``nps-connect config check`` is `nps_connect.cli.config.check`. This file knows every command by name and one line of
help only, so that ``--help`` loads none of them.
"""

from __future__ import annotations

from pathlib import Path

import click

import nps_connect
from nps_connect.cli._support.errors import RootGroup
from nps_connect.cli._support.options import Options

HOME = "nps_connect.cli"

COMMANDS = {
    "init": (f"{HOME}.init:init", "Write a first configuration, from the installed plugins' examples."),
    "config": (f"{HOME}.config:config", "Check the configuration."),
    "connections": (f"{HOME}.connections:connections", "Check the configured accounts; set up what they need."),
    "plugins": (f"{HOME}.plugins:plugins", "See which plugins are installed."),
    "db": (f"{HOME}.db:db", "Create the database, or bring it up to date."),
    "run": (f"{HOME}.run:run", "Serve web pages and webhooks, and carry out deliveries, in one process."),
    "serve": (f"{HOME}.serve:serve", "Serve web pages and webhooks only."),
    "worker": (f"{HOME}.worker:worker", "Carry out deliveries only."),
    "workers": (f"{HOME}.workers:workers", "See the processes at work."),
    "status": (f"{HOME}.status:status", "Say how the application stands, and what waits for you."),
    "pause": (f"{HOME}.pause:pause", "Stop all mail to customers at once, or one connection."),
    "resume": (f"{HOME}.resume:resume", "Let go on what was paused."),
    "events": (f"{HOME}.events:events", "Look at what came in; replay it; make events by hand."),
    "triggers": (f"{HOME}.triggers:triggers", "Try triggers on recorded events; answer for those that are held."),
    "explain": (f"{HOME}.explain:explain", "Say why somebody was asked, or why not."),
    "surveys": (f"{HOME}.surveys:surveys", "Look at survey mails before customers do."),
    "contacts": (f"{HOME}.contacts:contacts", "Look at the people whom the ledger knows; ask those of a file."),
    "bounces": (f"{HOME}.bounces:bounces", "Take mail that came back, and complaints."),
    "doctor": (f"{HOME}.doctor:doctor", "Find out whether mail arrives as it should."),
    "deliveries": (
        f"{HOME}.deliveries:deliveries",
        "Look at every effect outside the application; try failed ones again.",
    ),
    "responses": (f"{HOME}.responses:responses", "Look at what customers answered; import and export it."),
    "reviews": (f"{HOME}.reviews:reviews", "Account for review invitations."),
    "cases": (f"{HOME}.cases:cases", "Look at the unhappy customers who are to be won back."),
    "report": (f"{HOME}.report:report", "Print the Net Promoter Score with its margin of error."),
    "demo": (f"{HOME}.demo:command", "Play the whole walk on this machine, with nothing to set up."),
    "sandbox": (f"{HOME}.sandbox:command", "Serve simulated vendors and a mailbox, to try things without any account."),
}


@click.group(
    "nps-connect",
    cls=RootGroup,
    commands_at=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    envvar="NPS_CONNECT_CONFIG",
    show_envvar=True,
    metavar="FILE",
    help="The configuration; nps-connect.toml in the current folder if not given.",
)
@click.option("--debug", is_flag=True, help="Show the traceback of a failure.")
@click.version_option(nps_connect.__version__, prog_name="nps-connect")
@click.pass_context
def main(context: click.Context, config: Path | None, debug: bool) -> None:
    """Connect Net Promoter Score surveys with CRM, helpdesk and review platforms."""
    context.obj = Options(config=config, debug=debug)


__all__ = ["main"]
