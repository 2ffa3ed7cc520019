#!lua flags=allow-oom
-- ARGV: prefix.
-- Returns items, claimed items, confirmed items, items that are set aside, bytes, and the field "added" of the first
-- item of each route.
local in_flight, added = 0, {}
for _, route in ipairs(open_routes(2)) do
    local items = keys(route)
    for _, one in ipairs(call('XPENDING', items, 'senders')[4] or {}) do
        if one[1] ~= 'waiting' then in_flight = in_flight + one[2] end
    end
    added[#added + 1] = fields(call('XRANGE', items, '-', '+', 'COUNT', 1)[1]).a or ''
end
return {held_items, in_flight, string.format('%.0f', confirmed), call('XLEN', aside), held_bytes, added}
