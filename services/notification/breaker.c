#include "services/notification/breaker.h"

bool breaker_lets(const struct breaker *breaker, int64_t now_ms) {
    return breaker->state == BREAKER_CLOSED ||
           (breaker->state == BREAKER_OPEN && now_ms >= breaker->until_ms);
}

enum breaker_answer breaker_ask(struct breaker *breaker, int64_t now_ms) {
    if (breaker->state == BREAKER_CLOSED) return BREAKER_SEND;
    if (!breaker_lets(breaker, now_ms)) return BREAKER_WAIT;
    breaker->state = BREAKER_PROBING;
    return BREAKER_PROBE;
}

bool breaker_succeeded(struct breaker *breaker) {
    bool was_closed = breaker->state == BREAKER_CLOSED;

    breaker->state = BREAKER_CLOSED;
    breaker->in_row = 0;
    return !was_closed;
}

static bool is_in_row(const struct breaker *breaker, uint64_t delivery) {
    for (int i = 0; i < breaker->in_row; i++)
        if (breaker->row[i] == delivery) return true;
    return false;
}

bool breaker_failed(struct breaker *breaker, uint64_t delivery, bool probe, int64_t now_ms) {
    if (probe && breaker->state == BREAKER_PROBING) {
        breaker->state = BREAKER_OPEN;
        breaker->until_ms = now_ms + breaker->open_ms;
    }
    if (breaker->state != BREAKER_CLOSED || is_in_row(breaker, delivery)) return false;
    breaker->row[breaker->in_row++] = delivery;
    if (breaker->in_row < breaker->limit) return false;
    breaker->state = BREAKER_OPEN;
    breaker->since_ms = now_ms;
    breaker->until_ms = now_ms + breaker->open_ms;
    return true;
}

void breaker_gave_up(struct breaker *breaker, bool probe) {
    if (probe && breaker->state == BREAKER_PROBING) breaker->state = BREAKER_OPEN;
}
