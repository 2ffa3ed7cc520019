#!lua flags=allow-oom
-- Delete items that were set aside.
-- ARGV: prefix, ids; without ids all of them.
-- Returns how many there were.
if #ARGV == 1 then return call('XTRIM', aside, 'MAXLEN', 0) end
return call('XDEL', aside, unpack(ARGV, 2))
