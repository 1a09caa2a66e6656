"""FastMCP as a proxy of another MCP server: fastmcp_proxy.py PORT URL.

It makes an HTTP client per call. `verify=False` spares each of them reading the machine's
certificates, which nothing here needs and which would cost tens of milliseconds per call.
"""

import sys

from fastmcp.client.transports import (  # type: ignore[import-not-found]
    StreamableHttpTransport,
)
from fastmcp.server import create_proxy  # type: ignore[import-not-found]

if __name__ == "__main__":
    create_proxy(StreamableHttpTransport(sys.argv[2], verify=False)).run(
        transport="http",
        host="127.0.0.1",
        port=int(sys.argv[1]),
        show_banner=False,
        uvicorn_config={"log_level": "warning", "access_log": False},
    )
