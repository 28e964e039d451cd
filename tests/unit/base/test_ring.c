#include "core/base/mem.h"
#include "core/base/ring.h"
#include "tests/lib/death.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int put(struct stk_ring_spsc *ring, uint32_t size, uint8_t fill)
{
    void *room = stk_ring_spsc_reserve(ring, size);
    if (!room)
        return 0;
    assert_int_equal((uintptr_t)room % 8, 0);
    assert_true((uint8_t *)room + size <= ring->data + ring->size);
    memset(room, fill, size);
    stk_ring_spsc_commit(ring, size);
    return 1;
}

static void refuses_odd_sizes(void **state)
{
    struct stk_error err;
    struct stk_ring_spsc ring;
    (void)state;
    assert_int_equal(stk_ring_spsc_init(&ring, 1000, &err), STK_INVALID);
    assert_int_equal(stk_ring_spsc_init(&ring, 0, &err), STK_INVALID);
    stk_ring_spsc_fini(&ring);
    stk_ring_spsc_fini(NULL);
}

static void nothing_is_seen_before_publish(void **state)
{
    struct stk_ring_spsc ring;
    uint32_t size;
    (void)state;
    assert_int_equal(stk_ring_spsc_init(&ring, 4096, NULL), STK_OK);
    assert_null(stk_ring_spsc_next(&ring, &size));
    assert_true(put(&ring, 5, 'a'));
    assert_true(put(&ring, 0, 'b'));
    assert_null(stk_ring_spsc_peek(&ring, &size));
    assert_int_equal(stk_ring_spsc_used(&ring), 0);
    assert_int_equal(stk_ring_spsc_publish(&ring), 0);
    assert_int_equal(stk_ring_spsc_used(&ring), 24);
    assert_memory_equal(stk_ring_spsc_peek(&ring, &size), "aaaaa", 5);
    assert_memory_equal(stk_ring_spsc_next(&ring, &size), "aaaaa", 5);
    assert_int_equal(size, 5);
    assert_non_null(stk_ring_spsc_next(&ring, &size));
    assert_int_equal(size, 0);
    assert_null(stk_ring_spsc_next(&ring, &size));
    assert_int_equal(stk_ring_spsc_used(&ring), 24);
    stk_ring_spsc_release(&ring);
    assert_int_equal(stk_ring_spsc_used(&ring), 0);
    stk_ring_spsc_fini(&ring);
}

static void a_reservation_may_shrink_or_be_left(void **state)
{
    struct stk_ring_spsc ring;
    uint32_t size;
    (void)state;
    assert_int_equal(stk_ring_spsc_init(&ring, 256, NULL), STK_OK);
    for (int round = 0; round < 1000; round++) {
        assert_non_null(stk_ring_spsc_reserve(&ring, 120));
        uint8_t *room = stk_ring_spsc_reserve(&ring, 100); /* the first one is forgotten */
        assert_non_null(room);
        memset(room, round, 9);
        stk_ring_spsc_commit(&ring, 9);
        stk_ring_spsc_publish(&ring);
        const uint8_t *seen = stk_ring_spsc_next(&ring, &size);
        assert_non_null(seen);
        assert_int_equal(size, 9);
        assert_int_equal(seen[0], (uint8_t)round);
        assert_null(stk_ring_spsc_next(&ring, &size));
        stk_ring_spsc_release(&ring);
    }
    stk_ring_spsc_fini(&ring);
}

static void full_is_full_until_released(void **state)
{
    struct stk_ring_spsc ring;
    uint32_t size;
    (void)state;
    assert_int_equal(stk_ring_spsc_init(&ring, 256, NULL), STK_OK);
    for (int i = 0; i < 8; i++)
        assert_true(put(&ring, 24, (uint8_t)i));
    assert_false(put(&ring, 0, 0));
    stk_ring_spsc_publish(&ring);
    assert_int_equal(stk_ring_spsc_used(&ring), 256);
    assert_non_null(stk_ring_spsc_next(&ring, &size));
    assert_false(put(&ring, 0, 0)); /* read, but not released */
    stk_ring_spsc_release(&ring);
    assert_true(put(&ring, 24, 9));
    assert_false(put(&ring, 0, 0));
    stk_ring_spsc_fini(&ring);
}

static void largest_record_always_finds_room(void **state)
{
    struct stk_ring_spsc ring;
    uint32_t size;
    (void)state;
    assert_int_equal(stk_ring_spsc_init(&ring, 1024, NULL), STK_OK);
    for (uint32_t step = 0; step < 128; step++) {
        assert_true(put(&ring, 8 * (step % 61), 1));
        stk_ring_spsc_publish(&ring);
        assert_non_null(stk_ring_spsc_next(&ring, &size));
        stk_ring_spsc_release(&ring);
        assert_true(put(&ring, 504, 2)); /* half of the ring with its header */
        stk_ring_spsc_publish(&ring);
        const uint8_t *seen = stk_ring_spsc_next(&ring, &size);
        assert_int_equal(size, 504);
        assert_int_equal(seen[0] | seen[503], 2);
        stk_ring_spsc_release(&ring);
    }
    stk_ring_spsc_fini(&ring);
}

static void sleeper_is_reported_once(void **state)
{
    struct stk_ring_spsc ring;
    uint32_t size;
    (void)state;
    assert_int_equal(stk_ring_spsc_init(&ring, 256, NULL), STK_OK);
    assert_int_equal(stk_ring_spsc_prepare_sleep(&ring), 1);
    assert_int_equal(stk_ring_spsc_publish(&ring), 0); /* nothing new */
    assert_true(put(&ring, 1, 1));
    assert_int_equal(stk_ring_spsc_publish(&ring), 1);
    assert_true(put(&ring, 1, 1));
    assert_int_equal(stk_ring_spsc_publish(&ring), 0);
    assert_int_equal(stk_ring_spsc_prepare_sleep(&ring), 0); /* there is something */
    assert_non_null(stk_ring_spsc_next(&ring, &size));
    assert_non_null(stk_ring_spsc_next(&ring, &size));
    assert_int_equal(stk_ring_spsc_prepare_sleep(&ring), 1);
    stk_ring_spsc_cancel_sleep(&ring);
    assert_true(put(&ring, 1, 1));
    assert_int_equal(stk_ring_spsc_publish(&ring), 0);
    stk_ring_spsc_fini(&ring);
}

/* One thread plays both sides at random against counters. */
static void content_and_order_hold(void **state)
{
    struct stk_ring_spsc ring;
    uint32_t written = 0, published = 0, read = 0, size;
    (void)state;
    srand(3);
    assert_int_equal(stk_ring_spsc_init(&ring, 512, NULL), STK_OK);
    for (int step = 0; step < 300000; step++) {
        int what = rand() % 8;
        if (what < 3) {
            uint32_t bytes = (uint32_t)rand() % 249;
            if (put(&ring, bytes, (uint8_t)written) && bytes)
                written++;
            else if (bytes == 0 && stk_ring_spsc_reserve(&ring, 1)) {
                memset(stk_ring_spsc_reserve(&ring, 1), (int)(uint8_t)written++, 1);
                stk_ring_spsc_commit(&ring, 1);
            }
        } else if (what == 3) {
            stk_ring_spsc_publish(&ring);
            published = written;
        } else if (what < 7) {
            const uint8_t *seen = stk_ring_spsc_next(&ring, &size);
            while (seen && size == 0)
                seen = stk_ring_spsc_next(&ring, &size);
            if (!seen) {
                assert_int_equal(read, published);
                continue;
            }
            for (uint32_t i = 0; i < size; i++)
                assert_int_equal(seen[i], (uint8_t)read);
            read++;
        } else {
            stk_ring_spsc_release(&ring);
        }
    }
    assert_true(read > 10000);
    stk_ring_spsc_fini(&ring);
}

static void reserve_too_much(void *ring)
{
    stk_ring_spsc_reserve(ring, 128);
}

static void commit_too_much(void *ring)
{
    stk_ring_spsc_reserve(ring, 8);
    stk_ring_spsc_commit(ring, 9);
}

static void commit_nothing(void *ring)
{
    stk_ring_spsc_commit(ring, 0);
}

static void commit_twice(void *ring)
{
    stk_ring_spsc_reserve(ring, 8);
    stk_ring_spsc_commit(ring, 8);
    stk_ring_spsc_commit(ring, 8);
}

static void misuse_ends_the_process(void **state)
{
    struct stk_ring_spsc ring;
    (void)state;
    assert_int_equal(stk_ring_spsc_init(&ring, 256, NULL), STK_OK);
    assert_int_equal(death_of(reserve_too_much, &ring), SIGABRT);
    assert_int_equal(death_of(commit_too_much, &ring), SIGABRT);
    assert_int_equal(death_of(commit_nothing, &ring), SIGABRT);
    assert_int_equal(death_of(commit_twice, &ring), SIGABRT);
    stk_ring_spsc_fini(&ring);
    assert_null(ring.data);
}

static void the_smallest_ring_works(void **state)
{
    struct stk_ring_spsc ring;
    uint32_t size;
    (void)state;
    assert_int_equal(stk_ring_spsc_init(&ring, 32, NULL), STK_INVALID);
    assert_int_equal(stk_ring_spsc_init(&ring, 64, NULL), STK_OK);
    for (uint8_t i = 0; i < 100; i++) {
        assert_true(put(&ring, 24, i));
        assert_true(put(&ring, 24, i));
        assert_false(put(&ring, 0, i));
        stk_ring_spsc_publish(&ring);
        assert_int_equal(*(const uint8_t *)stk_ring_spsc_next(&ring, &size), i);
        assert_int_equal(*(const uint8_t *)stk_ring_spsc_next(&ring, &size), i);
        stk_ring_spsc_release(&ring);
    }
    stk_ring_spsc_fini(&ring);
}

static void init_reports_out_of_memory(void **state)
{
    struct stk_ring_spsc ring;
    struct stk_error err;
    (void)state;
    stk_alloc_fail_at(1, 1);
    assert_int_equal(stk_ring_spsc_init(&ring, 4096, &err), STK_NO_MEMORY);
    stk_alloc_fail_at(1, 1);
    assert_int_equal(stk_ring_spsc_init(&ring, 4096, NULL), STK_NO_MEMORY);
    stk_alloc_fail_at(0, 0);
    stk_ring_spsc_fini(&ring);
}

/* Looking on takes nothing, sees what was published when the consumer last looked, and finds the
 * records behind a skip mark. */
static void looking_on_takes_nothing(void **state)
{
    struct stk_ring_spsc ring;
    uint32_t size;
    (void)state;
    assert_int_equal(stk_ring_spsc_init(&ring, 256, NULL), STK_OK);
    uint64_t position = 0;
    assert_null(stk_ring_spsc_ahead(&ring, &position, &size));
    assert_true(put(&ring, 100, 'a'));
    assert_true(put(&ring, 60, 'b'));
    stk_ring_spsc_publish(&ring);
    assert_non_null(stk_ring_spsc_next(&ring, &size));
    stk_ring_spsc_release(&ring);
    assert_true(put(&ring, 90, 'c')); /* does not fit behind b */
    stk_ring_spsc_publish(&ring);
    position = 0;
    assert_memory_equal(stk_ring_spsc_ahead(&ring, &position, &size), "bbb", 3);
    assert_null(
        stk_ring_spsc_ahead(&ring, &position, &size)); /* c came after the last look at the tail */
    assert_memory_equal(stk_ring_spsc_next(&ring, &size), "bbb", 3);
    assert_non_null(stk_ring_spsc_peek(&ring, &size));
    position = 0;
    assert_memory_equal(stk_ring_spsc_ahead(&ring, &position, &size), "ccc", 3);
    assert_null(stk_ring_spsc_ahead(&ring, &position, &size));
    assert_memory_equal(stk_ring_spsc_next(&ring, &size), "ccc", 3);
    assert_int_equal(size, 90);
    assert_null(stk_ring_spsc_next(&ring, &size));
    stk_ring_spsc_fini(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(looking_on_takes_nothing),
        cmocka_unit_test(refuses_odd_sizes),
        cmocka_unit_test(nothing_is_seen_before_publish),
        cmocka_unit_test(a_reservation_may_shrink_or_be_left),
        cmocka_unit_test(full_is_full_until_released),
        cmocka_unit_test(largest_record_always_finds_room),
        cmocka_unit_test(sleeper_is_reported_once),
        cmocka_unit_test(content_and_order_hold),
        cmocka_unit_test(misuse_ends_the_process),
        cmocka_unit_test(the_smallest_ring_works),
        cmocka_unit_test(init_reports_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
