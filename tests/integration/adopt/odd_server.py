"""A legacy MCP server over stdio, without any package: it behaves as its mode says."""

import json
import os
import subprocess
import sys
import time

MODE = sys.argv[1]
SCHEMA = {"type": "object"}
#: Calls that wait for an answer, by the id of the question.
ASKED = {}
#: Calls of the tool "link" until now.
LINKS = []
#: What lists are answered with in the mode "puppet", by method.
LISTS = {}


def send(message):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def answer(request, result):
    send({"id": request["id"], "result": result})


def refuse(request, code, message, **data):
    send({"id": request["id"], "error": {"code": code, "message": message, **data}})


def tools(cursor):
    if MODE == "wrong":
        return {
            "tools": [
                {"name": "good", "inputSchema": SCHEMA},
                {"name": "good", "inputSchema": SCHEMA},
                {"name": "no schema"},
                {"name": "has space", "inputSchema": SCHEMA},
                {"name": 7, "inputSchema": SCHEMA},
                "nonsense",
            ]
        }
    if MODE == "pages":
        page = int(cursor or 0)
        names = [f"tool_{page * 100 + number}" for number in range(100)]
        more = {"nextCursor": str(page + 1)} if page < 11 else {}
        return {"tools": [{"name": name, "inputSchema": SCHEMA} for name in names], **more}
    if MODE == "round":
        return {"tools": [{"name": "one", "inputSchema": SCHEMA}], "nextCursor": "again"}
    if MODE == "puppet":
        names = ("echo", "say", "offer")
        return LISTS.get("tools/list") or {
            "tools": [{"name": name, "inputSchema": SCHEMA} for name in names]
        }
    names = ("echo", "ask", "die", "error", "link", "log", "flood")
    return {"tools": [{"name": name, "inputSchema": SCHEMA} for name in names]}


def call(request):
    name = request["params"]["name"]
    text = {"type": "text", "text": json.dumps(request["params"].get("arguments"))}
    if MODE == "puppet" and name == "say":
        # Whatever the test says, before an answer and as the answer.
        for line in request["params"]["arguments"].get("lines", ()):
            sys.stdout.write(line.replace("$ID", json.dumps(request["id"])) + "\n")
        sys.stdout.flush()
        if "result" not in request["params"]["arguments"]:
            return None
        return answer(request, request["params"]["arguments"]["result"])
    if MODE == "puppet" and name == "offer":
        LISTS.clear()
        LISTS.update(request["params"]["arguments"])
        offered = LISTS.get("tools/list")
        if isinstance(offered, dict) and isinstance(offered.get("tools"), list):
            # So that there is a next time.
            offered["tools"].insert(0, {"name": "offer", "inputSchema": SCHEMA})
        answer(request, {"content": [text]})
        return send({"method": "notifications/tools/list_changed"})
    if name == "die":
        os._exit(5)
    if name == "error":
        return refuse(request, request["params"]["arguments"]["code"], "the reason")
    if name == "link" and len(LINKS) < request["params"]["arguments"]["refusals"]:
        # Each time under another id, as servers do.
        LINKS.append(f"link-{len(LINKS)}")
        page = {"mode": "url", "url": "https://odd.example/login", "message": "Please sign in."}
        wanted = [{**page, "elicitationId": LINKS[-1]}]
        refuse(request, -32042, "sign in first", data={"elicitations": wanted})
        if len(LINKS) == 2:
            done = {"elicitationId": LINKS[-1]}
            send({"method": "notifications/elicitation/complete", "params": done})
        return None
    if name == "ask":
        schema = {"type": "object", "properties": {"colour": {"type": "string"}}}
        params = {"message": "Which colour?", "requestedSchema": schema}
        question = f"question-{len(ASKED)}"
        ASKED[question] = request
        return send({"id": question, "method": "elicitation/create", "params": params})
    if name == "log":
        send({"method": "notifications/message", "params": {"level": "info", "data": {"n": 1}}})
    if name == "flood":
        token = request["params"]["_meta"].get("progressToken")
        for number in range(5000):
            params = {"progressToken": token, "progress": number}
            send({"method": "notifications/progress", "params": params})
    return answer(request, {"content": [text]})


def main():
    if MODE == "exit":
        print(f"cannot start with {os.environ.get('TOKEN')}", file=sys.stderr)
        sys.exit(7)
    if MODE == "silent":
        time.sleep(600)
    if MODE == "long":
        sys.stdout.write("x" * (17 * 1024 * 1024))
        sys.stdout.flush()
        time.sleep(600)
    if MODE == "children":
        # One in a session of its own, which outlives a parent that does not look after it.
        orphan = ["-c", "import time; time.sleep(600)", os.environ["MARK"]]
        subprocess.Popen([sys.executable, *orphan], start_new_session=True)
        subprocess.Popen([sys.executable, *orphan])
    for line in sys.stdin:
        if MODE == "garbage":
            print("loading the token", os.environ.get("TOKEN"), flush=True)
        request = json.loads(line)
        method = request.get("method")
        if request.get("id") in ASKED and method is None:
            said = json.dumps(request.get("result") or request.get("error"))
            answer(ASKED[request["id"]], {"content": [{"type": "text", "text": said}]})
        elif method == "initialize":
            version = request["params"]["protocolVersion"]
            info = {"name": "odd", "version": "1"}
            capabilities = {"tools": {"listChanged": True}, "logging": {}}
            if MODE == "puppet":
                capabilities |= {"prompts": {}, "resources": {}}
            result = {"protocolVersion": version, "capabilities": capabilities, "serverInfo": info}
            answer(request, result)
        elif method == "tools/list":
            answer(request, tools(request.get("params", {}).get("cursor")))
        elif method in LISTS:
            answer(request, LISTS[method])
        elif method == "tools/call":
            call(request)
        elif "id" in request and method is not None:
            refuse(request, -32601, "unknown method")
    if MODE == "children":
        time.sleep(600)  # it does not care that nobody speaks to it


main()
