"""Texts for people: mails to customers, tickets, alerts and notices to staff, and their gettext catalogues.

Pure functions from records to text. English is the source language; every other language is a folder in ``locale``.
"""
