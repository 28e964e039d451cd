/* Records: what is written is read back; hostile bytes are refused, never followed. */
#include "core/store/record.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint8_t room[STK_RECORD_MAX];

/* The size of a key as its description in the table says it. */
static unsigned described_size(const char *key)
{
    unsigned size = 0, number;
    if (sscanf(key, "%u bytes", &number) == 1)
        return number;
    for (const char *at = key; at; at = strchr(at, ',') ? strchr(at, ',') + 2 : NULL) {
        assert_int_equal(sscanf(at, "u%u", &number), 1);
        size += number / 8;
    }
    return size;
}

static void test_tables(void **state)
{
    (void)state;
#define CHECK_TABLE(name, number, key_size, text, key)                                             \
    assert_string_equal(stk_table_name(number), text);                                             \
    assert_int_equal(stk_table_key_size(number), described_size(key));                             \
    assert_true(stk_table_key_size(number) <= STK_KEY_MAX);
    STK_TABLE_LIST(CHECK_TABLE)
#undef CHECK_TABLE
    assert_null(stk_table_name(0));
    assert_null(stk_table_name(STK_TABLE_COUNT));
    assert_int_equal(stk_table_key_size(0), 0);
    assert_int_equal(stk_table_key_size(200), 0);
}

/* A row whose value is `size` bytes of a pattern. */
static void write_row(struct stk_record *record, uint8_t table, uint64_t key, uint32_t size)
{
    uint8_t bytes[8];
    stk_put_be64(bytes, key);
    uint8_t key_size = (uint8_t)stk_table_key_size(table);
    uint8_t *start = stk_record_row_open(record, table, bytes + 8 - key_size, key_size);
    for (uint32_t i = 0; i < size; i++)
        start[i] = (uint8_t)(i * 7 + key);
    stk_record_row_close(record, start, start + size);
}

static void check_row(const struct stk_row_view *row, uint8_t table, uint64_t key, uint32_t size)
{
    uint8_t bytes[8];
    stk_put_be64(bytes, key);
    assert_int_equal(row->table, table);
    assert_int_equal(row->key.size, stk_table_key_size(table));
    assert_memory_equal(row->key.data, bytes + 8 - row->key.size, row->key.size);
    assert_non_null(row->value.data);
    assert_int_equal(row->value.size, size);
    for (uint32_t i = 0; i < size; i++)
        assert_int_equal((uint8_t)row->value.data[i], (uint8_t)(i * 7 + key));
}

static void round_trip(stk_seq_t seq, uint32_t size)
{
    struct stk_record record;
    stk_record_begin(&record, room, seq, 300, -5, 70000);
    write_row(&record, STK_TABLE_SKU, 1, 3);
    write_row(&record, STK_TABLE_ORDER, 77, size);
    uint8_t cell[6] = {1, 2, 3, 4, 5, 6};
    stk_record_row_deleted(&record, STK_TABLE_CELL, cell, 6);
    write_row(&record, STK_TABLE_KEY, UINT64_MAX, 9);

    struct stk_record_view view;
    struct stk_row_view row;
    struct stk_bytes bytes = {(char *)room, stk_record_size(&record)};
    assert_int_equal(stk_record_open(bytes, seq, 1000, &view, NULL), STK_OK);
    assert_int_equal(view.verb, 300);
    assert_int_equal(view.time_ms, 995);
    assert_int_equal(view.who, 70000);
    assert_int_equal(stk_record_next(&view, &row), 1);
    check_row(&row, STK_TABLE_SKU, 1, 3);
    assert_int_equal(stk_record_next(&view, &row), 1);
    check_row(&row, STK_TABLE_ORDER, 77, size);
    assert_int_equal(stk_record_next(&view, &row), 1);
    assert_int_equal(row.table, STK_TABLE_CELL);
    assert_null(row.value.data);
    assert_int_equal(stk_record_next(&view, &row), 1);
    check_row(&row, STK_TABLE_KEY, UINT64_MAX, 9);
    assert_int_equal(stk_record_next(&view, &row), 0);
    assert_int_equal(view.rows.bad, 0);
}

static void test_round_trip_of_all_value_sizes(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {1,     2,     125,   126,     127,     128,
                                     16381, 16382, 16383, 2097149, 2097150, 2097151};
    static const stk_seq_t seqs[] = {1, 76, 77, 78, 1u << 20, UINT64_MAX};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
        for (size_t s = 0; s < sizeof(seqs) / sizeof(*seqs); s++)
            round_trip(seqs[s], sizes[i]);
}

/* Every table's key of all ones, of a one in each byte, of nothing. */
static void test_round_trip_of_all_keys(void **state)
{
    (void)state;
    for (uint8_t table = 1; table < STK_TABLE_COUNT; table++) {
        unsigned size = stk_table_key_size(table);
        for (unsigned byte = 0; byte <= size + 1; byte++) {
            struct stk_record record;
            struct stk_record_view view;
            struct stk_row_view row;
            uint8_t key[STK_KEY_MAX] = {0};
            if (byte < size)
                key[byte] = 0x81;
            else if (byte == size)
                memset(key, 0xff, sizeof key);
            stk_record_begin(&record, room, 9, 1, 0, 0);
            stk_record_row_deleted(&record, table, key, (uint8_t)size);
            assert_true(stk_record_size(&record) <= 3 + STK_ROW_HEAD_MAX);
            struct stk_bytes bytes = {(char *)room, stk_record_size(&record)};
            assert_int_equal(stk_record_open(bytes, 9, 0, &view, NULL), STK_OK);
            assert_int_equal(stk_record_next(&view, &row), 1);
            assert_int_equal(row.table, table);
            assert_int_equal(row.key.size, size);
            assert_memory_equal(row.key.data, key, size);
        }
    }
}

/* What most records say of themselves: their own sequence, a small SKU at the first location. */
static void test_keys_are_short(void **state)
{
    (void)state;
    struct stk_record record;
    uint8_t key[8], cell[6] = {0, 1, 0, 0, 0, 0};
    stk_put_be64(key, UINT64_C(1) << 40);
    stk_record_begin(&record, room, UINT64_C(1) << 40, 1, 0, 0);
    uint32_t size = stk_record_size(&record);
    stk_record_row_deleted(&record, STK_TABLE_ORDER, key, 8);
    assert_int_equal(stk_record_size(&record), size + 3);
    stk_record_row_deleted(&record, STK_TABLE_CELL, cell, 6);
    assert_int_equal(stk_record_size(&record), size + 3 + 6);
}

static void test_room_is_what_is_promised(void **state)
{
    (void)state;
    struct stk_record record;
    uint8_t key[STK_KEY_MAX] = {9};
    stk_record_begin(&record, room, 1, 1, 0, 0);
    uint32_t largest = STK_RECORD_MAX - stk_record_size(&record) - STK_ROW_HEAD_MAX;
    assert_true(stk_record_room(&record, largest + STK_ROW_HEAD_MAX));
    assert_false(stk_record_room(&record, largest + STK_ROW_HEAD_MAX + 1));
    uint8_t *start = stk_record_row_open(&record, STK_TABLE_EARLY, key, sizeof(key));
    memset(start, 1, largest);
    stk_record_row_close(&record, start, start + largest);
    assert_true(record.at <= record.limit);
}

static enum stk_status open_bytes(const void *bytes, uint32_t size)
{
    struct stk_record_view view;
    return stk_record_open((struct stk_bytes){bytes, size}, 1, 0, &view, NULL);
}

static void test_damaged_heads(void **state)
{
    (void)state;
    assert_int_equal(open_bytes("", 0), STK_CORRUPT);
    assert_int_equal(open_bytes("\x01\x00", 2), STK_CORRUPT);
    assert_int_equal(open_bytes("\x01\x00\x00", 3), STK_OK);
    assert_int_equal(open_bytes("\xff\xff\xff\xff\x7f\x00\x00", 7), STK_CORRUPT); /* verb */
    assert_int_equal(open_bytes("\x01\x00\xff\xff\xff\xff\x7f", 7), STK_CORRUPT); /* who */
    struct stk_record_view view;
    uint8_t late[16] = {0};
    uint8_t *end = stk_put_zigzag(late + 1, INT64_MAX);
    *end++ = 0;
    struct stk_bytes bytes = {(char *)late, (uint32_t)(end - late)};
    assert_int_equal(stk_record_open(bytes, 1, 0, &view, NULL), STK_OK);
    assert_int_equal(stk_record_open(bytes, 1, 1, &view, NULL), STK_CORRUPT); /* time overflows */
}

/* The rows of one record given by hand: how many come out before the end, and was it damaged. */
static int rows_of(const char *rows, uint32_t size, int *bad)
{
    char bytes[64] = "\x01\x00\x00";
    memcpy(bytes + 3, rows, size);
    struct stk_record_view view;
    struct stk_row_view row;
    assert_int_equal(stk_record_open((struct stk_bytes){bytes, 3 + size}, 1, 0, &view, NULL),
                     STK_OK);
    int count = 0;
    while (stk_record_next(&view, &row))
        count++;
    *bad = view.rows.bad;
    return count;
}

static void test_damaged_rows(void **state)
{
    (void)state;
    int bad;
    assert_int_equal(rows_of("\x10K\x02V", 4, &bad), 1);
    assert_int_equal(bad, 0);
    static const struct {
        const char *rows;
        uint32_t size;
    } damaged[] = {
        {"\x00K\x02V", 4},                                         /* no such table */
        {"\x7fK\x02V", 4},                                         /* one that is not known yet */
        {"\x10\x80\x02\x02V", 5},                                  /* a key beyond its byte */
        {"\x02\x80\x80\x04\x02V", 6},                              /* beyond its two bytes */
        {"\x04\x80\x80\x80\x80\x10\x00\x02V", 8},                  /* beyond its four */
        {"\x04\x01\x80\x80\x04\x02V", 7},                          /* its second part */
        {"\x06\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02\x02V", 13}, /* beyond its eight */
        {"\x11KKKKKKKKKKKKKKK", 16},                               /* a hash that is cut */
        {"\x10\xff", 2},                                           /* ends within the key */
        {"\x10K\x01", 3},                                      /* an empty value has no version */
        {"\x10K\x03V", 4},                                     /* value beyond the end */
        {"\x10K", 2},                                          /* ends after the key */
        {"\x10", 1},                                           /* ends after the table */
        {"\x10K\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12}, /* a huge value */
        {"\x10K\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 13}, /* no varint */
    };
    for (size_t i = 0; i < sizeof(damaged) / sizeof(*damaged); i++) {
        assert_int_equal(rows_of(damaged[i].rows, damaged[i].size, &bad), 0);
        assert_int_equal(bad, 1);
    }
}

static void test_every_cut_is_noticed(void **state)
{
    (void)state;
    struct stk_record record;
    stk_record_begin(&record, room, 1, 5, 12, 3);
    uint32_t whole[3] = {stk_record_size(&record)};
    write_row(&record, STK_TABLE_ORDER, 5, 200);
    whole[1] = stk_record_size(&record);
    write_row(&record, STK_TABLE_SKU, 6, 20);
    whole[2] = stk_record_size(&record);
    for (uint32_t size = 3; size <= whole[2]; size++) {
        struct stk_record_view view;
        struct stk_row_view row;
        /* a copy of exactly that size, so that a sanitizer sees a byte read beyond */
        char *copy = malloc(size);
        memcpy(copy, room, size);
        assert_int_equal(stk_record_open((struct stk_bytes){copy, size}, 1, 0, &view, NULL),
                         STK_OK);
        while (stk_record_next(&view, &row))
            ;
        int border = size == whole[0] || size == whole[1] || size == whole[2];
        assert_int_equal(view.rows.bad, !border);
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_round_trip_of_all_value_sizes),
        cmocka_unit_test(test_round_trip_of_all_keys),
        cmocka_unit_test(test_keys_are_short),
        cmocka_unit_test(test_room_is_what_is_promised),
        cmocka_unit_test(test_damaged_heads),
        cmocka_unit_test(test_damaged_rows),
        cmocka_unit_test(test_every_cut_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
