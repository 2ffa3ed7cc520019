#!lua flags=allow-oom
-- Keep the outbox to the account that it is first opened for.
-- ARGV: prefix, account.
-- Returns the account that it is kept to.
call('HSETNX', totals, 'account', ARGV[2])
return call('HGET', totals, 'account')
