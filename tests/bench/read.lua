-- wrk -s read.lua URL -- FIRST COUNT BEFORE AFTER: GETs of BEFORE .. number .. AFTER, the number at
-- random. An answer without a single tweet counts as bad: it would be cheap.
dofile("tests/bench/report.lua")

function init(args)
    first, range, before, after = tonumber(args[1]), tonumber(args[2]), args[3], args[4] or ""
    math.randomseed(number)
end

function request()
    return wrk.format("GET", before .. first + math.random(0, range - 1) .. after)
end

function response(status, headers, body)
    count(status == 200 and body:find('"author_id"', 1, true) ~= nil)
end
