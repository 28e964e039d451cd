#include "core/state/fifo.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void what_came_first_leaves_first(void **state)
{
    enum { STEPS = 200000, MOST = 3000 };
    static struct {
        uint32_t at, size;
        uint8_t byte;
    } in[MOST];
    struct stk_fifo fifo;
    unsigned seed = 1, first = 0, count = 0;
    (void)state;
    assert_int_equal(stk_fifo_init(&fifo, 4096, 40, NULL), STK_OK);
    for (unsigned step = 0; step < STEPS; step++) {
        uint32_t size = 1 + (uint32_t)rand_r(&seed) % (step % 7 ? 60 : 1000);
        if (rand_r(&seed) % 1000 < (step / 5000 % 2 ? 600 : 400) && count < MOST) {
            unsigned at = (first + count) % MOST;
            int room = stk_fifo_has_room(&fifo, size);
            in[at].at = stk_fifo_take(&fifo, size);
            assert_int_equal(in[at].at != STK_NONE, room);
            if (!room)
                continue;
            in[at].size = size;
            in[at].byte = (uint8_t)step;
            memset(stk_fifo_at(&fifo, in[at].at), (uint8_t)step, size);
            count++;
        } else if (count) {
            const uint8_t *bytes = stk_fifo_at(&fifo, in[first].at);
            for (uint32_t i = 0; i < in[first].size; i++)
                assert_int_equal(bytes[i], in[first].byte);
            stk_fifo_give(&fifo, in[first].at);
            first = (first + 1) % MOST;
            count--;
        }
    }
    while (count--) {
        stk_fifo_give(&fifo, in[first].at);
        first = (first + 1) % MOST;
    }
    for (int i = 0; i < 40; i++) /* all of it is there again */
        assert_int_not_equal(stk_fifo_take(&fifo, 4096), STK_NONE);
    assert_int_equal(stk_fifo_take(&fifo, 1), STK_NONE);
    stk_fifo_fini(&fifo);
}

static void equal_sizes_follow_each_other(void **state)
{
    struct stk_fifo fifo;
    uint32_t at, first = STK_NONE, count = 0, value = 0, next = 0;
    unsigned seed = 2;
    (void)state;
    assert_int_equal(stk_fifo_init(&fifo, 64 * 8, 6, NULL), STK_OK);
    for (int step = 0; step < 10000; step++) {
        if (rand_r(&seed) % 2) {
            if ((at = stk_fifo_take(&fifo, 64)) == STK_NONE)
                continue;
            *(uint32_t *)stk_fifo_at(&fifo, at) = value++;
            if (count++ == 0)
                first = at;
        } else if (count) {
            assert_int_equal(*(uint32_t *)stk_fifo_at(&fifo, first), next++);
            at = first;
            first = stk_fifo_after(&fifo, first, 64);
            stk_fifo_give(&fifo, at);
            count--;
        }
    }
    stk_fifo_fini(&fifo);
}

static void no_more_memory_is_touched_than_was_in_use(void **state)
{
    struct stk_fifo fifo;
    uint32_t at[10];
    (void)state;
    assert_int_equal(stk_fifo_init(&fifo, 4096, 1000, NULL), STK_OK);
    for (unsigned i = 0; i < 10; i++)
        at[i] = stk_fifo_take(&fifo, 4000);
    for (unsigned i = 0; i < 10000; i++) {
        stk_fifo_give(&fifo, at[i % 10]);
        at[i % 10] = stk_fifo_take(&fifo, 4000);
    }
    assert_int_equal(fifo.top, 10);
    stk_fifo_fini(&fifo);
}

static void impossible_sizes_are_refused(void **state)
{
    struct stk_fifo fifo;
    struct stk_error err;
    (void)state;
    assert_int_equal(stk_fifo_init(&fifo, 1u << 20, 1u << 16, &err), STK_INVALID);
    for (int n = 1; n <= 3; n++) {
        stk_alloc_fail_at(n, 1);
        assert_int_equal(stk_fifo_init(&fifo, 4096, 4, &err), STK_NO_MEMORY);
        stk_alloc_fail_at(0, 0);
    }
    assert_int_equal(stk_fifo_init(&fifo, 4096, 4, &err), STK_OK);
    assert_false(stk_fifo_has_room(&fifo, 4097));
    assert_int_equal(stk_fifo_take(&fifo, 4097), STK_NONE);
    stk_fifo_fini(&fifo);
    stk_fifo_fini(&fifo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_came_first_leaves_first),
        cmocka_unit_test(equal_sizes_follow_each_other),
        cmocka_unit_test(no_more_memory_is_touched_than_was_in_use),
        cmocka_unit_test(impossible_sizes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
