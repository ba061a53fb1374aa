"""The console: pages for the company's staff, below ``/console``."""
