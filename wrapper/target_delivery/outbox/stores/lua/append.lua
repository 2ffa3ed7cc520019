#!lua
-- Append all items or none. The only script that Redis refuses when it has no memory left: the others free memory.
-- ARGV: prefix, max_items, max_bytes, bytes of all data; then for each item: route, group, added, data, and the seconds
-- until it is due.
-- Returns the items and bytes that are held if there is no room, else false.
if held_items + (#ARGV - 4) / 5 > tonumber(ARGV[2]) or held_bytes + ARGV[4] > tonumber(ARGV[3]) then
    return {held_items, held_bytes}
end
for n = 5, #ARGV, 5 do
    local route = ARGV[n]
    if has_items[route] == nil and check(route) then
        local items = keys(route)
        local newest = fields({'', redis.call('XINFO', 'STREAM', items)})['last-generated-id']
        if tonumber(string.match(newest, '^%d+')) > math.max(last, microseconds) then broken(items) end
    end
end
for n = 5, #ARGV, 5 do store(unpack(ARGV, n, n + 4)) end
save_totals()
return false
