/* PostgreSQL's protocol 3.0, extended query: Bind, Execute, Sync for each order, so that each is a
 * transaction and an answer of its own, as many in flight as the others have (what libpq calls
 * pipeline mode; written here directly, because libpq 15 makes a system call for each Sync).
 * Connections are made by libpq. Pure functions; a wire belongs to one thread. */
#include "bench/keys.h"
#include "bench/wire.h"

#include <string.h>

static uint32_t get_u32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof(value));
    return __builtin_bswap32(value);
}

static void put_big(uint8_t *at, uint64_t value, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++)
        at[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
}

static void put(struct bench_wire *wire, uint8_t *out, uint32_t slot, uint64_t order, uint32_t sku)
{
    (void)slot;
    memcpy(out, wire->bytes, wire->size);
    bench_put_hex(out + wire->order_at, order);
    bench_put_digits(out + wire->sku_at, sku);
}

/* One message of the backend. DataRow: int16 columns, int32 size, bytes. */
static void look(char type, const uint8_t *body, uint32_t size, struct bench_answer *answer)
{
    if (type == 'D' && size >= 8 && body[6] == 'O') {
        answer->outcome = BENCH_OUTCOME_OK;
    } else if (type == 'D' && size >= 8 && body[6] == 'S') {
        answer->outcome = BENCH_OUTCOME_SHORT;
    } else if (type == 'E') {
        answer->outcome = BENCH_OUTCOME_FAILED;
        answer->text = (const char *)body;
        answer->text_size = size;
    }
}

/* All messages up to ReadyForQuery are the answer to one Sync. */
static uint32_t scan(const uint8_t *data, uint32_t size, struct bench_answer *answer)
{
    uint32_t at = 0;
    answer->outcome = BENCH_OUTCOME_FAILED;
    while (size - at >= 5) {
        uint32_t length = get_u32(data + at + 1);
        if (length < 4 || length > 1u << 24)
            return BENCH_SCAN_BAD;
        if (size - at < length + 1)
            return 0;
        char type = (char)data[at];
        look(type, data + at + 5, length - 4, answer);
        at += length + 1;
        if (type == 'Z')
            return at;
    }
    return 0;
}

static void tick(struct bench_wire *wire, int64_t now_ms)
{
    put_big(wire->bytes + wire->expires_at, (uint64_t)(now_ms + wire->ttl_ms), 8);
}

struct writer {
    uint8_t *bytes;
    uint32_t at;
};
static void write_big(struct writer *writer, uint64_t value, uint32_t size)
{
    put_big(writer->bytes + writer->at, value, size);
    writer->at += size;
}
static void write_text(struct writer *writer, const char *text, uint32_t size)
{
    memcpy(writer->bytes + writer->at, text, size);
    writer->at += size;
}

void bench_wire_postgres(struct bench_wire *wire, int64_t ttl_ms)
{
    *wire =
        (struct bench_wire){.put = put, .scan = scan, .tick = tick, .ordered = 1, .ttl_ms = ttl_ms};
    struct writer writer = {wire->bytes, 0};
    char sku[BENCH_SKU_SIZE + 1], order[BENCH_ORDER_SIZE + 1];
    bench_sku_name(sku, 0);
    bench_order_name(order, 0);
    write_text(&writer, "B\0\0\0\0\0hold", 11); /* the unnamed portal of statement "hold" */
    write_big(&writer, 3, 2);                   /* formats: */
    write_big(&writer, 0, 2);                   /* text */
    write_big(&writer, 0, 2);                   /* text */
    write_big(&writer, 1, 2);                   /* binary */
    write_big(&writer, 3, 2);                   /* values: */
    write_big(&writer, BENCH_ORDER_SIZE, 4);
    wire->order_at = writer.at + 4;
    write_text(&writer, order, BENCH_ORDER_SIZE);
    write_big(&writer, BENCH_SKU_SIZE, 4);
    wire->sku_at = writer.at + 4;
    write_text(&writer, sku, BENCH_SKU_SIZE);
    write_big(&writer, 8, 4);
    wire->expires_at = writer.at;
    write_big(&writer, 0, 8);
    write_big(&writer, 0, 2); /* the result as text */
    put_big(wire->bytes + 1, writer.at - 1, 4);
    write_text(&writer, "E\0\0\0\11\0\0\0\0\0", 10);
    write_text(&writer, "S\0\0\0\4", 5);
    wire->size = writer.at;
}
