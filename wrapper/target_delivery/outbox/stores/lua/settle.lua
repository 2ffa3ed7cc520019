#!lua flags=allow-oom
-- Note what became of claimed items.
-- ARGV: prefix, lease in seconds; then eight values for each item: what became of it, route, member, consumer, and
-- for "waiting" seconds and attempts, for "aside" reason, message, added and data.
local function settle(what, route, member, consumer, ...)
    if not has_items[route] then return end
    local items, due = keys(route)
    local id = id_of(member)
    if what == 'confirmed' then
        if remove(route, member) then confirmed = confirmed + 1 end
    elseif #call('XPENDING', items, 'senders', id, id, 1, consumer) == 0 then
        return  -- The lease has ended, and another process has claimed the item.
    elseif what == 'waiting' then
        local wait, attempts = ...
        call('XCLAIM', items, 'senders', 'waiting', 0, id, 'RETRYCOUNT', attempts, 'JUSTID')
        call('ZADD', due, now + wait, member)
    elseif what == 'extended' then
        call('ZADD', due, now + ARGV[2], member)
    else
        local reason, message, added, data = ...
        call('XADD', aside, '*', 'r', route, 'g', group_of(member), 'a', added, 'd', data,
            'reason', reason, 'message', message)
        remove(route, member)
    end
end

call('XLEN', aside)  -- raises an error if it is no stream
for n = 4, #ARGV, 8 do check(ARGV[n]) end
for n = 3, #ARGV, 8 do settle(unpack(ARGV, n, n + 7)) end
save_totals()
