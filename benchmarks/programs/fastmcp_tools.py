"""The tool of the bridge benchmark, on FastMCP: fastmcp_tools.py PORT [json].

With `json` it answers with plain JSON, by default with an event stream of one event.
"""

import sys

from fastmcp import FastMCP  # type: ignore[import-not-found]

app = FastMCP("echo")


@app.tool  # type: ignore[untyped-decorator]
async def echo(text: str, n: int) -> str:
    """Say it again."""
    return f"{text} {n}"


if __name__ == "__main__":
    app.run(
        transport="http",
        host="127.0.0.1",
        port=int(sys.argv[1]),
        show_banner=False,
        json_response="json" in sys.argv,
        uvicorn_config={"log_level": "warning", "access_log": False},
    )
