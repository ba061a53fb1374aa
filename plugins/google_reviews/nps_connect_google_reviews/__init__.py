"""Google reviews plugin: the link to the review page of a place, and Google's rule for review invitations."""

from __future__ import annotations

from nps_connect_google_reviews.check import nps_check
from nps_connect_google_reviews.connector import nps_connector
from nps_connect_google_reviews.reviews import nps_review_destination

__version__ = "0.1.0.dev0"
__all__ = ["nps_check", "nps_connector", "nps_review_destination"]
