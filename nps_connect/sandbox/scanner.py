"""A mail scanner: opens every link of a mail before its reader does, and presses nothing."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from nps_connect.sandbox.customers import Browser
from nps_connect.sandbox.mail import ReceivedMail
from nps_connect.sandbox.pages import UnexpectedPage

USER_AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) LinkScanner/1.0"
NETWORK_CALLS = (
    "fetch(",
    "XMLHttpRequest",
    "sendBeacon",
    ".submit(",
    ".requestSubmit(",
    ".click(",
    "WebSocket",
    "EventSource",
)
"""What a script needs to send something. Scripts are read, not run: one without these can run and send nothing."""


def scan(mail: ReceivedMail, public_url: str, browser: Browser) -> int:
    """Open every link of a mail that leads to the product, with HEAD and GET, and all that its pages load or link to.

    Links to other hosts are left alone: nothing leaves the machine.

    Returns:
        How many survey, unsubscribe and review links were opened.

    Raises:
        PageSurprise: a page's script could send something without a press.
        httpx.HTTPError: nobody answered.
    """
    ours = f"{public_url}/"
    links = mail.links_to(ours)
    known = {_path(link) for link in links}
    for link in links:
        browser.look(link)
        page = browser.open(link)
        for further in _unvisited(page.links, ours, known):
            browser.open(further)
        for part in _unvisited(page.parts, ours, known):
            _check_script(browser.read(part))
    return len(links)


def _unvisited(addresses: Iterable[str], ours: str, known: set[str]) -> list[str]:
    """Addresses of paths that are not known yet; they are known from now on."""
    found = {_path(address): address for address in addresses if address.startswith(ours)}
    new = [address for path, address in found.items() if path not in known]
    known.update(found)
    return new


def _path(address: str) -> str:
    return urlsplit(address).path


def _check_script(text: str) -> None:
    means = [word for word in NETWORK_CALLS if word in text]
    if means:
        raise UnexpectedPage(f"the page's script could send something by itself ({', '.join(means)})")
