"""Who publishes the records: one module each, all with the same signature."""
