"""Responses: page views and submissions of survey pages become responses."""
