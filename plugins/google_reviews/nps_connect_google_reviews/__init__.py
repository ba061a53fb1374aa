"""Google reviews for nps_connect."""
