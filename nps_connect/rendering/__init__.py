"""Every text that people read: mails to customers, tickets and alerts for staff, and the catalogues behind them.

Pure: records in, text out. English is the source language; a further language is one folder under ``locale``.
"""
