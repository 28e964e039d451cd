#include "core/base/hash.h"
#include "core/state/index.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t hash_of(uint32_t value)
{
    return stk_hash64(&value, sizeof value, 7);
}

/* The way a caller uses it: the value itself is what is compared. */
static int has(const struct stk_index *index, uint64_t hash, uint32_t value)
{
    uint64_t cursor = 0;
    uint32_t found, times = 0;
    while ((found = stk_index_next(index, hash, &cursor)) != STK_NONE)
        times += found == value;
    return (int)times;
}

static void finds_what_was_put_in_and_nothing_else(void **state)
{
    struct stk_index index;
    (void)state;
    assert_int_equal(stk_index_init(&index, 1000, NULL), STK_OK);
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(stk_index_insert(&index, hash_of(i), i), STK_OK);
    for (uint32_t i = 0; i < 2000; i++)
        assert_int_equal(has(&index, hash_of(i), i), i < 1000);
    stk_index_fini(&index);
    stk_index_fini(&index);
}

static void refuses_beyond_its_capacity(void **state)
{
    (void)state;
    for (uint32_t capacity = 1; capacity < 40; capacity++) {
        struct stk_index index;
        assert_int_equal(stk_index_init(&index, capacity, NULL), STK_OK);
        for (uint32_t i = 0; i < capacity; i++)
            assert_int_equal(stk_index_insert(&index, hash_of(i), i), STK_OK);
        assert_int_equal(stk_index_insert(&index, hash_of(99), 99), STK_FULL);
        assert_false(has(&index, hash_of(99), 99));
        stk_index_remove(&index, hash_of(0), 0);
        assert_int_equal(stk_index_insert(&index, hash_of(99), 99), STK_OK);
        assert_true(has(&index, hash_of(99), 99));
        stk_index_fini(&index);
    }
}

static void equal_hashes_are_told_apart_by_the_caller(void **state)
{
    struct stk_index index;
    uint64_t cursor = 0;
    uint32_t seen = 0;
    (void)state;
    assert_int_equal(stk_index_init(&index, 64, NULL), STK_OK);
    for (uint32_t i = 0; i < 10; i++)
        assert_int_equal(stk_index_insert(&index, 42, i), STK_OK);
    for (uint32_t i = 0, value; i < 10; i++) {
        value = stk_index_next(&index, 42, &cursor);
        assert_true(value < 10);
        seen |= 1u << value;
    }
    assert_int_equal(seen, 0x3ff);
    assert_int_equal(stk_index_next(&index, 42, &cursor), STK_NONE);
    assert_int_equal(stk_index_next(&index, 42, &cursor), STK_NONE);
    stk_index_remove(&index, 42, 5);
    assert_false(has(&index, 42, 5));
    assert_true(has(&index, 42, 9));
    stk_index_fini(&index);
}

static void clusters_wrap_around_the_end(void **state)
{
    struct stk_index index;
    uint64_t last = UINT64_MAX; /* home: the last entry */
    (void)state;
    assert_int_equal(stk_index_init(&index, 9, NULL), STK_OK);
    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal(stk_index_insert(&index, last - ((uint64_t)i << 32), i), STK_OK);
    assert_int_equal(stk_index_insert(&index, 0, 7), STK_OK); /* home: the first entry */
    for (uint32_t gone = 0; gone < 5; gone++) {
        stk_index_remove(&index, last - ((uint64_t)gone << 32), gone);
        for (uint32_t i = 0; i < 5; i++)
            assert_int_equal(has(&index, last - ((uint64_t)i << 32), i), i > gone);
        assert_true(has(&index, 0, 7));
    }
    stk_index_fini(&index);
}

/* A full index under churn for long: no tombstones, so a search stays as short as it was. */
static void churn_leaves_no_trace(void **state)
{
    enum { KEYS = 3000, LIVE = 1000, STEPS = 200000 };
    static uint8_t there[KEYS];
    struct stk_index index;
    unsigned seed = 1;
    uint32_t live = 0;
    (void)state;
    memset(there, 0, sizeof there);
    assert_int_equal(stk_index_init(&index, LIVE, NULL), STK_OK);
    for (uint32_t step = 0; step < STEPS; step++) {
        uint32_t key = (uint32_t)rand_r(&seed) % KEYS;
        if (there[key]) {
            stk_index_remove(&index, hash_of(key), key);
            there[key] = 0, live--;
        } else if (live < LIVE) {
            assert_int_equal(stk_index_insert(&index, hash_of(key), key), STK_OK);
            there[key] = 1, live++;
        }
        assert_int_equal(index.count, live);
        if (step % 1000 == 0)
            for (uint32_t k = 0; k < KEYS; k++)
                assert_int_equal(has(&index, hash_of(k), k), there[k]);
    }
    for (uint32_t k = 0; k < KEYS; k++)
        if (there[k])
            stk_index_remove(&index, hash_of(k), k);
    for (uint64_t i = 0; i < index.size; i++)
        assert_true(index.entries[i] == 0);
    stk_index_fini(&index);
}

static void says_when_memory_is_refused(void **state)
{
    struct stk_index index;
    struct stk_error err;
    (void)state;
    assert_int_equal(stk_index_init(&index, UINT32_MAX - 1, &err), STK_INVALID);
    assert_non_null(strstr(err.text, "4294967294"));
    stk_alloc_fail_at(1, 1);
    assert_int_equal(stk_index_init(&index, 10, &err), STK_NO_MEMORY);
    stk_alloc_fail_at(0, 0);
    stk_index_fini(&index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_was_put_in_and_nothing_else),
        cmocka_unit_test(refuses_beyond_its_capacity),
        cmocka_unit_test(equal_hashes_are_told_apart_by_the_caller),
        cmocka_unit_test(clusters_wrap_around_the_end),
        cmocka_unit_test(churn_leaves_no_trace),
        cmocka_unit_test(says_when_memory_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
