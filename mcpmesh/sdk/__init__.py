"""Tools and clients in Python: `@tool`, the tool server, the client."""
