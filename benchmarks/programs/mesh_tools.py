"""The tool of the bridge benchmark, on mcpmesh."""

from mcpmesh import ToolServer

app = ToolServer("echo")


@app.tool()
async def echo(text: str, n: int) -> str:
    """Say it again."""
    return f"{text} {n}"
