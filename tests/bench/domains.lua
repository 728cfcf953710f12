-- wrk: asks for DOMAINS hosts in turn, at most 500 of them, spread evenly.  A proxy keeps idle connections to each
-- server it has asked, here all to one process, which has room for some thousands.
local domains, requests, at = tonumber(os.getenv("DOMAINS")), {}, 0
local asked = math.min(domains, 500)
init = function()
  for i = 0, asked - 1 do
    wrk.headers["Host"] = "app-" .. i * math.floor(domains / asked) .. ".example.com"
    requests[i] = wrk.format("GET", "/")
  end
end
request = function()
  at = (at + 7919) % asked
  return requests[at]
end
