#!lua flags=allow-oom
-- ARGV: prefix, closed routes.
-- Returns the seconds until an item is due or a lease ends, or false if there is no item.
local soonest
for _, route in ipairs(open_routes(2)) do
    local _, due = keys(route)
    local fresh = call('ZRANGEBYSCORE', due, '-inf', '(0', 'WITHSCORES', 'LIMIT', 0, 1)[2]
    local again = call('ZRANGEBYSCORE', due, 0, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
    if fresh then soonest = math.min(fresh - FRESH, soonest or math.huge) end
    if again then soonest = math.min(again, soonest or math.huge) end
end
return soonest and string.format('%.6f', soonest - now)
