/* Batches: records in, records out, and no flipped bit unseen. */
#include "core/store/batch.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t zeros[STK_CHAIN_BYTES];

static stk_seq_t add(struct stk_batch *batch, uint32_t size, uint8_t fill, stk_time_t time_ms)
{
    assert_true(stk_batch_has_room(batch));
    memset(stk_batch_record_open(batch), fill, size);
    return stk_batch_record_close(batch, size, time_ms);
}

static void test_round_trip(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {1,     100,     127,     128,           16383,
                                     16384, 2097151, 2097152, STK_RECORD_MAX};
    enum { COUNT = sizeof(sizes) / sizeof(*sizes) };
    struct stk_batch batch;
    struct stk_chain *chain = stk_chain_create();
    assert_int_equal(stk_batch_init(&batch, NULL), STK_OK);
    for (int from = 0; from < COUNT; from++) {
        uint8_t own[STK_CHAIN_BYTES], expected[STK_CHAIN_BYTES], previous[STK_CHAIN_BYTES];
        memset(previous, from, sizeof(previous));
        stk_batch_reset(&batch, 1000);
        int count = 0;
        for (; from + count < COUNT && stk_batch_has_room(&batch); count++)
            assert_int_equal(add(&batch, sizes[from + count], (uint8_t)count, 50 + count),
                             1000 + count);
        stk_batch_seal(&batch, chain, previous, own);
        stk_chain_next(chain, previous, batch.data, batch.size, expected);
        assert_memory_equal(own, expected, sizeof(own));

        struct stk_batch_view view;
        struct stk_bytes record;
        assert_int_equal(stk_batch_open(batch.data, batch.size, &view, NULL), STK_OK);
        assert_int_equal(view.first, 1000);
        assert_int_equal(view.count, count);
        assert_int_equal(view.time_ms, 50);
        assert_memory_equal(view.previous, previous, sizeof(previous));
        for (int i = 0; i < count; i++) {
            assert_int_equal(stk_batch_next(&view, &record), 1);
            assert_int_equal(record.size, sizes[from + i]);
            assert_int_equal((uint8_t)record.data[0], i);
            assert_int_equal((uint8_t)record.data[record.size - 1], i);
        }
        assert_int_equal(stk_batch_next(&view, &record), 0);
        assert_int_equal(view.records.bad, 0);
    }
    stk_chain_destroy(chain);
    stk_batch_fini(&batch);
}

static void test_full(void **state)
{
    (void)state;
    struct stk_batch batch;
    assert_int_equal(stk_batch_init(&batch, NULL), STK_OK);
    stk_batch_reset(&batch, 1);
    uint32_t count = 0;
    while (stk_batch_has_room(&batch)) {
        add(&batch, STK_RECORD_MAX, 1, 1);
        count++;
    }
    assert_int_equal(count, 2);
    assert_true(batch.size <= STK_BATCH_BYTES);
    stk_batch_fini(&batch);
    stk_batch_fini(NULL);
}

static void test_every_flipped_bit_is_found(void **state)
{
    (void)state;
    struct stk_batch batch;
    assert_int_equal(stk_batch_init(&batch, NULL), STK_OK);
    stk_batch_reset(&batch, 7);
    for (int i = 0; i < 20; i++)
        add(&batch, 10 + (uint32_t)i, (uint8_t)i, 99);
    stk_batch_close(&batch, zeros);
    struct stk_batch_view view;
    for (uint32_t bit = 0; bit < batch.size * 8; bit++) {
        batch.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(stk_batch_open(batch.data, batch.size, &view, NULL), STK_CORRUPT);
        batch.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (uint32_t size = 0; size < batch.size; size++) {
        uint8_t *copy = malloc(size + 1);
        memcpy(copy, batch.data, size);
        assert_int_equal(stk_batch_open(copy, size, &view, NULL), STK_CORRUPT);
        free(copy);
    }
    assert_int_equal(stk_batch_open(batch.data, batch.size, &view, NULL), STK_OK);
    stk_batch_fini(&batch);
}

/* The head is true to its checksum, but tells lies. */
static void test_hostile_counts(void **state)
{
    (void)state;
    struct stk_batch batch;
    struct stk_batch_view view;
    struct stk_bytes record;
    assert_int_equal(stk_batch_init(&batch, NULL), STK_OK);
    for (int lie = -1; lie <= 1; lie++) {
        stk_batch_reset(&batch, 7);
        for (int i = 0; i < 3; i++)
            add(&batch, 10, 1, 99);
        batch.count = (uint32_t)((int)batch.count + lie);
        stk_batch_close(&batch, zeros);
        assert_int_equal(stk_batch_open(batch.data, batch.size, &view, NULL), STK_OK);
        int count = 0;
        while (stk_batch_next(&view, &record))
            count++;
        assert_int_equal(view.records.bad, lie != 0);
        assert_int_equal(count, lie < 0 ? 2 : 3);
    }
    /* a record that reaches beyond the batch */
    stk_batch_reset(&batch, 7);
    add(&batch, 10, 1, 99);
    batch.data[STK_BATCH_HEADER] = 11 | 0x80;
    stk_batch_close(&batch, zeros);
    assert_int_equal(stk_batch_open(batch.data, batch.size, &view, NULL), STK_OK);
    assert_int_equal(stk_batch_next(&view, &record), 0);
    assert_int_equal(view.records.bad, 1);
    /* an empty one */
    batch.data[STK_BATCH_HEADER] = 0x80;
    stk_batch_close(&batch, zeros);
    assert_int_equal(stk_batch_open(batch.data, batch.size, &view, NULL), STK_OK);
    assert_int_equal(stk_batch_next(&view, &record), 0);
    assert_int_equal(view.records.bad, 1);
    /* a first sequence that overflows */
    stk_batch_reset(&batch, UINT64_MAX);
    add(&batch, 10, 1, 99);
    stk_batch_close(&batch, zeros);
    assert_int_equal(stk_batch_open(batch.data, batch.size, &view, NULL), STK_CORRUPT);
    stk_batch_fini(&batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_every_flipped_bit_is_found),
        cmocka_unit_test(test_hostile_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
