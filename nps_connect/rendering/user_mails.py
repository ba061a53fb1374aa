"""Mails to users of the console: the link by which they choose a password."""

from __future__ import annotations

from typing import Literal

from nps_connect.rendering.catalogs import elide_company, render_template, translator
from nps_connect.rendering.mails import RenderedText
from nps_connect.sanitization import one_line


def render_user_link(
    *, language: str, company: str, name: str, address: str, purpose: Literal["invitation", "reset"]
) -> RenderedText:
    """Render the mail with a one-time link.

    Args:
        language: the user's.
        company: the name that customers know.
        name: of the user.
        address: of the link.
        purpose: `invitation` of a new user (24 hours), or `reset` of a forgotten password (one hour).
    """
    tongue, _ = translator(language)
    title = _("Your access to the customer feedback of %(company)s")
    if purpose == "reset":
        title = _("Choose a new password for the customer feedback of %(company)s")
    values = {"company": company, "name": one_line(name, 100), "address": address, "purpose": purpose}
    text = render_template("user-link.txt.j2", tongue, **values).strip() + "\n"
    subject = one_line(title % {"company": one_line(company)}, 250)
    return RenderedText(
        subject=elide_company(subject, company, tongue), text=elide_company(text, company, tongue), language=tongue
    )
