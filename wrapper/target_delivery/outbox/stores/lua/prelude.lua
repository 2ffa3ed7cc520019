-- The beginning of every script: the keys of an outbox, and the functions that several scripts need.
--
-- Redis runs a script as a whole, without other commands in between. It does not undo a script that fails half-way,
-- so a script checks all keys that it will change before it changes the first one.
--
-- All keys begin with the prefix in ARGV[1]:
--   totals   hash: schema, account, last (the newest id), confirmed (items, ever), items and bytes (held now)
--   routes   set of the routes that have items
--   aside    stream of the items that are set aside
-- and for each route that has items:
--   items:   stream with the fields g (group), a (added) and d (data). An id is the time in microseconds; ids ascend
--            over all routes. The consumer group "senders" has a pending entry for each item that was ever claimed.
--   due:     sorted set: when each member may be claimed, in epoch seconds. A member is group/id. FRESH is added to
--            the time of an item that was never claimed, so that these sort before all others.
--   groups:  sorted set of the same members, all with score 0. Redis sorts them by name, so that the members of a
--            group stand together.

local SCHEMA_VERSION = '2'
local FRESH = -10000000000

-- Raise the error for a key that another client deleted or changed. The Python side explains it to the user.
local function broken(key)
    error({err = 'BROKEN ' .. key})
end

-- Run a command whose first argument is a key.
local function call(command, key, ...)
    local reply = redis.pcall(command, key, ...)
    if type(reply) == 'table' and reply.err then
        if string.find(reply.err, '^WRONGTYPE') or string.find(reply.err, '^NOGROUP') then broken(key) end
        error(reply)
    end
    return reply
end

local totals, routes, aside = ARGV[1] .. 'totals', ARGV[1] .. 'routes', ARGV[1] .. 'aside'
local time = redis.call('TIME')
local microseconds = time[1] * 1000000 + time[2]
local now = time[1] + time[2] / 1000000

-- Return a count as a number, nil if it is none.
local function count(value)
    local number = tonumber(value or 0)
    return number and number >= 0 and number < 2 ^ 53 and number == math.floor(number) and number or nil
end

local schema, last, held_items, held_bytes, confirmed =
    unpack(call('HMGET', totals, 'schema', 'last', 'items', 'bytes', 'confirmed'))
last, held_items, held_bytes, confirmed = count(last), count(held_items), count(held_bytes), count(confirmed)
if not (last and held_items and held_bytes and confirmed) and ARGV[2] ~= 'mend' then broken(totals) end
if not schema and call('EXISTS', routes, aside) > 0 then broken(totals) end

-- Write back the totals that store and remove have changed.
local function save_totals()
    call('HSET', totals, 'schema', schema or SCHEMA_VERSION, 'last', string.format('%.0f', last),
        'items', held_items, 'bytes', held_bytes, 'confirmed', string.format('%.0f', confirmed))
end

-- Return the keys of a route.
local function keys(route)
    return ARGV[1] .. 'items:' .. route, ARGV[1] .. 'due:' .. route, ARGV[1] .. 'groups:' .. route
end

local function group_of(member) return string.match(member, '^(.*)/') end
local function id_of(member) return string.match(member, '[^/]*$') end

-- Return the fields of a stream entry as a table.
local function fields(entry)
    local found = {}
    for n = 1, #entry[2], 2 do found[entry[2][n]] = entry[2][n + 1] end
    return found
end

local has_items = {}

-- Return whether a route has items. Raise an error if its keys do not fit together.
local function check(route)
    if has_items[route] == nil then
        local items, due, groups = keys(route)
        local length, times, members = call('XLEN', items), call('ZCARD', due), call('ZCARD', groups)
        local listed = call('SISMEMBER', routes, route) == 1
        if length ~= times or length ~= members then
            if length == 0 or (times == members and times > 0) then broken(items) end
            broken(times ~= length and due or groups)
        end
        if listed and length == 0 then broken(items) end
        if length > 0 and not listed then broken(routes) end
        has_items[route] = listed
    end
    return has_items[route]
end

-- Return the routes that have items, except for the closed ones, which stand in ARGV from the given place on.
local function open_routes(from)
    local closed, open = {}, {}
    for n = from, #ARGV do closed[ARGV[n]] = true end
    local all = call('SMEMBERS', routes)
    if #all == 0 and held_items > 0 then broken(routes) end
    for _, route in ipairs(all) do
        if not closed[route] then
            check(route)
            open[#open + 1] = route
        end
    end
    return open
end

-- Append an item to a route that was checked.
local function store(route, group, added, data, wait)
    local items, due, groups = keys(route)
    -- An id is never given twice, even after the clock was set back. A process that comes back after its lease has
    -- ended could otherwise confirm another item than the one it sent.
    last = math.max(microseconds, last + 1)
    local id = call('XADD', items, string.format('%.0f-0', last), 'g', group, 'a', added, 'd', data)
    if not has_items[route] then
        redis.call('XGROUP', 'CREATE', items, 'senders', '0')
        call('SADD', routes, route)
        has_items[route] = true
    end
    call('ZADD', due, now + wait + FRESH, group .. '/' .. id)
    call('ZADD', groups, 0, group .. '/' .. id)
    held_items, held_bytes = held_items + 1, held_bytes + #data
end

-- Delete an item, whichever process has claimed it. Return whether it was there.
local function remove(route, member)
    local items, due, groups = keys(route)
    local id = id_of(member)
    local entry = call('XRANGE', items, id, id)[1]
    if not entry then return false end
    call('XACK', items, 'senders', id)
    call('XDEL', items, id)
    call('ZREM', due, member)
    call('ZREM', groups, member)
    held_items, held_bytes = held_items - 1, held_bytes - #(fields(entry).d or '')
    if call('XLEN', items) == 0 then
        call('DEL', items, due, groups)
        call('SREM', routes, route)
        has_items[route] = false
    end
    return true
end
