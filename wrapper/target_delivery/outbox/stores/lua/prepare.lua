#!lua flags=allow-oom
-- Open an outbox, and create it if there is none.
-- ARGV: prefix, 1 to create it.
-- Brings an outbox of an older schema up to date. Returns its schema version, or false if there is no outbox and none is to be created.
if not schema then
    if ARGV[2] == '0' then return false end
    save_totals()
elseif schema == '1' then
    -- Schema 1 had a hash of the routes with the bytes of each, no totals of items and bytes, and made the consumer
    -- group of a route with the first claim. Bring the outbox up to date: its items may not be lost.
    local sizes = call('HGETALL', routes)
    held_items, held_bytes = 0, 0
    call('DEL', routes)
    for n = 1, #sizes, 2 do
        local items = keys(sizes[n])
        redis.pcall('XGROUP', 'CREATE', items, 'senders', '0')
        call('SADD', routes, sizes[n])
        held_items, held_bytes = held_items + call('XLEN', items), held_bytes + sizes[n + 1]
    end
    schema = SCHEMA_VERSION
    save_totals()
end
return schema or SCHEMA_VERSION
