"""The command line: command path = file path; heavy imports inside the commands.

``nps-connect config check`` is `nps_connect.cli.config.check`. This module only knows the name and help line of each
command, so that ``--help`` imports none of them.
"""

from __future__ import annotations

from pathlib import Path

import click

import nps_connect
from nps_connect.cli._support.errors import RootGroup
from nps_connect.cli._support.options import Options

COMMANDS = {
    "init": "Create an initial configuration from the plugins' examples.",
    "config": "Validate, show and compare configurations.",
    "connections": "Check connections and set up their vendor accounts.",
    "plugins": "List installed plugins.",
    "db": "Create, upgrade or copy the database.",
    "run": "Run the web server and the worker in one process.",
    "serve": "Run the web server only.",
    "worker": "Run a worker only.",
    "workers": "List running processes on all hosts.",
    "status": "Show system status and items that need attention.",
    "tail": "Follow events, decisions, deliveries and responses as they happen.",
    "pause": "Pause all customer mail, a connection, a survey or a queue.",
    "resume": "Resume paused deliveries.",
    "events": "List, replay and create inbound events.",
    "triggers": "List and simulate triggers; release or reject held ones.",
    "routes": "List the routes of responses to actions.",
    "explain": "Explain why a contact was or was not surveyed.",
    "surveys": "List, preview and test survey mails; invite people from a CSV file.",
    "contacts": "List contacts; show whether one may be contacted.",
    "suppressions": "List, add and remove suppressions.",
    "bounces": "Process bounces and complaints.",
    "doctor": "Check everything; show what needs attention and how to fix it.",
    "deliveries": "List, retry and expedite outbound deliveries.",
    "responses": "List, import and export survey responses.",
    "imports": "Move in from another tool: plan, apply and verify an import.",
    "reviews": "Report on review invitations.",
    "comments": "Search comments, find and try themes, tag responses.",
    "cases": "List detractor cases and their recovery status.",
    "staff-figures": "Show or hide figures about members of staff.",
    "users": "Add, list, reset and remove users of the console.",
    "problems": "Open problems, enter fixes, and see whether they worked.",
    "api-keys": "Add, list and remove keys of the HTTP API.",
    "approvals": "Decide on the plans of AI assistants.",
    "mcp": "Serve an AI assistant over standard input and output.",
    "audit": "List what operators did, and why.",
    "digest": "Preview and send the digest to staff.",
    "report": "Print the Net Promoter Score with its margin of error.",
    "demo": "Run an end-to-end demo locally; no setup needed.",
    "completion": "Print the completion script of a shell.",
    "sandbox": "Serve simulated vendors and a mailbox locally.",
}


@click.group(
    "nps-connect",
    cls=RootGroup,
    package=__name__,
    commands=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    envvar="NPS_CONNECT_CONFIG",
    show_envvar=True,
    metavar="FILE",
    help="Configuration file; default: nps-connect.toml in the current folder.",
)
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.version_option(nps_connect.__version__, prog_name="nps-connect")
@click.pass_context
def main(context: click.Context, config: Path | None, debug: bool) -> None:
    """Connect Net Promoter Score surveys with CRM, helpdesk and review platforms."""
    context.obj = Options(config=config, debug=debug)


__all__ = ["main"]
