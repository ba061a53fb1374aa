"""``nps-connect completion``."""

from __future__ import annotations

import click

from nps_connect.cli._support.names import NameChoice
from nps_connect.cli._support.options import Options, command

SHELLS = ("bash", "zsh", "fish")
PROGRAM = "nps-connect"
VARIABLE = "_NPS_CONNECT_COMPLETE"
"""What the script sets to ask for completions; click derives it from the program's name."""


@command
@click.argument("shell", type=NameChoice(SHELLS))
def completion(_options: Options, shell: str, as_json: bool) -> None:
    r"""Print the script that completes commands, names and ids in a shell.

    \b
    bash:  eval "$(nps-connect completion bash)"               in ~/.bashrc
    zsh:   eval "$(nps-connect completion zsh)"                in ~/.zshrc
    fish:  nps-connect completion fish > ~/.config/fish/completions/nps-connect.fish
    """
    from click.shell_completion import get_completion_class

    from nps_connect.cli._support.output import print_json

    completion_class = get_completion_class(shell)
    assert completion_class is not None  # noqa: S101  # click has all of SHELLS
    writer = completion_class(click.get_current_context().find_root().command, {}, PROGRAM, VARIABLE)
    script = writer.source_template % writer.source_vars()  # `source` would run the shell to check its version
    if shell == "bash":
        script = f"COMP_WORDBREAKS=${{COMP_WORDBREAKS//:}}\n{script}"  # ids and names have colons
    if as_json:
        print_json({"shell": shell, "script": script})
    else:
        click.echo(script)
