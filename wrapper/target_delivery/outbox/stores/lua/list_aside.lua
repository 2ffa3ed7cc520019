#!lua flags=allow-oom
-- ARGV: prefix, the first id, and how many entries at most.
-- Returns entries that are set aside, oldest first.
return call('XRANGE', aside, ARGV[2], '+', 'COUNT', ARGV[3])
