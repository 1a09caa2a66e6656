-- Posts post.body with the fields of post.headers; the last line of output is JSON.
-- Where the body says @ID@ each request has a number of its own, as MCP asks of a session.

local function content(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

wrk.method = "POST"
local before, after = content("post.body"):match("^(.*)@ID@(.*)$")
for line in content("post.headers"):gmatch("[^\n]+") do
  local name, value = line:match("^([^:]+): (.*)$")
  wrk.headers[name] = value
end

local count = 0

function request()
  count = count + 1
  return wrk.format(nil, nil, nil, before .. count .. after)
end

function done(summary, latency, requests)
  local e = summary.errors
  print(string.format(
    '{"requests": %d, "us": %d, "errors": %d, "p50": %d, "p99": %d}',
    summary.requests, summary.duration, e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50), latency:percentile(99)))
end
