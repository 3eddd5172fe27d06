"""Who publishes the records: one module each, imported only where it is used."""
