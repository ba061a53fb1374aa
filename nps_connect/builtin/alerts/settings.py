"""The ``[connections.<name>]`` table of the alerts channel."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from nps_connect import ConnectionSettings

_APPRISE_URL = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)


def _validate_url(value: SecretStr) -> SecretStr:
    if not _APPRISE_URL.fullmatch(value.get_secret_value().strip()):
        raise ValueError("not an Apprise address such as mailto://... or jsons://...; it must not contain spaces")
    return value


class AlertsSettings(ConnectionSettings):
    """Settings of the alerts channel.

    Attributes:
        urls: Apprise addresses, at least one. Every address gets every alert; if one fails, all get it again.
        timeout: seconds for connecting, and for each read.
    """

    urls: tuple[Annotated[SecretStr, AfterValidator(_validate_url)], ...] = Field(min_length=1)
    timeout: float = Field(default=10.0, gt=0, le=60)
