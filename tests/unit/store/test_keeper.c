/* The keeper: the next segment ahead of need, each larger than the one before, and no space. */
#include "core/store/keeper.h"
#include "tests/lib/folder.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static struct test_folder folder;
static _Atomic int told;
static uint64_t room_now;

static stk_seq_t no_pin(void *arg)
{
    (void)arg;
    return 0;
}

static uint64_t room(void *arg)
{
    (void)arg;
    return room_now;
}

static void on_ready(void *arg)
{
    (void)arg;
    atomic_fetch_add(&told, 1);
}

static int setup(void **state)
{
    (void)state;
    test_folder_make(&folder);
    atomic_store(&told, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    test_folder_remove(&folder);
    return 0;
}

static int wait_for(int (*what)(const struct stk_keeper *keeper), const struct stk_keeper *keeper)
{
    struct timespec ms = {0, 1000000};
    for (int i = 0; i < 20000; i++) {
        if (what(keeper))
            return 1;
        nanosleep(&ms, NULL);
    }
    return 0;
}

static uint64_t next_size(void)
{
    struct stk_path next;
    uint64_t bytes = 0;
    stk_path_join(&next, folder.path, STK_SEGMENT_NEXT, NULL);
    return stk_file_size(next.text, &bytes, NULL) == STK_OK ? bytes : 0;
}

static struct stk_keeper_options options_of(struct stk_shelf *shelf)
{
    return (struct stk_keeper_options){.folder = folder.path,
                                       .shelf = shelf,
                                       .segment_bytes = 96u << 20,
                                       .pin = no_pin,
                                       .room = room,
                                       .on_ready = on_ready};
}

static void test_makes_the_next_and_a_larger_one(void **state)
{
    (void)state;
    struct stk_shelf *shelf;
    struct stk_shelf_end end;
    struct stk_keeper *keeper;
    assert_int_equal(stk_shelf_open(&shelf, folder.path, &end, NULL), STK_OK);
    struct stk_keeper_options options = options_of(shelf);
    assert_int_equal(stk_keeper_create(&keeper, &options, 0, NULL), STK_OK);
    assert_int_equal(stk_keeper_ready(keeper), 0);
    assert_int_equal(stk_keeper_start(keeper, NULL), STK_OK);
    assert_true(wait_for(stk_keeper_ready, keeper));
    assert_true(atomic_load(&told) > 0);
    assert_int_equal(next_size(), STK_SEGMENT_BYTES_FIRST);
    assert_int_equal(stk_segment_take(folder.path, 1, NULL), STK_OK);
    stk_keeper_taken(keeper, STK_SEGMENT_BYTES_FIRST);
    assert_true(wait_for(stk_keeper_ready, keeper));
    assert_int_equal(next_size(), 96u << 20); /* twice as large, but never above the configured */
    stk_keeper_stop(keeper);
    stk_keeper_destroy(keeper);
    /* what is there already is used */
    assert_int_equal(stk_keeper_create(&keeper, &options, 0, NULL), STK_OK);
    assert_int_equal(stk_keeper_ready(keeper), 1);
    stk_keeper_destroy(keeper);
    stk_keeper_destroy(NULL);
    stk_shelf_close(shelf);
}

static void test_no_space(void **state)
{
    (void)state;
    struct stk_shelf *shelf;
    struct stk_shelf_end end;
    struct stk_keeper *keeper;
    uint64_t free_bytes;
    char why[200];
    assert_int_equal(stk_shelf_open(&shelf, folder.path, &end, NULL), STK_OK);
    assert_int_equal(stk_folder_free_bytes(folder.path, &free_bytes, NULL), STK_OK);
    struct stk_keeper_options options = options_of(shelf);
    options.segment_bytes = 64ull << 50; /* no disk has that */
    options.retain_ms = 1;
    assert_int_equal(stk_keeper_create(&keeper, &options, 32ull << 50, NULL), STK_OK);
    assert_int_equal(stk_keeper_start(keeper, NULL), STK_OK);
    assert_true(wait_for(stk_keeper_blocked, keeper));
    assert_int_equal(stk_keeper_ready(keeper), 0);
    room_now = 1ull << 40; /* there is room enough in the segment in use */
    assert_int_equal(stk_keeper_full(keeper, why, sizeof(why)), 0);
    room_now = (uint64_t)STK_BATCHES * STK_BATCH_BYTES;
    assert_int_equal(stk_keeper_full(keeper, why, sizeof(why)), 1);
    assert_non_null(strstr(why, "next segment"));
    stk_keeper_stop(keeper);
    stk_keeper_destroy(keeper);
    stk_shelf_close(shelf);
}

/* The file would fit, but less than the least would be left of the disk. */
static void test_the_least_is_left(void **state)
{
    (void)state;
    struct stk_shelf *shelf;
    struct stk_shelf_end end;
    struct stk_keeper *keeper;
    uint64_t free_bytes;
    assert_int_equal(stk_shelf_open(&shelf, folder.path, &end, NULL), STK_OK);
    assert_int_equal(stk_folder_free_bytes(folder.path, &free_bytes, NULL), STK_OK);
    struct stk_keeper_options options = options_of(shelf);
    options.free_bytes_min = free_bytes - STK_SEGMENT_BYTES_FIRST / 2;
    assert_int_equal(stk_keeper_create(&keeper, &options, 0, NULL), STK_OK);
    assert_int_equal(stk_keeper_start(keeper, NULL), STK_OK);
    assert_true(wait_for(stk_keeper_blocked, keeper));
    assert_int_equal(next_size(), 0);
    stk_keeper_stop(keeper);
    stk_keeper_destroy(keeper);
    stk_shelf_close(shelf);
}

int main(void)
{
#define UNIT(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        UNIT(test_makes_the_next_and_a_larger_one),
        UNIT(test_no_space),
        UNIT(test_the_least_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
