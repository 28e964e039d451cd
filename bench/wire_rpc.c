/* MessagePack-RPC. The skip knows lengths only; it is the client's whole parser on the hot path.
 * Pure functions; a wire belongs to one thread. */
#include "bench/keys.h"
#include "bench/wire.h"
#include "core/base/doc.h"

#include <string.h>

/* Types 0xc0 to 0xdf: bytes of the head; bytes of the length field after the first; what a length
 * counts: 0 nothing, 1 bytes, 2 items, 3 pairs. */
static const struct {
    uint8_t head, length, counts;
} wide[32] = {
    {1, 0, 0}, {0, 0, 0}, {1, 0, 0}, {1, 0, 0},              /* nil, (never used), false, true */
    {2, 1, 1}, {3, 2, 1}, {5, 4, 1},                         /* bin */
    {3, 1, 1}, {4, 2, 1}, {6, 4, 1},                         /* ext */
    {5, 0, 0}, {9, 0, 0},                                    /* float */
    {2, 0, 0}, {3, 0, 0}, {5, 0, 0}, {9, 0, 0},              /* uint */
    {2, 0, 0}, {3, 0, 0}, {5, 0, 0}, {9, 0, 0},              /* int */
    {3, 0, 0}, {4, 0, 0}, {6, 0, 0}, {10, 0, 0}, {18, 0, 0}, /* fixext */
    {2, 1, 1}, {3, 2, 1}, {5, 4, 1},                         /* str */
    {3, 2, 2}, {5, 4, 2},                                    /* array */
    {3, 2, 3}, {5, 4, 3},                                    /* map */
};

static uint32_t big_endian(const uint8_t *at, uint32_t size)
{
    uint32_t value = 0;
    for (uint32_t i = 0; i < size; i++)
        value = value << 8 | at[i];
    return value;
}

uint32_t bench_rpc_skip(const uint8_t *data, uint32_t size)
{
    uint64_t at = 0, open = 1;
    while (open) {
        if (at >= size)
            return 0;
        uint8_t type = data[at];
        open--;
        if (type < 0x80 || type >= 0xe0) {
            at += 1;
        } else if (type >= 0xc0) {
            uint32_t head = wide[type - 0xc0].head, length_size = wide[type - 0xc0].length;
            if (!head)
                return BENCH_SCAN_BAD;
            if (at + head > size)
                return 0;
            uint32_t length = big_endian(data + at + 1, length_size);
            uint32_t counts = wide[type - 0xc0].counts;
            at += head + (counts == 1 ? length : 0);
            open += counts > 1 ? (uint64_t)length * (counts - 1) : 0;
        } else if (type >= 0xa0) {
            at += 1u + (type & 31);
        } else {
            open += type < 0x90 ? 2u * (type & 15) : type & 15;
            at += 1;
        }
    }
    return at <= size ? (uint32_t)at : 0;
}

/* The msgid at data[2]; *next is what follows. 0: no unsigned integer of at most 32 bits. */
static int read_msgid(const uint8_t *data, uint32_t *msgid, uint32_t *next)
{
    uint32_t bytes = data[2] < 0x80 ? 0 : data[2] == 0xcc ? 1 : data[2] == 0xcd ? 2 : 4;
    if (bytes == 4 && data[2] != 0xce)
        return 0;
    *msgid = bytes ? big_endian(data + 3, bytes) : data[2];
    *next = 3 + bytes;
    return 1;
}

/* A refusal is a string or a map that has the name of a status as a value. */
static void read_refusal(const uint8_t *at, uint32_t size, struct bench_answer *answer)
{
    static const struct {
        const char *name;
        enum bench_outcome outcome;
    } known[] = {{"\xa5SHORT", BENCH_OUTCOME_SHORT},
                 {"\xa4"
                  "BUSY",
                  BENCH_OUTCOME_BUSY}};
    answer->outcome = BENCH_OUTCOME_FAILED;
    answer->text = (const char *)at;
    answer->text_size = size;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (memmem(at, size < 64 ? size : 64, known[i].name, strlen(known[i].name)))
            answer->outcome = known[i].outcome;
}

uint32_t bench_rpc_scan(const uint8_t *data, uint32_t size, struct bench_answer *answer)
{
    uint32_t total = bench_rpc_skip(data, size), at = 0;
    if (total == 0 || total == BENCH_SCAN_BAD)
        return total;
    if (total < 5 || data[0] != 0x94 || data[1] != 1 || !read_msgid(data, &answer->slot, &at))
        return BENCH_SCAN_BAD;
    if (data[at] == 0xc0)
        answer->outcome = BENCH_OUTCOME_OK;
    else
        read_refusal(data + at, total - at, answer);
    return total;
}

static void put(struct bench_wire *wire, uint8_t *out, uint32_t slot, uint64_t order, uint32_t sku)
{
    memcpy(out, wire->bytes, wire->size);
    uint32_t wide_slot = __builtin_bswap32(slot);
    memcpy(out + wire->slot_at, &wide_slot, sizeof(wide_slot));
    bench_put_hex(out + wire->order_at, order);
    bench_put_digits(out + wire->sku_at, sku);
}

/* Where the changing part of a text lies in the template. */
static uint32_t find(const struct bench_wire *wire, const char *text, uint32_t skip)
{
    const uint8_t *found = memmem(wire->bytes, wire->size, text, strlen(text));
    return (uint32_t)(found - wire->bytes) + skip;
}

void bench_wire_rpc(struct bench_wire *wire, int64_t ttl_ms)
{
    char sku[BENCH_SKU_SIZE + 1], order[BENCH_ORDER_SIZE + 1];
    bench_sku_name(sku, 0);
    bench_order_name(order, 0);
    *wire = (struct bench_wire){.put = put, .scan = bench_rpc_scan, .ttl_ms = ttl_ms};
    struct stk_doc doc = stk_doc(wire->bytes, sizeof(wire->bytes));
    stk_doc_array(&doc, 4);
    stk_doc_int(&doc, 0);
    stk_doc_uint(&doc, UINT32_MAX); /* five bytes: room for any slot */
    wire->slot_at = doc.size - 4;
    stk_doc_text(&doc, "order.place");
    stk_doc_array(&doc, 1);
    stk_doc_map(&doc, 4);
    stk_doc_key_text(&doc, "source", "bench");
    stk_doc_key_text(&doc, "id", order);
    stk_doc_key_int(&doc, "ttl_ms", ttl_ms);
    stk_doc_text(&doc, "lines");
    stk_doc_array(&doc, 1);
    stk_doc_map(&doc, 2);
    stk_doc_key_text(&doc, "sku", sku);
    stk_doc_key_int(&doc, "quantity", 1);
    wire->size = doc.size;
    wire->order_at = find(wire, order, 4);
    wire->sku_at = find(wire, sku, 4);
}
