/* RESP, as Redis speaks it. The answer of the script is a status line: +OK or +SHORT. Pure
 * functions; a wire belongs to one thread. */
#include "bench/keys.h"
#include "bench/wire.h"

#include <stdio.h>
#include <string.h>

static void put(struct bench_wire *wire, uint8_t *out, uint32_t slot, uint64_t order, uint32_t sku)
{
    (void)slot;
    memcpy(out, wire->bytes, wire->size);
    bench_put_hex(out + wire->order_at, order);
    bench_put_digits(out + wire->sku_at, sku);
}

static uint32_t scan(const uint8_t *data, uint32_t size, struct bench_answer *answer)
{
    const uint8_t *end = memchr(data, '\n', size);
    if (!end)
        return 0;
    uint32_t total = (uint32_t)(end - data) + 1;
    if (total < 3 || (data[0] != '+' && data[0] != '-'))
        return BENCH_SCAN_BAD;
    answer->text = (const char *)data;
    answer->text_size = total - 2;
    if (total == 5 && memcmp(data, "+OK", 3) == 0)
        answer->outcome = BENCH_OUTCOME_OK;
    else if (total == 8 && memcmp(data, "+SHORT", 6) == 0)
        answer->outcome = BENCH_OUTCOME_SHORT;
    else
        answer->outcome = BENCH_OUTCOME_FAILED;
    return total;
}

/* The script is told the instant of expiry, 13 digits. */
static void tick(struct bench_wire *wire, int64_t now_ms)
{
    char text[24];
    snprintf(text, sizeof(text), "%013lld", (long long)(now_ms + wire->ttl_ms));
    memcpy(wire->bytes + wire->expires_at, text, 13);
}

void bench_wire_resp(struct bench_wire *wire, const char *sha, int64_t ttl_ms)
{
    *wire =
        (struct bench_wire){.put = put, .scan = scan, .tick = tick, .ordered = 1, .ttl_ms = ttl_ms};
    char *text = (char *)wire->bytes;
    char sku[BENCH_SKU_SIZE + 1], order[BENCH_ORDER_SIZE + 1];
    bench_sku_name(sku, 0);
    bench_order_name(order, 0);
    wire->size = (uint32_t)snprintf(text, sizeof(wire->bytes),
                                    "*6\r\n$7\r\nEVALSHA\r\n$40\r\n%.40s\r\n$1\r\n2\r\n$14\r\n"
                                    "s:%s\r\n$18\r\no:%s\r\n$13\r\n",
                                    sha, sku, order);
    wire->expires_at = wire->size;
    wire->size += (uint32_t)snprintf(text + wire->size, sizeof(wire->bytes) - wire->size,
                                     "0000000000000\r\n");
    wire->sku_at = (uint32_t)(strstr(text, sku) - text) + 4;
    wire->order_at = (uint32_t)(strstr(text, order) - text) + 4;
    tick(wire, 0);
}
