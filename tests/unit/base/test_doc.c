#include "core/base/doc.h"
#include "core/base/limits.h"
#include "tests/lib/death.h"
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LITERAL(text) (text), sizeof(text) - 1

static struct stk_value values[64];

static enum stk_status parse(const void *data, size_t size, struct stk_parse *out)
{
    return stk_doc_parse(data, size, 1 << 20, STK_DEPTH_MAX, values, 64, out);
}

/* Extent agrees with the tree, given all at once and byte by byte. */
static void same_extent(const void *data, size_t size, enum stk_status status, size_t consumed)
{
    size_t at = 0;
    uint64_t open = 0;
    assert_int_equal(stk_doc_extent(data, size, 1 << 20, &at, &open), status);
    if (status == STK_OK)
        assert_int_equal(at, consumed);
    at = 0, open = 0;
    for (size_t come = 0; come <= size; come++) {
        enum stk_status part = stk_doc_extent(data, come, 1 << 20, &at, &open);
        if (part == STK_AGAIN && come < size)
            continue;
        assert_int_equal(part, status);
        if (status == STK_OK)
            assert_int_equal(come, consumed);
        return;
    }
}

static const struct stk_value *one(const void *data, size_t size)
{
    struct stk_parse out;
    assert_int_equal(parse(data, size, &out), STK_OK);
    assert_int_equal(out.consumed, size);
    assert_ptr_equal(out.root, values);
    same_extent(data, size, STK_OK, size);
    return out.root;
}

static void is_int(const struct stk_value *value, int64_t integer)
{
    assert_int_equal(value->type, STK_VALUE_INT);
    assert_int_equal(value->as.integer, integer);
}

static void is_text(const struct stk_value *value, enum stk_value_type type, const char *text)
{
    assert_int_equal(value->type, type);
    assert_int_equal(value->size, strlen(text));
    assert_memory_equal(value->as.text, text, value->size);
}

static void integers_go_round(void **state)
{
    static const int64_t edges[] = {
        0,         1,  127, 128, 255,  256,  65535,  65536,  INT32_MAX, 1ll << 31,   1ll << 32,
        INT64_MAX, -1, -32, -33, -128, -129, -32768, -32769, INT32_MIN, -2147483649, INT64_MIN};
    static const size_t sizes[] = {1, 1, 1, 2, 2, 3, 3, 5, 5, 5, 9,
                                   9, 1, 1, 2, 2, 3, 3, 5, 5, 9, 9};
    uint8_t bytes[16];
    (void)state;
    for (unsigned i = 0; i < sizeof edges / sizeof *edges; i++) {
        struct stk_doc doc = stk_doc(bytes, sizeof bytes);
        stk_doc_int(&doc, edges[i]);
        assert_int_equal(doc.size, sizes[i]);
        is_int(one(bytes, doc.size), edges[i]);
        if (edges[i] < 0)
            continue;
        struct stk_doc other = stk_doc(bytes, sizeof bytes);
        stk_doc_uint(&other, (uint64_t)edges[i]);
        is_int(one(bytes, other.size), edges[i]);
    }
    struct stk_doc doc = stk_doc(bytes, sizeof bytes);
    stk_doc_uint(&doc, UINT64_MAX);
    const struct stk_value *value = one(bytes, doc.size);
    assert_int_equal(value->type, STK_VALUE_UINT);
    assert_int_equal(value->as.unsigned_integer, UINT64_MAX);
}

/* Every header of the format once, by hand. */
static void every_header_is_known(void **state)
{
    (void)state;
    assert_int_equal(one(LITERAL("\xc0"))->type, STK_VALUE_NIL);
    assert_int_equal(one(LITERAL("\xc2"))->type, STK_VALUE_BOOL);
    assert_int_equal(one(LITERAL("\xc2"))->as.boolean, 0);
    assert_int_equal(one(LITERAL("\xc3"))->as.boolean, 1);
    is_text(one(LITERAL("\xc4\x02hi")), STK_VALUE_BIN, "hi");
    is_text(one(LITERAL("\xc5\x00\x02hi")), STK_VALUE_BIN, "hi");
    is_text(one(LITERAL("\xc6\x00\x00\x00\x02hi")), STK_VALUE_BIN, "hi");
    is_text(one(LITERAL("\xc7\x02\x05hi")), STK_VALUE_EXT, "hi");
    is_text(one(LITERAL("\xc8\x00\x02\x05hi")), STK_VALUE_EXT, "hi");
    is_text(one(LITERAL("\xc9\x00\x00\x00\x02\x05hi")), STK_VALUE_EXT, "hi");
    is_text(one(LITERAL("\xc7\x00\x05")), STK_VALUE_EXT, "");
    assert_int_equal(one(LITERAL("\xca\x3f\xc0\x00\x00"))->type, STK_VALUE_FLOAT);
    assert_true(one(LITERAL("\xca\x3f\xc0\x00\x00"))->as.real == 1.5);
    assert_true(one(LITERAL("\xcb\xbf\xf8\0\0\0\0\0\0"))->as.real == -1.5);
    assert_true(isnan(one(LITERAL("\xca\x7f\xc0\x00\x00"))->as.real));
    is_int(one(LITERAL("\xcc\xff")), 255);
    is_int(one(LITERAL("\xcd\xff\xfe")), 65534);
    is_int(one(LITERAL("\xce\xff\xff\xff\xfe")), 4294967294);
    is_int(one(LITERAL("\xcf\x7f\xff\xff\xff\xff\xff\xff\xff")), INT64_MAX);
    is_int(one(LITERAL("\xd0\x80")), -128);
    is_int(one(LITERAL("\xd1\x80\x00")), -32768);
    is_int(one(LITERAL("\xd2\x80\x00\x00\x00")), INT32_MIN);
    is_int(one(LITERAL("\xd3\x80\0\0\0\0\0\0\0")), INT64_MIN);
    is_int(one(LITERAL("\xd0\x05")), 5); /* a longer form than needed is fine */
    is_text(one(LITERAL("\xd4\x05h")), STK_VALUE_EXT, "h");
    is_text(one(LITERAL("\xd5\x05hi")), STK_VALUE_EXT, "hi");
    is_text(one(LITERAL("\xd6\x05hihi")), STK_VALUE_EXT, "hihi");
    is_text(one(LITERAL("\xd7\x05hihihihi")), STK_VALUE_EXT, "hihihihi");
    is_text(one(LITERAL("\xd8\x05hihihihihihihihi")), STK_VALUE_EXT, "hihihihihihihihi");
    is_text(one(LITERAL("\xd9\x02hi")), STK_VALUE_STR, "hi");
    is_text(one(LITERAL("\xda\x00\x02hi")), STK_VALUE_STR, "hi");
    is_text(one(LITERAL("\xdb\x00\x00\x00\x02hi")), STK_VALUE_STR, "hi");
    is_text(one(LITERAL("\xa2hi")), STK_VALUE_STR, "hi");
    is_text(one(LITERAL("\xa0")), STK_VALUE_STR, "");
    is_int(one(LITERAL("\xdc\x00\x02\x01\xff"))->as.items + 1, -1);
    is_int(one(LITERAL("\xdd\x00\x00\x00\x02\x01\xe0"))->as.items + 1, -32);
    is_int(one(LITERAL("\xde\x00\x01\x01\x7f"))->as.items + 1, 127);
    is_int(one(LITERAL("\xdf\x00\x00\x00\x01\x01\x02"))->as.items + 1, 2);
    assert_int_equal(one(LITERAL("\x90"))->size, 0);
    assert_int_equal(one(LITERAL("\x80"))->size, 0);
    struct stk_parse out;
    assert_int_equal(parse(LITERAL("\xc1"), &out), STK_MALFORMED);
    same_extent(LITERAL("\xc1"), STK_MALFORMED, 0);
    assert_int_equal(parse(LITERAL("\x92\x01\xc1"), &out), STK_MALFORMED);
    same_extent(LITERAL("\x92\x01\xc1"), STK_MALFORMED, 0);
}

static uint32_t write_order(uint8_t *bytes, uint32_t capacity)
{
    struct stk_doc doc = stk_doc(bytes, capacity);
    stk_doc_array(&doc, 3);
    stk_doc_int(&doc, 0);
    stk_doc_text(&doc, "order.place");
    uint32_t map = stk_doc_map_open(&doc);
    stk_doc_key_text(&doc, "id", "A-1");
    stk_doc_key_str(&doc, "source", (struct stk_bytes){"shop!", 4});
    stk_doc_key_bool(&doc, "fact", 1);
    stk_doc_key_bool(&doc, "firm", 0);
    stk_doc_key_uint(&doc, "at", 1764000000000);
    stk_doc_text(&doc, "lines");
    uint32_t lines = stk_doc_array_open(&doc);
    for (int i = 1; i <= 2; i++) {
        stk_doc_map(&doc, 1);
        stk_doc_key_int(&doc, "quantity", i);
    }
    stk_doc_array_close(&doc, lines, 2);
    stk_doc_text(&doc, "seal");
    stk_doc_bin(&doc, "\0\1", 2);
    stk_doc_text(&doc, "note");
    stk_doc_nil(&doc);
    stk_doc_map_close(&doc, map, 8);
    return doc.overflow ? 0 : doc.size;
}

static void a_message_goes_round(void **state)
{
    uint8_t bytes[256];
    (void)state;
    uint32_t size = write_order(bytes, sizeof bytes);
    const struct stk_value *root = one(bytes, size);
    assert_int_equal(root->type, STK_VALUE_ARRAY);
    assert_int_equal(root->size, 3);
    const struct stk_value *map = &root->as.items[2];
    assert_int_equal(map->type, STK_VALUE_MAP);
    assert_int_equal(map->size, 8);
    is_text(stk_value_get(map, "id"), STK_VALUE_STR, "A-1");
    is_text(stk_value_get(map, "source"), STK_VALUE_STR, "shop");
    assert_int_equal(stk_value_get(map, "fact")->as.boolean, 1);
    assert_int_equal(stk_value_get(map, "firm")->type, STK_VALUE_BOOL);
    assert_int_equal(stk_value_get(map, "firm")->as.boolean, 0);
    is_int(stk_value_get(map, "at"), 1764000000000);
    const struct stk_value *lines = stk_value_get(map, "lines");
    assert_int_equal(lines->size, 2);
    is_int(stk_value_get(&lines->as.items[0], "quantity"), 1);
    is_int(stk_value_get(&lines->as.items[1], "quantity"), 2);
    assert_int_equal(stk_value_get(map, "seal")->type, STK_VALUE_BIN);
    assert_int_equal(stk_value_get(map, "note")->type, STK_VALUE_NIL);
    assert_null(stk_value_get(map, "i"));
    assert_null(stk_value_get(map, "nothing"));
    assert_null(stk_value_get(lines, "quantity"));
    struct stk_bytes view = stk_value_bytes(stk_value_get(map, "id"));
    assert_int_equal(view.size, 3);
}

static void writer_stops_at_its_capacity(void **state)
{
    uint8_t bytes[256], whole[256];
    (void)state;
    uint32_t size = write_order(whole, sizeof whole);
    for (uint32_t capacity = 0; capacity < size; capacity++) {
        memset(bytes, 0xee, sizeof bytes);
        assert_int_equal(write_order(bytes, capacity), 0);
        for (uint32_t i = capacity; i < sizeof bytes; i++)
            assert_int_equal(bytes[i], 0xee);
    }
    assert_int_equal(write_order(bytes, size), size);
    assert_memory_equal(bytes, whole, size);
}

static void raw_appends_a_document(void **state)
{
    uint8_t bytes[32], inner[8];
    (void)state;
    struct stk_doc in = stk_doc(inner, sizeof inner);
    stk_doc_text(&in, "ok");
    struct stk_doc doc = stk_doc(bytes, sizeof bytes);
    stk_doc_array(&doc, 2);
    stk_doc_raw(&doc, inner, in.size);
    stk_doc_raw(&doc, NULL, 0);
    stk_doc_str(&doc, (struct stk_bytes){NULL, 0});
    is_text(one(bytes, doc.size)->as.items, STK_VALUE_STR, "ok");
}

static void texts_of_every_size_go_round(void **state)
{
    static uint8_t bytes[70010], text[70000];
    (void)state;
    for (uint32_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)(i * 7 + 1);
    for (uint32_t size = 0; size <= sizeof text; size += size < 300 ? 1 : 6970) {
        struct stk_doc doc = stk_doc(bytes, sizeof bytes);
        stk_doc_str(&doc, (struct stk_bytes){(const char *)text, size});
        const struct stk_value *value = one(bytes, doc.size);
        assert_int_equal(value->size, size);
        assert_memory_equal(value->as.text, text, size);
        doc = stk_doc(bytes, sizeof bytes);
        stk_doc_bin(&doc, text, size);
        value = one(bytes, doc.size);
        assert_int_equal(value->type, STK_VALUE_BIN);
        assert_memory_equal(value->as.text, text, size);
    }
}

static void every_cut_asks_for_more(void **state)
{
    uint8_t bytes[256];
    struct stk_parse out;
    (void)state;
    uint32_t size = write_order(bytes, sizeof bytes);
    for (uint32_t cut = 0; cut < size; cut++) {
        uint8_t *exact = malloc(cut + 1); /* so that a sanitizer sees a read beyond */
        memcpy(exact + 1, bytes, cut);
        assert_int_equal(parse(exact + 1, cut, &out), STK_AGAIN);
        same_extent(exact + 1, cut, STK_AGAIN, 0);
        free(exact);
    }
    bytes[size] = 0xc1; /* what follows is the next message's */
    assert_int_equal(parse(bytes, size + 1, &out), STK_OK);
    assert_int_equal(out.consumed, size);
}

static void lies_about_sizes_cost_nothing(void **state)
{
    struct stk_parse out;
    size_t at = 0;
    uint64_t open = 0;
    (void)state;
    static const char *const lies[] = {"\xdd\xff\xff\xff\xff", "\xdf\xff\xff\xff\xff",
                                       "\xdb\xff\xff\xff\xff", "\xc6\xff\xff\xff\xff",
                                       "\xc9\xff\xff\xff\xff\x01"};
    for (unsigned i = 0; i < sizeof lies / sizeof *lies; i++) {
        size_t size = strlen(lies[i]);
        assert_int_equal(parse(lies[i], size, &out), STK_TOO_LARGE);
        same_extent(lies[i], size, STK_TOO_LARGE, 0);
    }
    /* nested lies add up and are still refused */
    assert_int_equal(stk_doc_extent(LITERAL("\xdc\x01\x00\xdc\xff\xff"), 65535, &at, &open),
                     STK_TOO_LARGE);
}

static void limits_are_kept_to_the_byte(void **state)
{
    struct stk_parse out;
    size_t at = 0;
    uint64_t open = 0;
    (void)state;
    /* size_max */
    assert_int_equal(stk_doc_parse(LITERAL("\xa3"
                                           "abc"),
                                   4, 1, values, 64, &out),
                     STK_OK);
    assert_int_equal(stk_doc_parse(LITERAL("\xa3"
                                           "abc"),
                                   3, 1, values, 64, &out),
                     STK_TOO_LARGE);
    assert_int_equal(stk_doc_parse(LITERAL("\xa3"), 3, 1, values, 64, &out), STK_TOO_LARGE);
    assert_int_equal(stk_doc_parse(LITERAL("\xa3"), 4, 1, values, 64, &out), STK_AGAIN);
    assert_int_equal(stk_doc_parse(LITERAL("\x92\x01\x01"), 2, 1, values, 64, &out), STK_TOO_LARGE);
    assert_int_equal(stk_doc_extent(LITERAL("\xa3"
                                            "abc"),
                                    4, &at, &open),
                     STK_OK);
    at = 0, open = 0;
    assert_int_equal(stk_doc_extent(LITERAL("\xa3"
                                            "abc"),
                                    3, &at, &open),
                     STK_TOO_LARGE);
    at = 0, open = 0;
    assert_int_equal(stk_doc_extent(LITERAL("\x92\x01"), 3, &at, &open), STK_AGAIN);
    at = 0, open = 0; /* a header that is cut by the limit itself */
    assert_int_equal(stk_doc_extent(LITERAL("\x01\xcd\x01"), 3, &at, &open), STK_OK);
    at = 0, open = 0;
    assert_int_equal(stk_doc_extent(LITERAL("\xcd\x01"), 2, &at, &open), STK_TOO_LARGE);
    assert_int_equal(stk_doc_parse(LITERAL("\xcd\x01"), 2, 1, values, 64, &out), STK_TOO_LARGE);
    assert_int_equal(stk_doc_parse(LITERAL("\xc7\x00"), 2, 1, values, 64, &out), STK_TOO_LARGE);
    at = 0, open = 0;
    assert_int_equal(stk_doc_extent(LITERAL("\x92\x01"), 2, &at, &open), STK_TOO_LARGE);
    at = 0, open = 0; /* enough for what is there, not for what is to come */
    assert_int_equal(stk_doc_extent(LITERAL("\x94\x01\x01\x92"), 5, &at, &open), STK_TOO_LARGE);
    at = 0, open = 0;
    assert_int_equal(stk_doc_extent(LITERAL("\x94\x01\x01\x91"), 6, &at, &open), STK_AGAIN);
    /* values_max: the root and its children */
    assert_int_equal(stk_doc_parse(LITERAL("\x92\x01\x02"), 9, 1, values, 3, &out), STK_OK);
    assert_int_equal(stk_doc_parse(LITERAL("\x92\x01\x02"), 9, 1, values, 2, &out), STK_TOO_LARGE);
    assert_int_equal(stk_doc_parse(LITERAL("\x81\x01\x02"), 9, 1, values, 2, &out), STK_TOO_LARGE);
    assert_int_equal(stk_doc_parse(LITERAL("\x01"), 9, 1, values, 1, &out), STK_OK);
    assert_int_equal(stk_doc_parse(LITERAL("\x01"), 9, 1, values, 0, &out), STK_TOO_LARGE);
    /* depth_max, an empty container counted like any other */
    char deep[STK_DEPTH_MAX + 1];
    memset(deep, 0x91, sizeof deep);
    deep[STK_DEPTH_MAX - 1] = (char)0x90;
    assert_int_equal(parse(deep, STK_DEPTH_MAX, &out), STK_OK);
    deep[STK_DEPTH_MAX - 1] = (char)0x91;
    deep[STK_DEPTH_MAX] = 1;
    assert_int_equal(parse(deep, STK_DEPTH_MAX + 1, &out), STK_OK);
    deep[STK_DEPTH_MAX] = (char)0x80;
    assert_int_equal(parse(deep, STK_DEPTH_MAX + 1, &out), STK_TOO_LARGE);
    assert_int_equal(stk_doc_parse(LITERAL("\x90"), 9, 0, values, 64, &out), STK_TOO_LARGE);
    assert_int_equal(stk_doc_parse(LITERAL("\x01"), 9, 0, values, 64, &out), STK_OK);
}

static void odd_maps_are_representable(void **state)
{
    (void)state;
    const struct stk_value *map = one(LITERAL("\x83\xa1"
                                              "a\x01\xa1"
                                              "a\x02\x07\x03"));
    assert_int_equal(map->size, 3);
    is_int(stk_value_get(map, "a"), 1);
    is_int(&map->as.items[3], 2);
    is_int(&map->as.items[4], 7);
    /* a smaller map in the same memory: what lies behind it is not in it */
    one(LITERAL("\x82\xa1"
                "b\x01\xa1"
                "c\x02"));
    map = one(LITERAL("\x81\xa1"
                      "b\x03"));
    assert_null(stk_value_get(map, "c"));
}

/* Anything at all: no crash, and the two readers agree about whether and where it ends. */
static void random_bytes_do_no_harm(void **state)
{
    struct stk_parse out;
    int good = 0;
    (void)state;
    srand(4);
    for (int round = 0; round < 200000; round++) {
        size_t size = 1 + (size_t)rand() % 24;
        uint8_t *bytes = malloc(size);
        for (size_t i = 0; i < size; i++)
            bytes[i] = (uint8_t)(rand() % 3 ? 0x80 + rand() % 0x80 : rand());
        enum stk_status status = parse(bytes, size, &out);
        if (status == STK_OK) {
            same_extent(bytes, size, STK_OK, out.consumed);
            good++;
        } else if (status != STK_TOO_LARGE) { /* extent knows no depth and no values */
            same_extent(bytes, size, status, 0);
        }
        free(bytes);
    }
    assert_true(good > 1000);
}

static void utf8_is_checked(void **state)
{
    static const char *const good[] = {"",
                                       "plain text of more than eight",
                                       "gr\xc3\xbc\xc3\x9f",
                                       "\xe4\xbb\xb7\xe6\xa0\xbc",
                                       "\xf0\x9f\x93\xa6",
                                       "\xed\x9f\xbf\xee\x80\x80",
                                       "\xf4\x8f\xbf\xbf",
                                       "\xe0\xa0\x80",
                                       "\xf0\x90\x80\x80",
                                       "\xc2\x80",
                                       "\x7f\x01"};
    static const char *const bad[] = {"\x80",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xc3",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xff",
                                      "\xe4\xbb",
                                      "\xe4\xbb\x41",
                                      "\xf0\x9f\x93",
                                      "12345678\xc3",
                                      "1234567\xc3",
                                      "\xe4\xbb\xb7\xb7"};
    (void)state;
    for (unsigned i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(stk_utf8_valid(good[i], strlen(good[i])));
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(stk_utf8_valid(bad[i], strlen(bad[i])));
    for (size_t size = 1; size <= 20; size++) {
        for (size_t at = 0; at < size; at++) {
            char *text = malloc(size);
            memset(text, 'x', size);
            assert_true(stk_utf8_valid(text, size));
            text[at] = 0;
            assert_false(stk_utf8_valid(text, size));
            text[at] = (char)0xff;
            assert_false(stk_utf8_valid(text, size));
            text[at] = (char)0xc3; /* good with a continuation behind it, in whichever eight */
            if (at + 1 < size)
                text[at + 1] = (char)0xbc;
            assert_int_equal(stk_utf8_valid(text, size), at + 1 < size);
            free(text);
        }
    }
}

/* The header of a map grows when its count asks for it; what it holds stays as it was, and so does
 * the memory behind the document. */
static void maps_of_any_size(void **state)
{
    static const uint32_t counts[] = {0, 1, 15, 16, 17, 65535, 65536};
    static uint8_t bytes[300000];
    (void)state;
    for (unsigned i = 0; i < sizeof counts / sizeof *counts; i++) {
        uint32_t pairs = counts[i], head = pairs < 16 ? 1 : pairs < 65536 ? 3 : 5;
        for (uint32_t lack = 0; lack < 2; lack++) {
            uint32_t capacity = 1 + head + 2 * pairs - lack;
            struct stk_doc doc = stk_doc(bytes, capacity);
            memset(bytes, 0xc1, sizeof bytes);
            stk_doc_nil(&doc);
            uint32_t mark = stk_doc_map_open(&doc);
            for (uint32_t pair = 0; pair < pairs; pair++) {
                stk_doc_uint(&doc, pair & 0x7f);
                stk_doc_uint(&doc, (pair + 1) & 0x7f);
            }
            stk_doc_map_close(&doc, mark, pairs);
            assert_int_equal(doc.overflow, lack);
            assert_int_equal(bytes[capacity], 0xc1);
            if (lack)
                continue;
            assert_int_equal(doc.size, capacity);
            struct stk_doc known = stk_doc((uint8_t[8]){0}, 8);
            stk_doc_map(&known, pairs);
            assert_int_equal(known.size, head);
            assert_memory_equal(bytes + 1, known.data, head);
            for (uint32_t at = 0; at < 2 * pairs; at++)
                assert_int_equal(bytes[1 + head + at], (at + 1) / 2 & 0x7f);
        }
    }
}

static void close_the_wrong_kind(void *arg)
{
    (void)arg;
    uint8_t bytes[16];
    struct stk_doc doc = stk_doc(bytes, sizeof bytes);
    stk_doc_map_close(&doc, stk_doc_array_open(&doc), 0);
}

static void close_the_other_wrong_kind(void *arg)
{
    (void)arg;
    uint8_t bytes[16];
    struct stk_doc doc = stk_doc(bytes, sizeof bytes);
    stk_doc_array_close(&doc, stk_doc_map_open(&doc), 0);
}

static void close_nothing(void *arg)
{
    (void)arg;
    uint8_t bytes[16] = {0xdd};
    struct stk_doc doc = stk_doc(bytes, sizeof bytes);
    stk_doc_array_close(&doc, 0, 0);
}

static void close_no_map(void *arg)
{
    (void)arg;
    uint8_t bytes[16] = {0xdf};
    struct stk_doc doc = stk_doc(bytes, sizeof bytes);
    stk_doc_map_close(&doc, 0, 0);
}

static void parse_too_deep(void *arg)
{
    (void)arg;
    struct stk_parse out;
    stk_doc_parse("", 0, 1, STK_DEPTH_MAX + 1, values, 64, &out);
}

static void extent_beyond_data(void *arg)
{
    size_t at = 2;
    uint64_t open = 1;
    (void)arg;
    stk_doc_extent("\x01", 1, 10, &at, &open);
}

static void extent_beyond_limit(void *arg)
{
    size_t at = 2;
    uint64_t open = 1;
    (void)arg;
    stk_doc_extent("\x93\x01\x01", 3, 1, &at, &open);
}

static void misuse_ends_the_process(void **state)
{
    uint8_t bytes[8];
    (void)state;
    assert_int_equal(death_of(close_the_wrong_kind, NULL), SIGABRT);
    assert_int_equal(death_of(close_the_other_wrong_kind, NULL), SIGABRT);
    assert_int_equal(death_of(close_nothing, NULL), SIGABRT);
    assert_int_equal(death_of(close_no_map, NULL), SIGABRT);
    assert_int_equal(death_of(parse_too_deep, NULL), SIGABRT);
    assert_int_equal(death_of(extent_beyond_data, NULL), SIGABRT);
    assert_int_equal(death_of(extent_beyond_limit, NULL), SIGABRT);
    /* closing what is empty is no misuse */
    struct stk_doc doc = stk_doc(bytes, sizeof bytes);
    stk_doc_array_close(&doc, stk_doc_array_open(&doc), 0);
    assert_int_equal(one(bytes, doc.size)->size, 0);
    doc = stk_doc(bytes, sizeof bytes);
    stk_doc_map_close(&doc, stk_doc_map_open(&doc), 0);
    assert_int_equal(one(bytes, doc.size)->size, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_go_round),
        cmocka_unit_test(every_header_is_known),
        cmocka_unit_test(a_message_goes_round),
        cmocka_unit_test(writer_stops_at_its_capacity),
        cmocka_unit_test(raw_appends_a_document),
        cmocka_unit_test(texts_of_every_size_go_round),
        cmocka_unit_test(every_cut_asks_for_more),
        cmocka_unit_test(lies_about_sizes_cost_nothing),
        cmocka_unit_test(limits_are_kept_to_the_byte),
        cmocka_unit_test(odd_maps_are_representable),
        cmocka_unit_test(random_bytes_do_no_harm),
        cmocka_unit_test(utf8_is_checked),
        cmocka_unit_test(maps_of_any_size),
        cmocka_unit_test(misuse_ends_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
