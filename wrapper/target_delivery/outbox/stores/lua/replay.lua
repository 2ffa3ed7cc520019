#!lua flags=allow-oom
-- Append items that were set aside to their routes again.
-- ARGV: prefix, the time from which their age counts, ids.
-- Returns how many there were.
local chosen = {}
for n = 3, #ARGV do
    local entry = call('XRANGE', aside, ARGV[n], ARGV[n])[1]
    local item = entry and fields(entry)
    if item and item.r and item.g and item.d and not chosen[entry[1]] then
        check(item.r)
        chosen[entry[1]] = item
        chosen[#chosen + 1] = entry[1]
    end
end
for _, id in ipairs(chosen) do
    local item = chosen[id]
    store(item.r, item.g, ARGV[2], item.d, 0)
    call('XDEL', aside, id)
end
save_totals()
return #chosen
