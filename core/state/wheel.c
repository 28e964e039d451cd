/* The timing wheel and the archive queue: lists of orders, linked through the orders.
 *
 * Always true, with c = window of now and c2 = window of windows: orders of one deadline stand in
 * one list, in the order in which they came. Level 0 holds deadlines of windows c and c + 1, level
 * 1 those of later windows up to the end of c2 + 1, level 2 the rest; a list of level 1 for window
 * c + 1, or of level 2 for c2 + 1, may not be moved down yet, and as long as it is not, orders for
 * it join it there. Deadlines of windows before c are in `late`. Engine thread only. */
#include "core/state/wheel.h"
#include <string.h>

#define MASK   (STK_WHEEL_SLOTS - 1)
#define WINDOW (1u << STK_WHEEL_BITS)
#define WORDS  (STK_WHEEL_SLOTS / 64)

/* Looked at from the end of the archive queue before it is left to a sort. */
#define CLOSED_STEPS 256

_Static_assert(STK_WHEEL_LEVELS *(uint64_t)STK_WHEEL_SLOTS < STK_WHEEL_CLOSED, "a place fits");

/* --- which slots are not empty --- */

static void bit_set(struct stk_wheel_level *level, uint32_t at)
{
    level->bits[at / 64] |= UINT64_C(1) << at % 64;
    level->words[at / 4096] |= UINT64_C(1) << at / 64 % 64;
}

static void bit_clear(struct stk_wheel_level *level, uint32_t at)
{
    level->bits[at / 64] &= ~(UINT64_C(1) << at % 64);
    if (level->bits[at / 64] == 0)
        level->words[at / 4096] &= ~(UINT64_C(1) << at / 64 % 64);
}

/* The first one at or after `from`; STK_NONE. */
static uint32_t bit_find(const struct stk_wheel_level *level, uint32_t from)
{
    uint32_t word = from / 64, part;
    uint64_t bits = level->bits[word] & (~UINT64_C(0) << from % 64);
    if (bits)
        return word * 64 + (uint32_t)__builtin_ctzll(bits);
    if (++word == WORDS)
        return STK_NONE;
    part = word / 64;
    bits = level->words[part] & (~UINT64_C(0) << word % 64);
    while (!bits) {
        if (++part == WORDS / 64)
            return STK_NONE;
        bits = level->words[part];
    }
    word = part * 64 + (uint32_t)__builtin_ctzll(bits);
    return word * 64 + (uint32_t)__builtin_ctzll(level->bits[word]);
}

/* Steps from `from` to the next one, around the end; STK_NONE. */
static uint32_t bit_distance(const struct stk_wheel_level *level, uint32_t from)
{
    uint32_t at = bit_find(level, from);
    if (at == STK_NONE)
        at = bit_find(level, 0);
    return at == STK_NONE ? STK_NONE : (at - from) & MASK;
}

/* --- lists --- */

static struct stk_wheel_list *list_at(struct stk_wheel *wheel, uint32_t place)
{
    if (place == STK_WHEEL_LATE)
        return &wheel->late;
    if (place == STK_WHEEL_CLOSED)
        return &wheel->closed;
    return &wheel->level[place / STK_WHEEL_SLOTS].lists[place & MASK];
}

static void append(struct stk_wheel *wheel, struct stk_orders *orders, uint32_t place,
                   uint32_t slot)
{
    struct stk_wheel_list *list = list_at(wheel, place);
    struct stk_order *order = stk_orders_at(orders, slot);
    order->wheel_slot = place;
    order->wheel_next = STK_NONE;
    order->wheel_prev = list->last - 1; /* none: 0 - 1 is STK_NONE */
    if (list->last)
        stk_orders_at(orders, list->last - 1)->wheel_next = slot;
    else
        list->first = slot + 1;
    list->last = slot + 1;
    if (place < STK_WHEEL_CLOSED)
        bit_set(&wheel->level[place / STK_WHEEL_SLOTS], place & MASK);
}

static void take_out(struct stk_wheel *wheel, struct stk_orders *orders, uint32_t slot)
{
    struct stk_order *order = stk_orders_at(orders, slot);
    uint32_t place = order->wheel_slot;
    struct stk_wheel_list *list = list_at(wheel, place);
    if (order->wheel_prev == STK_NONE)
        list->first = order->wheel_next + 1;
    else
        stk_orders_at(orders, order->wheel_prev)->wheel_next = order->wheel_next;
    if (order->wheel_next == STK_NONE)
        list->last = order->wheel_prev + 1;
    else
        stk_orders_at(orders, order->wheel_next)->wheel_prev = order->wheel_prev;
    order->wheel_next = order->wheel_prev = order->wheel_slot = STK_NONE;
    if (place < STK_WHEEL_CLOSED && list->first == 0)
        bit_clear(&wheel->level[place / STK_WHEEL_SLOTS], place & MASK);
}

/* --- create, destroy --- */

enum stk_status stk_wheel_init(struct stk_wheel *wheel, stk_time_t now_ms, struct stk_error *err)
{
    memset(wheel, 0, sizeof *wheel);
    stk_assert(now_ms >= 0 && now_ms <= STK_WHEEL_TIME_MAX);
    wheel->now_ms = now_ms;
    for (unsigned i = 0; i < STK_WHEEL_LEVELS; i++) {
        struct stk_wheel_level *level = &wheel->level[i];
        level->lists = stk_mem_reserve(STK_WHEEL_SLOTS * sizeof *level->lists, 0, err);
        level->bits = level->lists ? stk_mem_reserve(WORDS * sizeof *level->bits, 0, err) : NULL;
        if (!level->bits) {
            stk_wheel_fini(wheel);
            return err ? err->status : STK_NO_MEMORY;
        }
    }
    return STK_OK;
}

void stk_wheel_fini(struct stk_wheel *wheel)
{
    for (unsigned i = 0; i < STK_WHEEL_LEVELS; i++) {
        stk_mem_unreserve(wheel->level[i].lists, STK_WHEEL_SLOTS * sizeof *wheel->level[i].lists);
        stk_mem_unreserve(wheel->level[i].bits, WORDS * sizeof *wheel->level[i].bits);
    }
    memset(wheel, 0, sizeof *wheel);
}

/* --- put in, take out --- */

static int64_t window_of(stk_time_t time_ms, unsigned level)
{
    return time_ms >> (STK_WHEEL_BITS * level);
}

/* The place for a deadline among the levels below `levels`. From the top: where a list waits to be
 * moved down, its fellows join it; otherwise as low as the windows of a level reach. */
static uint32_t place_of(const struct stk_wheel *wheel, stk_time_t deadline_ms, unsigned levels)
{
    unsigned level = levels - 1;
    if (window_of(deadline_ms, 1) < window_of(wheel->now_ms, 1))
        return STK_WHEEL_LATE;
    for (; level > 0; level--) {
        uint32_t at = (uint32_t)window_of(deadline_ms, level) & MASK;
        if (wheel->level[level].lists[at].first ||
            window_of(deadline_ms, level) > window_of(wheel->now_ms, level) + 1)
            break;
    }
    return level * STK_WHEEL_SLOTS + ((uint32_t)window_of(deadline_ms, level) & MASK);
}

void stk_wheel_add(struct stk_wheel *wheel, struct stk_orders *orders, uint32_t slot)
{
    struct stk_order *order = stk_orders_at(orders, slot);
    stk_assert(order->wheel_slot == STK_NONE);
    stk_assert(order->expires_ms > 0 && order->expires_ms <= STK_WHEEL_TIME_MAX);
    append(wheel, orders, place_of(wheel, order->expires_ms, STK_WHEEL_LEVELS), slot);
    wheel->waiting_count++;
}

void stk_wheel_remove(struct stk_wheel *wheel, struct stk_orders *orders, uint32_t slot)
{
    uint32_t place = stk_orders_at(orders, slot)->wheel_slot;
    if (place == STK_NONE)
        return;
    take_out(wheel, orders, slot);
    if (place == STK_WHEEL_CLOSED)
        wheel->closed_count--;
    else
        wheel->waiting_count--;
}

/* --- time --- */

/* Up to max orders of a list one level down or more; returns how many. */
static uint32_t advance_down(struct stk_wheel *wheel, struct stk_orders *orders, unsigned level,
                             int64_t window, uint32_t max)
{
    struct stk_wheel_list *list = &wheel->level[level].lists[(uint32_t)window & MASK];
    uint32_t count = 0;
    for (; list->first && count < max; count++) {
        uint32_t slot = list->first - 1;
        struct stk_order *order = stk_orders_at(orders, slot);
        if (order->wheel_next != STK_NONE)
            __builtin_prefetch(stk_orders_at(orders, order->wheel_next));
        take_out(wheel, orders, slot);
        append(wheel, orders, place_of(wheel, order->expires_ms, level), slot);
    }
    return count;
}

/* What is left in level 0 of a window that is over: it is late. */
static void advance_leave(struct stk_wheel *wheel, struct stk_orders *orders, int64_t window)
{
    struct stk_wheel_level *level = &wheel->level[0];
    uint32_t base = (uint32_t)(window << STK_WHEEL_BITS) & MASK, at;
    while ((at = bit_find(level, base)) != STK_NONE && at < base + WINDOW)
        while (level->lists[at].first) {
            uint32_t slot = level->lists[at].first - 1;
            take_out(wheel, orders, slot);
            append(wheel, orders, STK_WHEEL_LATE, slot);
        }
}

/* The next window after now's that has something to be moved down, or `last`. */
static int64_t advance_next(const struct stk_wheel *wheel, int64_t last)
{
    int64_t window = window_of(wheel->now_ms, 1) + 1, next;
    uint32_t distance = bit_distance(&wheel->level[1], (uint32_t)window & MASK);
    if (distance != STK_NONE && window + distance < last)
        last = window + distance;
    window = window_of(wheel->now_ms, 2) + 1;
    distance = bit_distance(&wheel->level[2], (uint32_t)window & MASK);
    next = (window + distance) << STK_WHEEL_BITS;
    return distance != STK_NONE && next < last ? next : last;
}

static void advance_window(struct stk_wheel *wheel, struct stk_orders *orders, int64_t window)
{
    int64_t from = window_of(wheel->now_ms, 1), from2 = window_of(wheel->now_ms, 2);
    advance_leave(wheel, orders, from);
    if (from + 1 < window)
        advance_leave(wheel, orders, from + 1);
    wheel->now_ms = window << STK_WHEEL_BITS;
    if (window_of(wheel->now_ms, 2) > from2)
        advance_down(wheel, orders, 2, window_of(wheel->now_ms, 2), UINT32_MAX);
    advance_down(wheel, orders, 1, window, UINT32_MAX);
}

/* 1 when b closed before a. Equal times: as they came, which after recovery is by number. */
static int closed_before(const struct stk_order *a, const struct stk_order *b)
{
    return b->changed_ms < a->changed_ms;
}

static uint32_t merge(struct stk_orders *orders, uint32_t a, uint32_t b)
{
    uint32_t first = STK_NONE, *link = &first;
    while (a != STK_NONE && b != STK_NONE) {
        uint32_t *least =
            closed_before(stk_orders_at(orders, a), stk_orders_at(orders, b)) ? &b : &a;
        *link = *least;
        link = &stk_orders_at(orders, *least)->wheel_next;
        *least = *link;
    }
    *link = a != STK_NONE ? a : b;
    return first;
}

/* Merge sort of the queue: run[i] is a sorted list of 2^i orders. */
static void sort_closed(struct stk_wheel *wheel, struct stk_orders *orders)
{
    uint32_t run[32], sorted = STK_NONE, slot = wheel->closed.first - 1, next;
    for (unsigned i = 0; i < 32; i++)
        run[i] = STK_NONE;
    for (; slot != STK_NONE; slot = next) {
        unsigned i = 0;
        next = stk_orders_at(orders, slot)->wheel_next;
        stk_orders_at(orders, slot)->wheel_next = STK_NONE;
        for (sorted = slot; run[i] != STK_NONE && i < 31; i++) {
            sorted = merge(orders, run[i], sorted);
            run[i] = STK_NONE;
        }
        run[i] = merge(orders, run[i], sorted);
    }
    sorted = STK_NONE;
    for (unsigned i = 0; i < 32; i++)
        sorted = merge(orders, run[i], sorted);
    wheel->closed.first = sorted + 1;
    wheel->closed.last = 0;
    for (slot = sorted; slot != STK_NONE; slot = stk_orders_at(orders, slot)->wheel_next) {
        stk_orders_at(orders, slot)->wheel_prev = wheel->closed.last - 1;
        wheel->closed.last = slot + 1;
    }
    wheel->closed_unsorted = 0;
}

void stk_wheel_advance(struct stk_wheel *wheel, struct stk_orders *orders, stk_time_t now_ms)
{
    int64_t last = window_of(now_ms, 1);
    uint32_t moved;
    stk_assert(now_ms <= STK_WHEEL_TIME_MAX);
    if (wheel->closed_unsorted)
        sort_closed(wheel, orders);
    if (now_ms <= wheel->now_ms)
        return;
    while (window_of(wheel->now_ms, 1) < last)
        advance_window(wheel, orders, advance_next(wheel, last));
    wheel->now_ms = now_ms;
    moved = advance_down(wheel, orders, 2, window_of(now_ms, 2) + 1, STK_WHEEL_MOVES);
    advance_down(wheel, orders, 1, last + 1, STK_WHEEL_MOVES - moved);
}

uint32_t stk_wheel_due(const struct stk_wheel *wheel)
{
    const struct stk_wheel_level *level = &wheel->level[0];
    uint32_t now = (uint32_t)wheel->now_ms & MASK, at;
    if (wheel->late.first)
        return wheel->late.first - 1;
    at = bit_find(level, now & ~(WINDOW - 1)); /* from the start of the window */
    return at != STK_NONE && at <= now ? level->lists[at].first - 1 : STK_NONE;
}

/* When the next list of a level is at hand: level 0: due; above: from one window before its own on
 * it is moved down, a little at a time. */
static stk_time_t next_of_level(const struct stk_wheel *wheel, unsigned level)
{
    int64_t window = window_of(wheel->now_ms, level) + (level ? 1 : 0);
    uint32_t distance = bit_distance(&wheel->level[level], (uint32_t)window & MASK);
    int64_t next;
    if (distance == STK_NONE)
        return INT64_MAX;
    next = (window + distance - (level ? 1 : 0)) << (STK_WHEEL_BITS * level);
    return next > wheel->now_ms ? next : wheel->now_ms + 1;
}

stk_time_t stk_wheel_next_ms(const struct stk_wheel *wheel)
{
    stk_time_t next = INT64_MAX;
    if (stk_wheel_due(wheel) != STK_NONE)
        return wheel->now_ms;
    for (unsigned level = 0; level < STK_WHEEL_LEVELS; level++) {
        stk_time_t of_level = next_of_level(wheel, level);
        next = of_level < next ? of_level : next;
    }
    return next;
}

/* --- the archive queue --- */

/* Between two that follow each other; STK_NONE: the end on that side. */
static void link_closed(struct stk_wheel *wheel, struct stk_orders *orders, uint32_t slot,
                        uint32_t before, uint32_t after)
{
    struct stk_order *order = stk_orders_at(orders, slot);
    order->wheel_slot = STK_WHEEL_CLOSED;
    order->wheel_prev = before;
    order->wheel_next = after;
    if (before == STK_NONE)
        wheel->closed.first = slot + 1;
    else
        stk_orders_at(orders, before)->wheel_next = slot;
    if (after == STK_NONE)
        wheel->closed.last = slot + 1;
    else
        stk_orders_at(orders, after)->wheel_prev = slot;
}

/* An archived order that came back goes to the front, which must not cost a sort. */
void stk_wheel_close(struct stk_wheel *wheel, struct stk_orders *orders, uint32_t slot)
{
    const struct stk_order *order = stk_orders_at(orders, slot);
    uint32_t before = wheel->closed.last - 1, after = STK_NONE;
    stk_assert(order->wheel_slot == STK_NONE);
    wheel->closed_count++;
    if (wheel->closed_unsorted) {
        append(wheel, orders, STK_WHEEL_CLOSED, slot);
        return;
    }
    if (before != STK_NONE && closed_before(stk_orders_at(orders, wheel->closed.first - 1), order))
        after = wheel->closed.first - 1, before = STK_NONE;
    for (unsigned steps = 0; before != STK_NONE; steps++) {
        if (!closed_before(stk_orders_at(orders, before), order))
            break;
        if (steps == CLOSED_STEPS) {
            wheel->closed_unsorted = 1;
            append(wheel, orders, STK_WHEEL_CLOSED, slot);
            return;
        }
        after = before;
        before = stk_orders_at(orders, before)->wheel_prev;
    }
    link_closed(wheel, orders, slot, before, after);
}

uint32_t stk_wheel_closed(const struct stk_wheel *wheel)
{
    return wheel->closed.first - 1; /* none: 0 - 1 is STK_NONE */
}

/* --- the check --- */

#define BROKEN(...) stk_error_set(err, STK_CORRUPT, __VA_ARGS__)

static int is_in_place(const struct stk_wheel *wheel, const struct stk_order *order, uint32_t place)
{
    unsigned level = place / STK_WHEEL_SLOTS;
    int64_t now = window_of(wheel->now_ms, 1), window = window_of(order->expires_ms, 1);
    if (place == STK_WHEEL_CLOSED)
        return 1;
    if (place == STK_WHEEL_LATE || window < now)
        return place == STK_WHEEL_LATE && window < now;
    if ((window_of(order->expires_ms, level) & MASK) != (place & MASK))
        return 0;
    if (level == 0)
        return window <= now + 1;
    return window > now &&
           (level == 2 || window_of(order->expires_ms, 2) <= window_of(wheel->now_ms, 2) + 1);
}

static enum stk_status check_list(const struct stk_wheel *wheel, const struct stk_orders *orders,
                                  struct stk_wheel_list list, uint32_t place, uint32_t *count,
                                  struct stk_error *err)
{
    uint32_t before = STK_NONE, slot = list.first - 1;
    for (; slot != STK_NONE; slot = stk_orders_at(orders, slot)->wheel_next) {
        const struct stk_order *order = stk_orders_at(orders, slot);
        if (slot >= orders->orders.top || order->number == 0 || order->wheel_slot != place ||
            order->wheel_prev != before)
            return BROKEN("wheel: order %u is not linked both ways in list %u", slot, place);
        if (!is_in_place(wheel, order, place))
            return BROKEN("wheel: order %u waits in list %u, where its deadline is not", slot,
                          place);
        if (place == STK_WHEEL_CLOSED && before != STK_NONE && !wheel->closed_unsorted &&
            closed_before(stk_orders_at(orders, before), order))
            return BROKEN("wheel: order %u is not in its place in the archive queue", slot);
        if (++*count > orders->orders.used)
            return BROKEN("wheel: list %u has no end", place);
        before = slot;
    }
    return before == list.last - 1 ? STK_OK : BROKEN("wheel: list %u ends elsewhere", place);
}

enum stk_status stk_wheel_check(const struct stk_wheel *wheel, const struct stk_orders *orders,
                                struct stk_error *err)
{
    uint32_t waiting = 0, closed = 0;
    enum stk_status status =
        check_list(wheel, orders, wheel->closed, STK_WHEEL_CLOSED, &closed, err);
    if (status == STK_OK)
        status = check_list(wheel, orders, wheel->late, STK_WHEEL_LATE, &waiting, err);
    for (unsigned i = 0; i < STK_WHEEL_LEVELS && status == STK_OK; i++) {
        const struct stk_wheel_level *level = &wheel->level[i];
        uint32_t at = bit_find(level, 0);
        while (at != STK_NONE && status == STK_OK) {
            if (!level->lists[at].first)
                return BROKEN("wheel: list %u of level %u is marked and empty", at, i);
            status = check_list(wheel, orders, level->lists[at], i * STK_WHEEL_SLOTS + at, &waiting,
                                err);
            at = at + 1 < STK_WHEEL_SLOTS ? bit_find(level, at + 1) : STK_NONE;
        }
    }
    if (status == STK_OK && (waiting != wheel->waiting_count || closed != wheel->closed_count))
        return BROKEN("wheel: %u wait and %u are closed, the counts say %u and %u", waiting, closed,
                      wheel->waiting_count, wheel->closed_count);
    return status;
}
