#!lua flags=allow-oom
-- Open an outbox, and create it if there is none.
-- ARGV: prefix, 1 to create it.
-- Returns its schema version, or false if there is no outbox and none is to be created.
if not schema then
    if ARGV[2] == '0' then return false end
    save_totals()
end
return schema or SCHEMA_VERSION
