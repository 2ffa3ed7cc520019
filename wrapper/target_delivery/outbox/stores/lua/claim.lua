#!lua flags=allow-oom
-- Claim items that are due, and items whose lease has ended.
-- ARGV: prefix, consumer, lease and linger in seconds, groups at most, items of a group at most, two random numbers
-- from 0 to 1, the seconds after which no item can be due, closed routes.
-- Returns {route, group, id, attempts, fields} for each item.
local consumer, lease, linger = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local left, size = tonumber(ARGV[5]), tonumber(ARGV[6])
local taken = {}

-- Claim items of a group, beginning with the first one that is due.
local function take(route, first)
    local items, due, groups = keys(route)
    local group = group_of(first)
    -- '0' is the character after '/'.
    for _, member in ipairs(call('ZRANGEBYLEX', groups, '[' .. first, '(' .. group .. '0', 'LIMIT', 0, size)) do
        local at, id = tonumber(call('ZSCORE', due, member) or broken(due)), id_of(member)
        local pending = at >= 0 and call('XPENDING', items, 'senders', id, id, 1)[1]
        -- An item that is due soon comes along, but not one that another process is sending.
        local soon = (not pending or pending[2] == 'waiting') and linger or 0
        if at < 0 then at = at - FRESH end
        if group_of(member) == group and at <= now + soon then
            local attempts = pending and pending[4] or 0
            -- FORCE claims an entry that no consumer has read yet: the items of a group are scattered over the stream.
            local claimed = call('XCLAIM', items, 'senders', consumer, 0, id, 'RETRYCOUNT', attempts, 'FORCE')[1]
            if not claimed then broken(items) end
            call('ZADD', due, now + lease, member)
            taken[#taken + 1] = {route, group, id, attempts, claimed[2]}
        end
    end
end

-- Make items due now whose time is too far away, because they were stored while the clock was ahead.
local function mend(route)
    local _, due = keys(route)
    local latest = now + ARGV[9]
    for _, limits in ipairs({{'(' .. string.format('%.6f', latest + FRESH), '(0', FRESH}, {'(' .. string.format('%.6f', latest), '+inf', 0}}) do
        for _, member in ipairs(call('ZRANGEBYSCORE', due, limits[1], limits[2], 'LIMIT', 0, 1000)) do
            call('ZADD', due, now + limits[3], member)
        end
    end
end

local function claim(route)
    mend(route)
    local _, due = keys(route)
    local chosen, firsts = {}, {}
    -- Choose groups with an item whose score lies between two values, until so many groups are left to choose.
    local function choose(keep, low, high)
        local seen = 0
        repeat
            local page = call('ZRANGEBYSCORE', due, low, high, 'LIMIT', seen, ARGV[5])
            for _, member in ipairs(page) do
                if left > keep and not chosen[group_of(member)] then
                    chosen[group_of(member)] = true
                    firsts[#firsts + 1] = member
                    left = left - 1
                end
            end
            seen = seen + #page
        until left <= keep or #page == 0 or seen >= ARGV[5] * size
    end
    -- Half of the groups are for items that were never sent, however many wait to be sent again. If the number is odd,
    -- chance decides about the last one.
    choose(math.floor(left / 2 + ARGV[8]), '-inf', now + FRESH)
    choose(0, 0, now)
    choose(0, '-inf', now + FRESH)
    for _, first in ipairs(firsts) do take(route, first) end
end

-- Begin with a random route, so that no route is always the last.
local open = open_routes(10)
-- Find a lost consumer group before the first claim, because Redis does not undo a script that fails half-way.
for _, route in ipairs(open) do call('XPENDING', (keys(route)), 'senders') end
for n = 1, #open do
    if left <= 0 then break end
    claim(open[(n + math.floor(ARGV[7] * #open)) % #open + 1])
end
return taken
