#!/bin/sh
# Calls a tool through the JSON-RPC bridge, in both eras of MCP.
# Run it beside a mesh with the examples: sh examples/clients/curl.sh [URL]
set -eu
url="${1:-http://127.0.0.1:7080/mcp}"

say() {
    printf '\n# %s\n' "$1"
}

post() {
    curl --silent --show-error --fail-with-body "$url" \
        --header 'Content-Type: application/json' \
        --header 'Accept: application/json, text/event-stream' "$@"
}

say 'MCP 2026-07-28: every request stands alone.'
post --header 'MCP-Protocol-Version: 2026-07-28' \
    --header 'Mcp-Method: tools/call' \
    --header 'Mcp-Name: weather_month' \
    --header 'x-correlation-id: from-curl-1' \
    --data '{
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {
            "name": "weather_month",
            "arguments": {"year": 2012, "month": 7},
            "_meta": {
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities": {}
            }
        }
    }'

say 'Before that: initialize gives a session, which every request names.'
session=$(post --output /dev/null --dump-header - --data '{
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25", "capabilities": {},
            "clientInfo": {"name": "curl", "version": "1"}
        }
    }' | tr -d '\r' | sed -n 's/^[Mm]cp-[Ss]ession-[Ii]d: //p')

legacy() {
    post --header 'MCP-Protocol-Version: 2025-11-25' --header "Mcp-Session-Id: $session" "$@"
}

legacy --data '{"jsonrpc": "2.0", "method": "notifications/initialized"}'
legacy --data '{
        "jsonrpc": "2.0", "id": 2, "method": "tools/call",
        "params": {"name": "quote", "arguments": {"symbol": "AAPL", "day": "2005-06-15"}}
    }'

say 'A failure of the tool is a result with isError.'
legacy --data '{
        "jsonrpc": "2.0", "id": 3, "method": "tools/call",
        "params": {"name": "flaky", "arguments": {"how": "refuse"}}
    }'
echo
