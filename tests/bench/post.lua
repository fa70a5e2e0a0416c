-- wrk -s post.lua URL -- FIRST_USER USERS RUN: tweets of the world in world.sql, each with an
-- Idempotency-Key of its own. Every third has a hashtag, every tenth mentions somebody, and each has one of the
-- 500 words "word<n>" that read.lua searches for.
dofile("tests/bench/report.lua")

function init(args)
    first, users, run = tonumber(args[1]), tonumber(args[2]), args[3]
    math.randomseed(number)
    sent = 0
end

function request()
    sent = sent + 1
    local author = first + math.random(0, users - 1)
    local text = string.format("Tweet %d of a steady load, word%d, as long as people write them", sent,
        sent % 500)
    if sent % 3 == 0 then text = text .. " #tag" .. math.random(100) end
    if sent % 10 == 0 then text = text .. " @bench_" .. math.random(0, users - 1) end
    return wrk.format("POST", "/v1/tweets", {
        ["Content-Type"] = "application/json",
        ["Idempotency-Key"] = string.format("%s-%d-%d", run, number, sent),
    }, string.format('{"author_id":"%d","text":"%s"}', author, text))
end

function response(status)
    count(status == 201)
end
