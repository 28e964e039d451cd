#include "core/base/hash.h"
#include "core/state/dedupe.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct stk_dedupe dedupe;

static struct stk_hash key_of(uint64_t n)
{
    return stk_hash128(&n, sizeof n, 1);
}

static void begin(uint32_t keys, uint64_t doc_bytes, uint32_t keys_on_disk)
{
    assert_int_equal(stk_dedupe_init(&dedupe, keys, doc_bytes, keys_on_disk, NULL), STK_OK);
}

static void add(uint64_t n, uint8_t class, const char *doc)
{
    struct stk_key_entry entry = {.key = key_of(n),
                                  .body = key_of(n + 1000000),
                                  .seq = n,
                                  .number = class ? n : 0,
                                  .status = (uint16_t)(n % 7),
                                  .verb = 21,
                                  .class = class};
    struct stk_bytes bytes = {doc, doc ? (uint32_t)strlen(doc) : 0};
    assert_true(stk_dedupe_has_room(&dedupe, bytes.size));
    stk_dedupe_add(&dedupe, &entry, bytes);
}

static void the_first_answer_is_kept(void **state)
{
    const struct stk_key_entry *entry;
    struct stk_bytes doc;
    (void)state;
    begin(10, 4096, 100);
    add(5, 0, "sold");
    add(6, 0, NULL);
    add(7, 1, NULL);
    entry = stk_dedupe_find(&dedupe, key_of(5));
    assert_non_null(entry);
    assert_int_equal(entry->status, 5);
    doc = stk_dedupe_doc(&dedupe, entry);
    assert_int_equal(doc.size, 4);
    assert_memory_equal(doc.data, "sold", 4);
    assert_int_equal(stk_dedupe_doc(&dedupe, stk_dedupe_find(&dedupe, key_of(6))).size, 0);
    assert_int_equal(stk_dedupe_find(&dedupe, key_of(7))->number, 7);
    assert_null(stk_dedupe_find(&dedupe, key_of(8)));
    assert_int_equal(stk_dedupe_last(&dedupe), 7);
    stk_dedupe_fini(&dedupe);
}

static void a_full_ring_has_no_room_and_forgets_nothing(void **state)
{
    (void)state;
    begin(3, 4096, 100);
    for (uint64_t n = 1; n <= 3; n++)
        add(n, 0, "doc");
    assert_false(stk_dedupe_has_room(&dedupe, 0));
    for (uint64_t n = 1; n <= 3; n++)
        assert_non_null(stk_dedupe_find(&dedupe, key_of(n)));
    stk_dedupe_fini(&dedupe);
}

/* Documents of any size, for long: what was freed is room again. */
static void room_for_documents_comes_back(void **state)
{
    char doc[400];
    uint32_t runs[2] = {1, 2};
    enum stk_status status;
    uint64_t n = 0;
    (void)state;
    begin(1000, 16384, 100000);
    memset(doc, 'x', sizeof doc);
    for (unsigned round = 0; round < 300; round++) {
        uint32_t added = 0;
        while (stk_dedupe_has_room(&dedupe, 399)) {
            doc[399] = 0;
            add(++n, 0, doc);
            added++;
        }
        assert_true(added > 20);
        assert_int_equal(stk_dedupe_forget(&dedupe, n, runs, 1000, &status), added);
        assert_true(stk_dedupe_has_room(&dedupe, 8192)); /* as large as at the start */
    }
    stk_dedupe_fini(&dedupe);
}

/* Sizes that change over time leave no holes that only their like could fill. */
static void room_does_not_depend_on_old_sizes(void **state)
{
    static char doc[20001];
    uint32_t runs[2] = {1, 2};
    enum stk_status status;
    uint64_t n = 0;
    (void)state;
    begin(100000, 4u << 20, 1000000);
    memset(doc, 'y', sizeof doc - 1);
    for (uint32_t size = 20000; size > 50; size = size * 2 / 3) {
        uint32_t room = 0;
        doc[size] = 0;
        while (stk_dedupe_has_room(&dedupe, 20000) && room < 20000)
            add(++n, 0, doc), room++;
        assert_true(room > 190);
        stk_dedupe_forget(&dedupe, n, runs, UINT32_MAX, &status);
        assert_int_equal(dedupe.count, 0);
        doc[size] = 'y';
    }
    assert_false(stk_dedupe_has_room(&dedupe, (1u << 20) + 1));
    stk_dedupe_fini(&dedupe);
}

static void forgotten_keys_are_looked_up_on_disk(void **state)
{
    uint32_t runs[2] = {41, 42};
    enum stk_status status;
    (void)state;
    begin(100, 4096, 1000);
    for (uint64_t n = 1; n <= 50; n++)
        add(n, n % 3 == 0, "d");
    assert_false(stk_dedupe_may_be_on_disk(&dedupe, key_of(1)));
    assert_int_equal(stk_dedupe_forget(&dedupe, 30, runs, 10, &status), 10);
    assert_int_equal(stk_dedupe_forget(&dedupe, 30, runs, 100, &status), 20);
    assert_int_equal(status, STK_OK);
    assert_int_equal(dedupe.count, 20);
    assert_int_equal(dedupe.filter_count, 30);
    for (uint64_t n = 1; n <= 50; n++) {
        assert_int_equal(stk_dedupe_find(&dedupe, key_of(n)) == NULL, n <= 30);
        if (n <= 30)
            assert_true(stk_dedupe_may_be_on_disk(&dedupe, key_of(n)));
    }
    stk_dedupe_drop_run(&dedupe, 42);
    assert_int_equal(dedupe.filter_count, 20);
    for (uint64_t n = 1; n <= 30; n++)
        assert_int_equal(stk_dedupe_may_be_on_disk(&dedupe, key_of(n)), n % 3 != 0);
    stk_dedupe_drop_run(&dedupe, 77); /* unknown: nothing */
    assert_int_equal(dedupe.filter_count, 20);
    stk_dedupe_fini(&dedupe);
}

static void a_class_whose_run_is_not_told_yet_waits(void **state)
{
    uint32_t runs[2] = {41, 0};
    enum stk_status status;
    (void)state;
    begin(100, 4096, 1000);
    add(1, 0, NULL);
    add(2, 1, NULL);
    add(3, 0, NULL);
    assert_int_equal(stk_dedupe_forget(&dedupe, 3, runs, 50, &status), 50);
    assert_int_equal(status, STK_OK);
    assert_int_equal(dedupe.count, 2); /* it and what came later */
    assert_non_null(stk_dedupe_find(&dedupe, key_of(2)));
    runs[1] = 43;
    assert_int_equal(stk_dedupe_forget(&dedupe, 3, runs, 50, &status), 2);
    assert_int_equal(dedupe.count, 0);
    stk_dedupe_fini(&dedupe);
}

static void a_full_filter_keeps_what_it_has(void **state)
{
    enum { KEYS = 5000 };
    uint32_t runs[2] = {1, 1}, gone;
    enum stk_status status;
    (void)state;
    begin(KEYS + 10, 4096, KEYS);
    for (uint64_t n = 1; n <= KEYS + 10; n++)
        add(n, 0, NULL);
    gone = stk_dedupe_forget(&dedupe, KEYS + 10, runs, KEYS + 10, &status);
    assert_int_equal(status, STK_FULL);
    assert_in_range(gone, KEYS, KEYS + 3); /* two of one fingerprint and bucket share an entry */
    assert_int_equal(dedupe.count, KEYS + 10 - gone);
    for (uint64_t n = 1; n <= gone; n++)
        assert_true(stk_dedupe_may_be_on_disk(&dedupe, key_of(n)));
    for (uint64_t n = gone + 1; n <= KEYS + 10; n++)
        assert_non_null(stk_dedupe_find(&dedupe, key_of(n)));
    stk_dedupe_fini(&dedupe);
}

/* Beyond what is promised: buckets so full that inserts fail. None of the old entries may go. */
static void an_insert_that_fails_puts_everything_back(void **state)
{
    enum { KEYS = 4000 };
    uint64_t n = 0;
    unsigned failed = 0;
    uint32_t *before;
    (void)state;
    begin(10, 4096, KEYS);
    before = malloc(dedupe.filter_buckets * 16);
    dedupe.filter_capacity = KEYS * 2;
    while (failed < 50) {
        memcpy(before, dedupe.filter, dedupe.filter_buckets * 16);
        if (stk_dedupe_filter_add(&dedupe, 9, 0, key_of(++n)) == STK_OK)
            continue;
        assert_memory_equal(before, dedupe.filter, dedupe.filter_buckets * 16);
        failed++;
    }
    assert_true(dedupe.filter_count > dedupe.filter_buckets * 4 * 95 / 100);
    stk_dedupe_fini(&dedupe);
    free(before);
}

/* An order that was archived again and again lies in many runs; the latest covers it. */
static void a_key_of_many_runs_takes_one_place(void **state)
{
    struct stk_hash key = key_of(1), other = key_of(2);
    (void)state;
    begin(10, 4096, 100);
    for (uint32_t run = 1; run <= 500; run++)
        assert_int_equal(stk_dedupe_filter_add(&dedupe, run, 1, key), STK_OK);
    assert_int_equal(dedupe.filter_count, 1);
    assert_int_equal(stk_dedupe_filter_add(&dedupe, 7, 1, key), STK_OK); /* an older one, late */
    assert_int_equal(stk_dedupe_filter_add(&dedupe, 500, 1, other), STK_OK);
    assert_int_equal(stk_dedupe_filter_add(&dedupe, 501, 0, key), STK_OK); /* of another class */
    assert_int_equal(dedupe.filter_count, 3);
    for (uint32_t run = 1; run < 500; run++)
        stk_dedupe_drop_run(&dedupe, run);
    stk_dedupe_drop_run(&dedupe, 501);
    assert_true(stk_dedupe_may_be_on_disk(&dedupe, key));
    assert_int_equal(dedupe.filter_count, 2);
    stk_dedupe_drop_run(&dedupe, 500);
    assert_false(stk_dedupe_may_be_on_disk(&dedupe, key));
    assert_int_equal(dedupe.filter_count, 0);
    stk_dedupe_fini(&dedupe);
}

static void dropped_runs_make_room_for_ever(void **state)
{
    enum { KEYS = 10000, RUN = 1000 };
    uint64_t n = 0;
    (void)state;
    begin(10, 4096, KEYS);
    for (uint32_t run = 1; run <= 500; run++) { /* the last nine are kept */
        for (unsigned i = 0; i < RUN; i++)
            assert_int_equal(stk_dedupe_filter_add(&dedupe, run, 0, key_of(++n)), STK_OK);
        if (run > 9)
            stk_dedupe_drop_run(&dedupe, run - 9);
        assert_true(dedupe.filter_count <= 9 * RUN);
    }
    for (uint64_t i = 0; i < 9 * RUN; i++)
        assert_true(stk_dedupe_may_be_on_disk(&dedupe, key_of(n - i)));
    stk_dedupe_fini(&dedupe);
}

static void run_slots_are_used_again(void **state)
{
    (void)state;
    begin(10, 4096, 1000);
    dedupe.run_next = dedupe.run_top = STK_DEDUPE_RUNS - 100; /* as after so many runs */
    for (uint32_t run = 1; run <= 300; run++) {
        assert_int_equal(stk_dedupe_filter_add(&dedupe, run, 0, key_of(run)), STK_OK);
        assert_true(stk_dedupe_may_be_on_disk(&dedupe, key_of(run)));
        stk_dedupe_drop_run(&dedupe, run);
        assert_false(stk_dedupe_may_be_on_disk(&dedupe, key_of(run)));
    }
    assert_true(dedupe.run_next < 300);
    assert_int_equal(dedupe.filter_count, 0);
    stk_dedupe_fini(&dedupe);
}

static void strangers_are_rarely_taken_for_keys(void **state)
{
    enum { KEYS = 500000, STRANGERS = 2000000 };
    uint32_t wrong = 0;
    (void)state;
    begin(10, 4096, KEYS);
    for (uint64_t n = 0; n < KEYS; n++)
        assert_int_equal(stk_dedupe_filter_add(&dedupe, (uint32_t)(1 + n / 50000), 0, key_of(n)),
                         STK_OK);
    for (uint64_t n = KEYS; n < KEYS + STRANGERS; n++)
        wrong += (uint32_t)stk_dedupe_may_be_on_disk(&dedupe, key_of(n));
    print_message("false positives: %u of %u, full to nine tenths\n", wrong, STRANGERS);
    /* 8 entries x 0.9 / 65536 = 1.1 in 10,000: 220 here */
    assert_in_range(wrong, 100, 400);
    stk_dedupe_fini(&dedupe);
}

static void refused_memory_is_said(void **state)
{
    struct stk_error err;
    (void)state;
    for (int n = 1; n <= 9; n++) {
        stk_alloc_fail_at(n, 1);
        assert_int_equal(stk_dedupe_init(&dedupe, 10, 4096, 1000, &err), STK_NO_MEMORY);
        stk_alloc_fail_at(0, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_answer_is_kept),
        cmocka_unit_test(a_full_ring_has_no_room_and_forgets_nothing),
        cmocka_unit_test(room_for_documents_comes_back),
        cmocka_unit_test(room_does_not_depend_on_old_sizes),
        cmocka_unit_test(forgotten_keys_are_looked_up_on_disk),
        cmocka_unit_test(a_class_whose_run_is_not_told_yet_waits),
        cmocka_unit_test(a_full_filter_keeps_what_it_has),
        cmocka_unit_test(an_insert_that_fails_puts_everything_back),
        cmocka_unit_test(a_key_of_many_runs_takes_one_place),
        cmocka_unit_test(dropped_runs_make_room_for_ever),
        cmocka_unit_test(run_slots_are_used_again),
        cmocka_unit_test(strangers_are_rarely_taken_for_keys),
        cmocka_unit_test(refused_memory_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
