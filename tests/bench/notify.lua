-- wrk -s notify.lua URL -- FIRST_USER USERS RUN PAUSE_MS: notifications for the people in notices.sh, each with an
-- Idempotency-Key of its own, of a category that goes over all three channels. Each connection waits for
-- PAUSE_MS between two of them.
dofile("tests/bench/report.lua")

function init(args)
    first, users, run, pause = tonumber(args[1]), tonumber(args[2]), args[3], tonumber(args[4])
    math.randomseed(number)
    sent = 0
    if pause == 0 then delay = nil end
end

function delay()
    return pause
end

function request()
    sent = sent + 1
    return wrk.format("POST", "/v1/notifications", {
        ["Content-Type"] = "application/json",
        ["Idempotency-Key"] = string.format("%s-%d-%d", run, number, sent),
    }, string.format('{"recipient_id":"%d","template":"order_delivered",' ..
        '"data":{"order_id":"A-%d","place":"the door of the house behind the mill"}}',
        first + math.random(0, users - 1), sent))
end

function response(status)
    count(status == 202)
end
