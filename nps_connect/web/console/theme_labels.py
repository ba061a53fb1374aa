"""The names of themes in the language of the reader."""

from __future__ import annotations

from nps_connect.rules.theme_model import theme_names
from nps_connect.services.comments.classify import load_themes
from nps_connect.web.console.console_page import ConsolePage


def theme_labels(page: ConsolePage) -> dict[str, str]:
    """Return the names of all themes of the configuration, by id."""
    return dict(theme_names(load_themes(page.ctx.settings.comments.themes).file, page.language))
