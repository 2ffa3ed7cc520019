#!lua flags=allow-oom
-- Delete consumers of processes that have ended. A consumer that still has claimed items stays: its claims would be
-- deleted with it.
-- ARGV: prefix, a consumer; without it all consumers that did nothing for an hour.
for _, route in ipairs(open_routes(3)) do
    local items = keys(route)
    call('XPENDING', items, 'senders')  -- raises an error if the consumer group is lost
    for _, info in ipairs(redis.call('XINFO', 'CONSUMERS', items, 'senders')) do
        local one = fields({'', info})
        if one.pending == 0 and (one.name == ARGV[2] or (not ARGV[2] and one.idle > 3600000)) then
            redis.call('XGROUP', 'DELCONSUMER', items, 'senders', one.name)
        end
    end
end
