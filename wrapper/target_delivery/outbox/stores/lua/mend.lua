#!lua flags=allow-oom
-- Repair the keys of all routes after another client has changed them. The streams are kept, and the sorted sets and the
-- totals are made from them. Entries that no outbox wrote are set aside. A key of another type is renamed.
-- ARGV: prefix, "mend".
-- Returns how many entries were set aside, and how many items the sorted sets name that are in no stream.
local listed = call('SMEMBERS', routes)
if #listed == 0 and (held_items or 1) > 0 then broken(routes) end
last, confirmed, held_items, held_bytes = last or 0, confirmed or 0, 0, 0
call('XLEN', aside)  -- raises an error if the key is no stream
local set_aside, lost = 0, 0

local function put_away(key, kind)
    local found = redis.call('TYPE', key).ok
    if found ~= 'none' and found ~= kind then
        redis.call('RENAME', key, key .. ':damaged:' .. string.format('%.0f', microseconds))
    end
end

local function mend(route)
    local items, due, groups = keys(route)
    put_away(items, 'stream')
    put_away(due, 'zset')
    put_away(groups, 'zset')
    redis.pcall('XGROUP', 'CREATE', items, 'senders', '0')
    local kept, newest, start = {}, 0, '-'
    repeat
        local page = redis.call('XRANGE', items, start, '+', 'COUNT', 1000)
        for _, entry in ipairs(page) do
            local id, item = entry[1], fields(entry)
            local position, added = tonumber(string.match(id, '^(%d+)%-0$')), tonumber(item.a)
            local known = position and position <= math.max(last, microseconds)
            if known and item.g and item.d and added and math.abs(added) < 1e15 then
                local member = item.g .. '/' .. id
                kept[member] = true
                newest = position
                if not redis.call('ZSCORE', due, member) then
                    local sent = redis.call('XPENDING', items, 'senders', id, id, 1)[1]
                    redis.call('ZADD', due, sent and now or now + FRESH, member)
                end
                redis.call('ZADD', groups, 0, member)
                held_items, held_bytes = held_items + 1, held_bytes + #item.d
            else
                redis.call('XADD', aside, '*', 'r', route, 'g', item.g or '', 'a', added and item.a or now,
                    'd', item.d or cjson.encode(entry[2]), 'reason', 'malformed',
                    'message', 'The stored item is damaged: another client wrote or changed the entry ' .. id .. '.')
                redis.call('XACK', items, 'senders', id)
                redis.call('XDEL', items, id)
                set_aside = set_aside + 1
            end
        end
        start = #page == 1000 and '(' .. page[#page][1]
    until not start
    for _, key in ipairs({due, groups}) do
        for _, member in ipairs(redis.call('ZRANGE', key, 0, -1)) do
            if not kept[member] then
                redis.call('ZREM', key, member)
                if key == groups then lost = lost + 1 end
            end
        end
    end
    last = math.max(last, newest)
    if newest == 0 then
        redis.call('DEL', items, due, groups)
        redis.call('SREM', routes, route)
    else
        -- After an entry with a higher id, the stream would refuse new entries.
        redis.call('XSETID', items, string.format('%.0f-0', last))
    end
end

for _, route in ipairs(listed) do mend(route) end
save_totals()
return {set_aside, lost}
