"""JSON-RPC in: the whole mesh as one MCP server, over HTTP and stdio."""
