# The bundled Redis: private, and as durable as the offsets that are committed over it.
# shellcheck shell=bash

redis_prepare() {
    ((!OWN_REDIS)) || return 0
    mkdir -p "$STATE/redis"
    fill "$NATIVE/redis.conf" "PORT=$REDIS_PORT" "DATA=$STATE/redis" |
        put "$STATE/run/redis.conf" && mark_changed redis
    put_run redis 755 "Redis" "redis-server $STATE/run/redis.conf"
}

# PONG only when the append-only file has been read. redis-cli itself would wait without end.
redis_ready() { [[ $(timeout 2 redis-cli -h 127.0.0.1 -p "$REDIS_PORT" ping 2>/dev/null) == PONG ]]; }
