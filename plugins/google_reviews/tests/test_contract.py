"""Google reviews passes the contract."""

from typing import ClassVar

import nps_connect_google_reviews
from nps_connect.testing import ConnectorContract
from nps_connect_google_reviews.simulated import Simulated


class TestGoogleReviews(ConnectorContract):
    plugin = nps_connect_google_reviews
    settings: ClassVar = {"place_id": "ChIJexample_place-0001"}
    vendor = Simulated
