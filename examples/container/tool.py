"""A tool container in plain Python: /manifest says what there is, /invoke does it.

    python examples/container/tool.py 8000
    mcpmesh adopt container:http://127.0.0.1:8000

Any language will do that serves JSON over HTTP; nothing of mcpmesh is needed here.
"""

import json
import re
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MANIFEST = {
    "tools": [
        {
            "name": "slug",
            "description": "Makes of a title what can stand in a URL.",
            "inputSchema": {
                "type": "object",
                "properties": {"title": {"type": "string"}},
                "required": ["title"],
            },
            "outputSchema": {"type": "object", "properties": {"slug": {"type": "string"}}},
            "annotations": {"readOnlyHint": True, "idempotentHint": True},
        },
        {
            "name": "countdown",
            "description": "Counts down to zero, as it goes.",
            "inputSchema": {
                "type": "object",
                "properties": {"start": {"type": "integer", "minimum": 1, "maximum": 10}},
                "required": ["start"],
            },
        },
    ]
}


class Container(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/manifest":
            self.answer(200, MANIFEST)
        else:
            self.answer(404, {"error": {"message": "the manifest is at /manifest"}})

    def do_POST(self) -> None:
        arguments = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        tool = self.headers["mcp-name"]
        if self.path != "/invoke" or tool not in ("slug", "countdown"):
            self.answer(404, {"error": {"message": f"there is no tool {tool}"}})
        elif tool == "countdown":
            self.count_down(arguments["start"])
        else:
            words = re.findall(r"[a-z0-9]+", arguments["title"].lower())
            if words:
                self.answer(200, {"slug": "-".join(words)})
            else:
                self.answer(422, {"error": {"message": "the title has no letter; give one"}})

    def count_down(self, start: int) -> None:
        """Answer with events; the last one is the result."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for number in range(start, 0, -1):
            self.tell("progress", {"progress": start - number + 1, "total": start})
            self.tell("content", {"type": "text", "text": str(number)})
            time.sleep(0.01)
        self.tell("result", {"content": [{"type": "text", "text": "lift-off"}]})
        self.close_connection = True

    def tell(self, event: str, data: object) -> None:
        self.wfile.write(f"event: {event}\ndata: {json.dumps(data)}\n\n".encode())
        self.wfile.flush()

    def answer(self, status: int, said: object) -> None:
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing of each request."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Container)
    server.daemon_threads = True
    print(f"listening at http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()
