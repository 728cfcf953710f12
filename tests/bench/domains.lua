-- wrk: asks for DOMAINS hosts in an order that does not repeat soon.
local domains, requests, at = tonumber(os.getenv("DOMAINS")), {}, 0
init = function()
  for i = 0, domains - 1 do
    wrk.headers["Host"] = "app-" .. i .. ".example.com"
    requests[i] = wrk.format("GET", "/")
  end
end
request = function()
  at = (at + 7919) % domains
  return requests[at]
end
