/* Fault points: a small table of counters, armed from one string. Counters are atomic because any
 * thread may pass a point; no order between them is needed. */
#include "core/base/fault.h"
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum action { ACTION_NONE, ACTION_KILL, ACTION_EXIT, ACTION_ERROR, ACTION_ALWAYS };

struct armed_point {
    _Atomic int action;
    _Atomic int64_t left; /* passages until it fires */
};

_Atomic int stk_fault_armed;
static struct armed_point points[STK_FAULT_COUNT];

static const char *const names[STK_FAULT_COUNT] = {
#define STK_FAULT_NAME(name, text) [STK_FAULT_##name] = text,
    STK_FAULT_LIST(STK_FAULT_NAME)
#undef STK_FAULT_NAME
};

const char *stk_fault_name(unsigned point)
{
    return point < STK_FAULT_COUNT ? names[point] : NULL;
}

static enum action action_of(const char *text, size_t size)
{
    if (size == 4 && memcmp(text, "kill", 4) == 0)
        return ACTION_KILL;
    if (size == 4 && memcmp(text, "exit", 4) == 0)
        return ACTION_EXIT;
    if (size == 5 && memcmp(text, "error", 5) == 0)
        return ACTION_ERROR;
    if (size == 6 && memcmp(text, "always", 6) == 0)
        return ACTION_ALWAYS;
    return ACTION_NONE;
}

/* One "name:count:action" of `size` letters. */
static enum stk_status arm(const char *spec, size_t size, struct stk_error *err)
{
    const char *end = spec + size;
    const char *colon = memchr(spec, ':', size);
    const char *second = colon ? memchr(colon + 1, ':', (size_t)(end - colon - 1)) : NULL;
    if (!second)
        return stk_error_set(err, STK_INVALID, "fault \"%.*s\": expected name:count:action",
                             (int)size, spec);
    unsigned point = 0;
    while (point < STK_FAULT_COUNT && (strlen(names[point]) != (size_t)(colon - spec) ||
                                       memcmp(names[point], spec, strlen(names[point])) != 0))
        point++;
    if (point == STK_FAULT_COUNT)
        return stk_error_set(err, STK_INVALID, "fault \"%.*s\": no such point", (int)size, spec);
    char *stop;
    long long count = strtoll(colon + 1, &stop, 10);
    if (stop != second || count < 1)
        return stk_error_set(err, STK_INVALID, "fault \"%.*s\": the count is no number from 1 up",
                             (int)size, spec);
    enum action action = action_of(second + 1, (size_t)(end - second - 1));
    if (action == ACTION_NONE)
        return stk_error_set(err, STK_INVALID,
                             "fault \"%.*s\": action is kill, exit, error or always", (int)size,
                             spec);
    atomic_store_explicit(&points[point].left, count, memory_order_relaxed);
    atomic_store_explicit(&points[point].action, action, memory_order_relaxed);
    atomic_store_explicit(&stk_fault_armed, 1, memory_order_relaxed);
    return STK_OK;
}

enum stk_status stk_fault_init(const char *spec, struct stk_error *err)
{
    atomic_store_explicit(&stk_fault_armed, 0, memory_order_relaxed);
    for (unsigned i = 0; i < STK_FAULT_COUNT; i++)
        atomic_store_explicit(&points[i].action, ACTION_NONE, memory_order_relaxed);
    while (spec && *spec) {
        size_t size = strcspn(spec, ",");
        enum stk_status status = arm(spec, size, err);
        if (status != STK_OK)
            return status;
        spec += size + (spec[size] == ',');
    }
    return STK_OK;
}

int stk_fault_hit(enum stk_fault point)
{
    stk_assert(point < STK_FAULT_COUNT);
    struct armed_point *armed = &points[point];
    int action = atomic_load_explicit(&armed->action, memory_order_relaxed);
    if (action == ACTION_NONE)
        return 0;
    int64_t left = atomic_fetch_sub_explicit(&armed->left, 1, memory_order_relaxed);
    if (left > 1 || (left < 1 && action != ACTION_ALWAYS))
        return 0;
    if (action == ACTION_KILL)
        raise(SIGKILL);
    if (action == ACTION_EXIT)
        _exit(STK_FAULT_EXIT);
    return 1;
}
