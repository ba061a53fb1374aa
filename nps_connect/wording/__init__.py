"""What people read: gettext catalogues, mails, ticket and alert texts. Pure: records in, text out."""
