"""Pure rules of CSV imports: encoding, table, columns, cells."""
