-- What a wrk script says when it ends: lines of "bench NAME VALUE". Answers are counted by each thread
-- and added up here; what got no answer is in summary.errors.
local threads = {}

function setup(thread)
    table.insert(threads, thread)
    thread:set("number", #threads)
    thread:set("good", 0)
    thread:set("bad", 0)
end

function count(ok)
    if ok then good = good + 1 else bad = bad + 1 end
end

function done(summary, latency)
    local good, bad, errors = 0, 0, summary.errors
    for _, thread in ipairs(threads) do
        good = good + thread:get("good")
        bad = bad + thread:get("bad")
    end
    -- errors.status is in 'bad' already
    bad = bad + errors.connect + errors.read + errors.write + errors.timeout
    io.write(string.format("bench good %d\nbench bad %d\n", good, bad))
    io.write(string.format("bench rate %.0f\n", good * 1e6 / summary.duration))
    io.write(string.format("bench p50_ms %.1f\nbench p99_ms %.1f\n", latency:percentile(50) / 1e3,
        latency:percentile(99) / 1e3))
end
