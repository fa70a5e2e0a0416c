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

static void open_it(struct breaker *breaker, int64_t now_ms) {
    if (breaker->state == BREAKER_CLOSED) breaker->since_ms = now_ms;
    breaker->state = BREAKER_OPEN;
    breaker->until_ms = now_ms + breaker->open_ms;
}

/* Does it change anything? Of what was in flight when the breaker opened only a success does. */
static bool counts(const struct breaker *breaker, bool probe) {
    return breaker->state == BREAKER_CLOSED || (probe && breaker->state == BREAKER_PROBING);
}

void breaker_answered(struct breaker *breaker, int64_t now_ms) {
    breaker->state = BREAKER_CLOSED;
    breaker->in_row = 0;
    breaker->answered = true;
    breaker->answered_ms = now_ms;
}

static bool is_in_row(const struct breaker *breaker, uint64_t delivery) {
    for (int i = 0; i < breaker->in_row; i++)
        if (breaker->row[i] == delivery) return true;
    return false;
}

void breaker_failed(struct breaker *breaker, uint64_t delivery, bool probe, int64_t now_ms) {
    if (!counts(breaker, probe)) return;
    if (breaker->in_row < breaker->limit && !is_in_row(breaker, delivery))
        breaker->row[breaker->in_row++] = delivery;
    if (breaker->in_row >= breaker->limit)
        open_it(breaker, now_ms);
    else
        breaker->state = BREAKER_CLOSED;
}

void breaker_not_connected(struct breaker *breaker, bool probe, int64_t now_ms) {
    if (counts(breaker, probe)) open_it(breaker, now_ms);
}

void breaker_gave_up(struct breaker *breaker, bool probe) {
    if (probe && breaker->state == BREAKER_PROBING) breaker->state = BREAKER_OPEN;
}

bool breaker_answered_since(const struct breaker *breaker, int64_t then_ms) {
    return breaker->answered && breaker->answered_ms >= then_ms;
}
