#!lua flags=allow-oom
-- ARGV: prefix.
-- Returns the id of the oldest item and the newest id that was given, or false if there is no item.
local oldest
for _, route in ipairs(open_routes(2)) do
    local entry = call('XRANGE', (keys(route)), '-', '+', 'COUNT', 1)[1]
    local id = tonumber(string.match(entry[1], '%d+'))
    oldest = math.min(id, oldest or id)
end
return oldest and {string.format('%.0f', oldest), string.format('%.0f', last)}
