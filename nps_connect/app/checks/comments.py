"""Check ``[comments]``: the file of themes, and the connection that classifies."""

from __future__ import annotations

from nps_connect.app.checks.context import CheckContext
from nps_connect.errors import ConfigError
from nps_connect.settings.themes import load_theme_file


def check_comments(context: CheckContext) -> None:
    """Check that the file of themes can be used, and that the classifier is a connection that can classify."""
    comments = context.settings.comments
    if comments.themes is not None:
        try:
            load_theme_file(comments.themes)
        except ConfigError as error:
            context.add_mistake(("comments", "themes"), error.problem, fix=error.fix)
    name = comments.classifier
    if name is None:
        return
    table = context.settings.connections.get(name)
    if table is None:
        names = ", ".join(sorted(context.settings.connections)) or "none"
        fix = f"name one of the connections: {names}"
        context.add_mistake(("comments", "classifier"), f"there is no connection {name!r}", fix=fix)
    elif not context.plugins.has(str(table.get("plugin")), "nps_classify_comments"):
        problem = f"the plugin {table.get('plugin')!r} of the connection {name!r} does not classify comments"
        fix = "remove comments.classifier to use the words of the file of themes"
        context.add_mistake(("comments", "classifier"), problem, fix=fix)
