/* A log-linear histogram. Always true: count is the sum of the slots; max_ms lies in the highest
 * slot that is not empty. */
#include "core/flow/lag.h"
#include "core/base/codec.h"
#include "core/base/err.h"

#define FORMAT      1
#define EXACT_BITS  4
#define STEP_BITS   3
#define HIGHEST_BIT 31

_Static_assert(1 << EXACT_BITS == STK_LAG_EXACT && 1 << STEP_BITS == STK_LAG_STEPS, "bits fit");
_Static_assert(sizeof(struct stk_lag) <= 1024, "a histogram is a kilobyte at most");
_Static_assert(3 + STK_VARINT_MAX + STK_LAG_SLOTS * (2 + 5) <= STK_LAG_IMAGE_MAX, "bytes fit");

static uint32_t slot_of(int64_t ms)
{
    uint32_t bit;
    if (ms < STK_LAG_EXACT)
        return ms < 0 ? 0 : (uint32_t)ms;
    bit = 63 - (uint32_t)__builtin_clzll((uint64_t)ms);
    if (bit > HIGHEST_BIT)
        return STK_LAG_SLOTS - 1;
    return STK_LAG_EXACT + (bit - EXACT_BITS) * STK_LAG_STEPS +
           ((uint32_t)(ms >> (bit - STEP_BITS)) & (STK_LAG_STEPS - 1));
}

/* The largest value of a slot. */
static int64_t top_of(uint32_t slot)
{
    uint32_t bit, step;
    if (slot < STK_LAG_EXACT)
        return slot;
    bit = EXACT_BITS + (slot - STK_LAG_EXACT) / STK_LAG_STEPS;
    step = (slot - STK_LAG_EXACT) % STK_LAG_STEPS;
    return ((int64_t)(STK_LAG_STEPS + step + 1) << (bit - STEP_BITS)) - 1;
}

void stk_lag_add(struct stk_lag *lag, int64_t ms)
{
    uint32_t slot = slot_of(ms);
    if (lag->slot[slot] == UINT32_MAX)
        stk_lag_halve(lag);
    lag->slot[slot]++;
    lag->count++;
    if (ms > lag->max_ms)
        lag->max_ms = ms;
}

int64_t stk_lag_at(const struct stk_lag *lag, uint32_t share)
{
    uint64_t wanted, seen = 0;
    stk_assert(share <= 10000);
    if (!lag->count)
        return -1;
    wanted = (uint64_t)(((unsigned __int128)lag->count * share + 9999) / 10000);
    for (uint32_t i = 0; i < STK_LAG_SLOTS; i++) {
        seen += lag->slot[i];
        if (lag->slot[i] && seen >= wanted && seen < lag->count)
            return top_of(i) < lag->max_ms ? top_of(i) : lag->max_ms;
    }
    return lag->max_ms;
}

void stk_lag_merge(struct stk_lag *lag, const struct stk_lag *from)
{
    lag->count = 0;
    for (uint32_t i = 0; i < STK_LAG_SLOTS; i++) {
        uint64_t sum = (uint64_t)lag->slot[i] + from->slot[i];
        lag->slot[i] = sum < UINT32_MAX ? (uint32_t)sum : UINT32_MAX;
        lag->count += lag->slot[i];
    }
    if (from->max_ms > lag->max_ms)
        lag->max_ms = from->max_ms;
}

void stk_lag_halve(struct stk_lag *lag)
{
    int64_t top_ms = 0;
    lag->count = 0;
    for (uint32_t i = 0; i < STK_LAG_SLOTS; i++) {
        lag->slot[i] /= 2;
        lag->count += lag->slot[i];
        if (lag->slot[i])
            top_ms = i == STK_LAG_SLOTS - 1 ? lag->max_ms : top_of(i);
    }
    if (lag->max_ms > top_ms)
        lag->max_ms = top_ms;
}

uint32_t stk_lag_encode(const struct stk_lag *lag, uint8_t *to)
{
    uint8_t *at = to;
    uint32_t last = 0;
    *at++ = FORMAT;
    at = stk_put_varint(at, (uint64_t)lag->max_ms);
    for (uint32_t i = 0; i < STK_LAG_SLOTS; i++) {
        if (!lag->slot[i])
            continue;
        at = stk_put_varint(at, i - last);
        at = stk_put_varint(at, lag->slot[i]);
        last = i;
    }
    return (uint32_t)(at - to);
}

enum stk_status stk_lag_decode(struct stk_lag *lag, const void *image, uint32_t size)
{
    struct stk_reader in = stk_reader(image, size);
    struct stk_lag read = {0};
    uint64_t slot = 0;
    uint32_t top = 0;
    if (stk_get_u8(&in) != FORMAT && !in.bad)
        return STK_VERSION;
    read.max_ms = (int64_t)stk_get_max(&in, INT64_MAX);
    while (!in.bad && in.at < in.end) {
        slot += stk_get_max(&in, STK_LAG_SLOTS - 1);
        if (slot >= STK_LAG_SLOTS || read.slot[slot])
            return STK_CORRUPT;
        read.slot[slot] = (uint32_t)stk_get_max(&in, UINT32_MAX);
        read.count += read.slot[slot];
        if (!read.slot[slot])
            return STK_CORRUPT;
        top = (uint32_t)slot;
    }
    if (in.bad || slot_of(read.max_ms) != top)
        return STK_CORRUPT;
    *lag = read;
    return STK_OK;
}
