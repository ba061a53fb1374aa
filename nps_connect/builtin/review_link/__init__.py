"""Review pages of any platform with a public link. The operator declares the platform's policy."""

from __future__ import annotations

from nps_connect.builtin.review_link.check import nps_check
from nps_connect.builtin.review_link.connector import nps_connector
from nps_connect.builtin.review_link.reviews import nps_review_destination

__all__ = ["nps_check", "nps_connector", "nps_review_destination"]
