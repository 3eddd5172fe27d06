"""The server's own objects as types: the settings database of Stalwart 0.16, one class for each object the plan writes.

A class holds the fields this project decides and no others; what a field may be is in the server's registry schema
(`GET /api/schema`), which a test compares with these classes. Fields that are not here keep the server's default.
"""
