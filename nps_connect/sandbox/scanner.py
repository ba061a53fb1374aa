"""A mail scanner: opens every link of a mail before its reader does, and presses nothing."""

from __future__ import annotations

from nps_connect.sandbox.customers import Browser
from nps_connect.sandbox.mail import ReceivedMail

AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) LinkScanner/1.0"


def scan(mail: ReceivedMail, public_url: str, browser: Browser) -> int:
    """Open every link of a mail that leads to the product, with HEAD and GET, and all that its pages load.

    Links to other hosts are left alone: nothing leaves the machine.

    Returns:
        How many survey, unsubscribe and review links were opened.

    Raises:
        httpx.HTTPError: nobody answered.
    """
    opened = 0
    for link in mail.links_to(f"{public_url}/"):
        browser.look(link)
        page = browser.open(link)
        opened += 1
        for further in (*page.parts, *page.links):
            if further.startswith(f"{public_url}/") and further != link:
                browser.open(further)
    return opened
