-- Stores and publishes a version of a payment, atomically, unless the same or a newer one is stored.
--
-- KEYS[1]  payment:{<reference>}, also the channel's name
-- ARGV[1]  version, a whole number
-- ARGV[2]  the payload, JSON with that same "version"
-- ARGV[3]  life span in seconds
-- Returns  1 it was newer, or there was none: stored and published
--          0 the same or a newer one is stored: nothing was done
-- Event    the payload, on the channel KEYS[1]

local version, payload, life = tonumber(ARGV[1]), ARGV[2], ARGV[3]

local kept = redis.call('GET', KEYS[1])
if kept then
  local _, event = pcall(cjson.decode, kept) -- what cannot be decoded becomes a text
  if type(event) == 'table' and (tonumber(event.version) or 0) >= version then
    return 0
  end
end

redis.call('SET', KEYS[1], payload, 'EX', life)
redis.call('PUBLISH', KEYS[1], payload)
return 1
