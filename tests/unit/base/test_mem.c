#include "core/base/mem.h"
#include "tests/lib/death.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <stockade/types.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void reserved_memory_is_zero_and_untouched(void **state)
{
    struct stk_error err;
    (void)state;
    for (int huge = 0; huge <= 1; huge++) {
        uint64_t bytes = 64ull << 30; /* more than there is */
        uint8_t *base = stk_mem_reserve(bytes, huge, &err);
        assert_non_null(base);
        assert_int_equal((uintptr_t)base % (huge ? 2u << 20 : 4096), 0);
        assert_int_equal(base[0] | base[bytes / 2] | base[bytes - 1], 0);
        base[bytes - 1] = 1;
        stk_mem_unreserve(base, bytes);
    }
    stk_mem_unreserve(NULL, 1);
}

static void reserve_refuses_what_cannot_be(void **state)
{
    struct stk_error err;
    (void)state;
    assert_null(stk_mem_reserve(0, 0, &err));
    assert_int_equal(err.status, STK_INVALID);
    assert_null(stk_mem_reserve(UINT64_MAX, 1, &err));
    assert_int_equal(err.status, STK_INVALID);
    assert_null(stk_mem_reserve(1ull << 60, 0, &err));
    assert_int_equal(err.status, STK_NO_MEMORY);
    assert_non_null(strstr(err.text, "1152921504606846976"));
    assert_null(stk_mem_reserve(1ull << 60, 0, NULL));
}

static void pool_gives_zeroed_items_newest_first(void **state)
{
    struct stk_pool pool;
    (void)state;
    assert_int_equal(stk_pool_init(&pool, 12, 3, NULL), STK_OK);
    assert_int_equal(stk_pool_take(&pool), 0);
    assert_int_equal(stk_pool_take(&pool), 1);
    memset(stk_pool_at(&pool, 0), 0xff, 12);
    memset(stk_pool_at(&pool, 1), 0xff, 12);
    stk_pool_give(&pool, 0);
    stk_pool_give(&pool, 1);
    assert_int_equal(pool.used, 0);
    assert_int_equal(stk_pool_take(&pool), 1);
    assert_memory_equal(stk_pool_at(&pool, 1), "\0\0\0\0\0\0\0\0\0\0\0\0", 12);
    assert_int_equal(stk_pool_take(&pool), 0);
    assert_int_equal(stk_pool_take(&pool), 2);
    assert_int_equal(stk_pool_take(&pool), STK_NONE);
    assert_int_equal(pool.used, 3);
    stk_pool_give(&pool, 2);
    assert_int_equal(stk_pool_take(&pool), 2);
    stk_pool_fini(&pool);
    stk_pool_fini(&pool);
    stk_pool_fini(NULL);
}

static void pool_refuses_bad_sizes(void **state)
{
    struct stk_error err;
    struct stk_pool pool;
    (void)state;
    assert_int_equal(stk_pool_init(&pool, 8, 0, &err), STK_INVALID);
    assert_int_equal(stk_pool_init(&pool, 8, STK_NONE, &err), STK_INVALID);
    assert_int_equal(stk_pool_init(&pool, 1u << 31, STK_NONE - 1, &err), STK_NO_MEMORY);
    stk_pool_fini(&pool);
}

static int is_odd(void *self, uint32_t index)
{
    (void)self;
    return index & 1;
}

static void pool_is_rebuilt_after_recovery(void **state)
{
    struct stk_pool pool;
    (void)state;
    assert_int_equal(stk_pool_init(&pool, 8, 10, NULL), STK_OK);
    stk_pool_take_at(&pool, 7);
    stk_pool_take_at(&pool, 1);
    stk_pool_take_at(&pool, 3);
    stk_pool_take_at(&pool, 5);
    assert_int_equal(pool.used, 4);
    assert_int_equal(pool.top, 8);
    stk_pool_rebuild_free(&pool, is_odd, NULL);
    assert_int_equal(pool.used, 4);
    static const uint32_t expected[] = {0, 2, 4, 6, 8, 9, STK_NONE};
    for (unsigned i = 0; i < 7; i++)
        assert_int_equal(stk_pool_take(&pool), expected[i]);
    stk_pool_fini(&pool);
}

/* A pool against the plainest model: which indexes are out, and what was written to them. */
static void pool_keeps_items_apart(void **state)
{
    enum { N = 200 };
    struct stk_pool pool;
    uint64_t out[N] = {0};
    uint32_t used = 0;
    (void)state;
    srand(1);
    assert_int_equal(stk_pool_init(&pool, 8, N, NULL), STK_OK);
    for (uint64_t step = 1; step < 100000; step++) {
        if (rand() % 2) {
            uint32_t index = stk_pool_take(&pool);
            assert_true((index == STK_NONE) == (used == N));
            if (index == STK_NONE)
                continue;
            assert_int_equal(out[index], 0);
            memcpy(stk_pool_at(&pool, index), &step, 8);
            out[index] = step;
            used++;
        } else {
            uint32_t index = (uint32_t)rand() % N;
            if (!out[index])
                continue;
            assert_memory_equal(stk_pool_at(&pool, index), &out[index], 8);
            stk_pool_give(&pool, index);
            out[index] = 0;
            used--;
        }
        assert_int_equal(pool.used, used);
    }
    stk_pool_fini(&pool);
}

static void heap_rounds_as_promised(void **state)
{
    uint32_t last = 0;
    (void)state;
    assert_int_equal(stk_heap_rounded(1), 16);
    assert_int_equal(stk_heap_rounded(128), 128);
    assert_int_equal(stk_heap_rounded(129), 144);
    assert_int_equal(stk_heap_rounded(256), 256);
    assert_int_equal(stk_heap_rounded(257), 288);
    assert_int_equal(stk_heap_rounded(16u << 20), 16u << 20);
    for (uint32_t size = 1; size <= 16u << 20; size += size < 5000 ? 1 : 997) {
        uint32_t rounded = stk_heap_rounded(size);
        assert_true(rounded >= size && rounded % 16 == 0 && rounded >= last);
        assert_true(rounded <= 128 ? rounded - size < 16 : rounded - size <= size / 8);
        assert_int_equal(stk_heap_rounded(rounded), rounded);
        last = rounded;
    }
}

static void heap_reuses_and_gets_full(void **state)
{
    struct stk_heap heap;
    (void)state;
    assert_int_equal(stk_heap_init(&heap, 4096, NULL), STK_OK);
    uint32_t a = stk_heap_take(&heap, 100);
    uint32_t b = stk_heap_take(&heap, 1000);
    assert_int_equal(heap.used_bytes, 112 + 1024);
    memset(stk_heap_at(&heap, a), 1, 112);
    memset(stk_heap_at(&heap, b), 2, 1024);
    assert_int_equal(((uint8_t *)stk_heap_at(&heap, a))[111], 1);
    assert_int_equal(stk_heap_take(&heap, 4096), STK_NONE);
    stk_heap_give(&heap, b, 1000);
    assert_int_equal(stk_heap_take(&heap, 961), b); /* the same class */
    stk_heap_give(&heap, a, 100);
    assert_int_equal(heap.used_bytes, 1024);
    while (stk_heap_take(&heap, 16) != STK_NONE)
        ;
    assert_int_equal(heap.top_bytes, 4096);
    assert_int_equal(stk_heap_take(&heap, 112), a);
    stk_heap_fini(&heap);
    stk_heap_fini(&heap);
}

static void heap_blocks_do_not_overlap(void **state)
{
    enum { N = 300 };
    struct stk_heap heap;
    struct {
        uint32_t handle, size;
    } out[N] = {{0}};
    (void)state;
    srand(2);
    assert_int_equal(stk_heap_init(&heap, 1 << 20, NULL), STK_OK);
    for (int step = 0; step < 50000; step++) {
        unsigned i = (unsigned)rand() % N;
        if (out[i].size) {
            uint8_t *bytes = stk_heap_at(&heap, out[i].handle);
            for (uint32_t k = 0; k < out[i].size; k++)
                assert_int_equal(bytes[k], (uint8_t)i);
            stk_heap_give(&heap, out[i].handle, out[i].size);
            out[i].size = 0;
            continue;
        }
        uint32_t size = 1 + (uint32_t)rand() % (rand() % 8 ? 200 : 5000);
        uint32_t handle = stk_heap_take(&heap, size);
        if (handle == STK_NONE)
            continue;
        memset(stk_heap_at(&heap, handle), (int)i, size);
        out[i].handle = handle;
        out[i].size = size;
    }
    for (unsigned i = 0; i < N; i++)
        if (out[i].size)
            stk_heap_give(&heap, out[i].handle, out[i].size);
    assert_int_equal(heap.used_bytes, 0);
    stk_heap_fini(&heap);
}

static void heap_refuses_bad_sizes(void **state)
{
    struct stk_error err;
    struct stk_heap heap;
    (void)state;
    assert_int_equal(stk_heap_init(&heap, 0, &err), STK_INVALID);
    assert_int_equal(stk_heap_init(&heap, (64ull << 30) + 1, &err), STK_INVALID);
    assert_int_equal(stk_heap_init(&heap, 64ull << 30, &err), STK_OK);
    heap.top_bytes = (64ull << 30) - 32; /* the last block's handle would be STK_NONE */
    assert_int_equal(stk_heap_take(&heap, 16), STK_NONE - 1);
    assert_int_equal(stk_heap_take(&heap, 16), STK_NONE);
    assert_int_equal(heap.used_bytes, 16);
    stk_heap_fini(&heap);
}

static void allocations_fail_when_told(void **state)
{
    struct stk_error err;
    struct stk_pool pool;
    (void)state;
    int64_t before = stk_alloc_calls();
    stk_alloc_fail_at(2, 2);
    void *first = stk_alloc(100);
    assert_non_null(first);
    assert_int_equal((uintptr_t)first % 64, 0);
    assert_null(stk_alloc(1));
    assert_null(stk_realloc(first, 200)); /* first stays */
    first = stk_realloc(first, 200);
    assert_non_null(first);
    stk_free(first);
    assert_int_equal(stk_alloc_calls() - before, 4);
    stk_alloc_fail_at(1, 1);
    assert_int_equal(stk_pool_init(&pool, 8, 8, &err), STK_NO_MEMORY);
    stk_alloc_fail_at(1, INT64_MAX);
    assert_null(stk_alloc(1));
    assert_null(stk_alloc(1));
    stk_alloc_fail_at(0, 5);
    void *none = stk_alloc(0);
    assert_non_null(none);
    stk_free(none);
    stk_free(NULL);
    stk_alloc_fail_at(1, 0);
    none = stk_alloc(1);
    assert_non_null(none);
    stk_free(none);
    stk_alloc_fail_at(0, 0);
    assert_null(stk_alloc(SIZE_MAX));
}

/* Pages of address space in use, reserved ones too. */
static long pages_mapped(void)
{
    long pages = -1;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file && fscanf(file, "%ld", &pages) != 1)
        pages = -1;
    if (file)
        fclose(file);
    return pages;
}

static void what_is_reserved_is_given_back(void **state)
{
    struct stk_pool pool;
    struct stk_heap heap;
    (void)state;
    long before = pages_mapped();
    for (int i = 0; i < 50; i++) {
        stk_mem_unreserve(stk_mem_reserve(10 << 20, 1, NULL), 10 << 20);
        stk_mem_unreserve(stk_mem_reserve((10 << 20) + 1, 0, NULL), (10 << 20) + 1);
        assert_int_equal(stk_pool_init(&pool, 1000, 20000, NULL), STK_OK);
        stk_pool_fini(&pool);
        assert_null(pool.base);
        assert_int_equal(stk_heap_init(&heap, 10 << 20, NULL), STK_OK);
        stk_heap_fini(&heap);
        assert_null(heap.base);
    }
    assert_true(before > 0);
    assert_true(pages_mapped() - before < 256); /* one leak of 50 alone is more */
}

/* 1 when the kernel was told that the memory at `base` may have huge pages ("hg" in smaps). */
static int is_advised(const void *base)
{
    char line[512], start[32];
    int inside = 0, advised = 0;
    FILE *file = fopen("/proc/self/smaps", "r");
    snprintf(start, sizeof start, "%lx-", (unsigned long)(uintptr_t)base);
    while (file && fgets(line, sizeof line, file)) {
        if (strncmp(line, start, strlen(start)) == 0)
            inside = 1;
        else if (inside && strncmp(line, "VmFlags:", 8) == 0) {
            advised = strstr(line, " hg") != NULL;
            break;
        }
    }
    if (file)
        fclose(file);
    return advised;
}

static void huge_pages_are_asked_for(void **state)
{
    struct stk_pool large, small;
    struct stk_heap heap;
    (void)state;
    if (access("/sys/kernel/mm/transparent_hugepage/enabled", R_OK) != 0)
        skip();
    assert_int_equal(stk_pool_init(&large, 8, 1 << 20, NULL), STK_OK);
    assert_int_equal(stk_pool_init(&small, 8, 1 << 10, NULL), STK_OK);
    assert_int_equal(stk_heap_init(&heap, 8 << 20, NULL), STK_OK);
    assert_true(is_advised(large.base));
    assert_false(is_advised(small.base));
    assert_true(is_advised(heap.base));
    stk_pool_fini(&large);
    stk_pool_fini(&small);
    stk_heap_fini(&heap);
}

static int is_third(void *self, uint32_t index)
{
    (void)self;
    return index == 3;
}

static void a_pool_in_use_can_be_recovered_into(void **state)
{
    struct stk_pool pool;
    (void)state;
    assert_int_equal(stk_pool_init(&pool, 8, 5, NULL), STK_OK);
    for (uint32_t i = 0; i < 5; i++)
        memset(stk_pool_at(&pool, stk_pool_take(&pool)), 0xff, 8);
    for (uint32_t i = 0; i < 5; i++)
        stk_pool_give(&pool, i);
    stk_pool_take_at(&pool, 4); /* found to be free after all */
    stk_pool_take_at(&pool, 3);
    assert_memory_equal(stk_pool_at(&pool, 3), "\0\0\0\0\0\0\0\0", 8);
    stk_pool_rebuild_free(&pool, is_third, NULL);
    assert_int_equal(pool.used, 1);
    static const uint32_t expected[] = {0, 1, 2, 4, STK_NONE};
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(stk_pool_take(&pool), expected[i]);
    stk_pool_fini(&pool);
}

static void give_untaken(void *pool)
{
    stk_pool_give(pool, 2);
}

static void give_twice(void *pool)
{
    stk_pool_give(pool, 1);
    stk_pool_give(pool, 1);
}

static void give_last_twice(void *pool)
{
    stk_pool_give(pool, 0);
    stk_pool_give(pool, 1);
    stk_pool_give(pool, 0);
}

static void take_at_beyond(void *pool)
{
    stk_pool_take_at(pool, 3);
}

static void init_tiny_items(void *pool)
{
    stk_pool_init(pool, 3, 10, NULL);
}

static void heap_take_nothing(void *heap)
{
    stk_heap_take(heap, 0);
}

static void heap_take_too_much(void *heap)
{
    stk_heap_take(heap, (16 << 20) + 1);
}

static void heap_give_untaken(void *heap)
{
    stk_heap_give(heap, 2, 16);
}

static void heap_give_twice(void *heap)
{
    stk_heap_give(heap, 0, 16);
    stk_heap_give(heap, 0, 16);
}

static void heap_give_other_size(void *heap)
{
    stk_heap_give(heap, 0, 48);
}

static void misuse_ends_the_process(void **state)
{
    struct stk_pool pool;
    struct stk_heap heap;
    (void)state;
    assert_int_equal(stk_pool_init(&pool, 8, 3, NULL), STK_OK);
    stk_pool_take(&pool);
    stk_pool_take(&pool);
    assert_int_equal(death_of(give_untaken, &pool), SIGABRT);
    assert_int_equal(death_of(give_twice, &pool), SIGABRT);
    assert_int_equal(death_of(give_last_twice, &pool), SIGABRT);
    assert_int_equal(death_of(take_at_beyond, &pool), SIGABRT);
    assert_int_equal(death_of(init_tiny_items, &pool), SIGABRT);
    stk_pool_fini(&pool);
    assert_int_equal(stk_heap_init(&heap, 32 << 20, NULL), STK_OK);
    stk_heap_take(&heap, 16);
    stk_heap_take(&heap, 16);
    assert_int_equal(death_of(heap_take_nothing, &heap), SIGABRT);
    assert_int_equal(death_of(heap_take_too_much, &heap), SIGABRT);
    assert_int_equal(death_of(heap_give_untaken, &heap), SIGABRT);
    assert_int_equal(death_of(heap_give_twice, &heap), SIGABRT);
    assert_int_equal(death_of(heap_give_other_size, &heap), SIGABRT);
    stk_heap_fini(&heap);
    stk_heap_fini(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reserved_memory_is_zero_and_untouched),
        cmocka_unit_test(reserve_refuses_what_cannot_be),
        cmocka_unit_test(pool_gives_zeroed_items_newest_first),
        cmocka_unit_test(pool_refuses_bad_sizes),
        cmocka_unit_test(pool_is_rebuilt_after_recovery),
        cmocka_unit_test(pool_keeps_items_apart),
        cmocka_unit_test(heap_rounds_as_promised),
        cmocka_unit_test(heap_reuses_and_gets_full),
        cmocka_unit_test(heap_blocks_do_not_overlap),
        cmocka_unit_test(heap_refuses_bad_sizes),
        cmocka_unit_test(allocations_fail_when_told),
        cmocka_unit_test(what_is_reserved_is_given_back),
        cmocka_unit_test(huge_pages_are_asked_for),
        cmocka_unit_test(a_pool_in_use_can_be_recovered_into),
        cmocka_unit_test(misuse_ends_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
