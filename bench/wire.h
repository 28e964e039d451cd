/* How one order is asked for and how its answer is told apart, per protocol. Requests are made from
 * a template of fixed size that is patched in place; answers are scanned, not parsed. All three
 * systems are driven by the same client (load.h), which knows only this. */
#ifndef STK_BENCH_WIRE_H
#define STK_BENCH_WIRE_H

#include <stdint.h>

enum bench_outcome {
    BENCH_OUTCOME_OK,
    BENCH_OUTCOME_SHORT,  /* refused: not enough available */
    BENCH_OUTCOME_BUSY,   /* refused for now: BUSY */
    BENCH_OUTCOME_FAILED, /* anything else */
    BENCH_OUTCOMES
};

struct bench_answer {
    enum bench_outcome outcome;
    uint32_t slot;    /* of the request; not filled in by ordered wires */
    const char *text; /* what a refusal says */
    uint32_t text_size;
};

#define BENCH_SCAN_BAD  UINT32_MAX
#define BENCH_WIRE_SIZE 400

struct bench_wire {
    /* Copy the template to out (size bytes) with this slot, order and SKU in it. */
    void (*put)(struct bench_wire *wire, uint8_t *out, uint32_t slot, uint64_t order, uint32_t sku);
    /* The first answer in data: its size, 0 when it is not all there, BENCH_SCAN_BAD. */
    uint32_t (*scan)(const uint8_t *data, uint32_t size, struct bench_answer *answer);
    /* Now and then: the wall clock, for those whose requests name the instant of expiry. */
    void (*tick)(struct bench_wire *wire, int64_t now_ms);
    int ordered; /* answers come in the order of the requests */
    int64_t ttl_ms;
    uint32_t size;
    uint32_t slot_at, order_at, sku_at, expires_at;
    uint8_t bytes[BENCH_WIRE_SIZE];
};

/* MessagePack-RPC: [0, slot, "order.place", [{source, id, ttl_ms, lines: [{sku, quantity: 1}]}]] */
void bench_wire_rpc(struct bench_wire *wire, int64_t ttl_ms);
/* RESP: EVALSHA sha 2 <stock key> <order key> <expires> */
void bench_wire_resp(struct bench_wire *wire, const char *sha, int64_t ttl_ms);
/* PostgreSQL: Bind, Execute, Sync of the prepared statement "hold" (id, sku, expires) */
void bench_wire_postgres(struct bench_wire *wire, int64_t ttl_ms);

/* Bytes of the first MessagePack document, 0 when it is not all there, BENCH_SCAN_BAD. */
uint32_t bench_rpc_skip(const uint8_t *data, uint32_t size);
/* Scan of a MessagePack-RPC answer; the answer to any verb. */
uint32_t bench_rpc_scan(const uint8_t *data, uint32_t size, struct bench_answer *answer);

#endif
