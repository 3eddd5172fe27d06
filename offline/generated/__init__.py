"""What is generated from the types and kept in the repository: a schema, tables, a reference, drawings, catalogue files."""
