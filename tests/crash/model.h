/* What must be true: the checker's own ledger of orders and stock, made from nothing but what was
 * sent and what was answered. It shares no code with the engine.
 *
 * Answers of operations on one order are applied in the order of their sequence, once none of them
 * is under way any more. Stock is kept per SKU over all locations; where the engine takes it from
 * is its own choice. One thread. */
#ifndef TESTS_CRASH_MODEL_H
#define TESTS_CRASH_MODEL_H

#include "tests/crash/random.h"
#include <msgpack.h>
#include <stdint.h>

/* ---- the world: what is made before the feed begins --------------------------------------- */

#define WORLD_SKUS      800
#define WORLD_HOT       24 /* the first ones; ordered in 30 % of lines */
#define WORLD_LISTINGS  200
#define WORLD_LOCATIONS 3
#define WORLD_LISTING   0x8000u /* an item: SKU number, or listing number with this bit */

extern const char *const world_location[WORLD_LOCATIONS];
void world_sku_id(unsigned sku, char out[16]);
void world_listing_id(unsigned listing, char out[16]);
struct world_part {
    uint16_t sku;
    uint16_t units;
};
#define WORLD_PARTS 4
/* What one unit of an item takes: at most WORLD_PARTS; returns how many. */
unsigned world_parts(unsigned item, struct world_part parts[WORLD_PARTS]);
/* SKUs that are counted, lost and found; on the others nothing but orders takes stock away, so that
 * what is held can never exceed what is there. */
int world_is_counted(unsigned sku);

/* ---- operations --------------------------------------------------------------------------- */

enum op_verb {
    OP_PLACE,
    OP_SELL,
    OP_PAY,
    OP_SHIP,
    OP_CANCEL,
    OP_RETURN,
    OP_REFUND,
    OP_AMEND,
    OP_EXTEND,
    OP_REVIEW,
    OP_RELEASE,
    OP_RECEIVE,
    OP_ADJUST,
    OP_COUNT,
    OP_TRANSFER,
    OP_VERBS
};
extern const char *const op_verb_name[OP_VERBS]; /* on the wire */

enum op_outcome {
    OP_OPEN,    /* sent; no answer seen */
    OP_DONE,    /* acknowledged */
    OP_REFUSED, /* a refusal that is remembered */
    OP_NOTHING, /* a refusal that is not remembered: nothing happened, may be tried again */
};

enum { ADJUST_FOUND, ADJUST_LOST, ADJUST_DAMAGED, ADJUST_REPAIRED, ADJUST_SCRAPPED };
enum { TRANSFER_MOVE, TRANSFER_SEND, TRANSFER_RECEIVE, TRANSFER_LOSE };

#define OP_PARTS    3
#define NO_ORDER    UINT32_MAX
#define PART_UNSOLD 1u /* return: not to be sold again */

struct op_part {
    uint8_t line; /* from 0 */
    uint8_t flags;
    uint16_t quantity;
};
struct op {
    uint32_t order;               /* or NO_ORDER */
    uint32_t number;              /* its id is made from it */
    uint32_t params, params_size; /* in the feed's store of bytes */
    uint32_t quantity;
    uint64_t hash;  /* of the first answer's bytes */
    uint64_t seq;   /* of the effect, when done */
    uint32_t acked; /* count of first answers before this one */
    uint16_t sku;
    uint8_t verb, outcome;
    uint8_t kind;   /* of adjust and transfer */
    uint8_t copies; /* under way */
    uint8_t parts;  /* 0: all of it */
    uint8_t unsellable;
    struct op_part part[OP_PARTS];
};

/* ---- the ledger --------------------------------------------------------------------------- */

#define ORDER_LINES 50

enum order_state {
    ORDER_NONE, /* sent, nothing known */
    ORDER_PLACED,
    ORDER_REVIEW,
    ORDER_PAID,
    ORDER_SHIPPED,
    ORDER_CANCELLED,
    ORDER_EXPIRED,
    ORDER_RETURNED,
    ORDER_STATES
};
extern const char *const order_state_name[ORDER_STATES];

/* Always: quantity = held + shipped + cancelled + missing. */
struct model_line {
    uint16_t item;
    uint32_t quantity, held, shipped, cancelled, returned;
    uint32_t missing; /* sold as a fact, not covered */
};
#define ORDER_FACT     1u
#define ORDER_TILL     2u
#define ORDER_UNKNOWN  4u /* a fact whose lines nobody has looked at yet */
#define ORDER_ENDED    8u /* the feed does no more with it */
#define ORDER_WAS_PAID 16u
#define ORDER_KEPT     32u /* an acknowledged operation on it is not booked yet */
struct model_order {
    uint32_t first_line;
    uint32_t touched;   /* number of the cycle in which it changed last */
    int64_t expires_ms; /* 0: firm */
    uint8_t lines;
    uint8_t state;
    uint8_t flags;
    uint8_t under_way;  /* operations without an outcome */
    uint32_t shortfall; /* as the placing answered */
};

struct model_stock {
    int64_t received, found, returned, shipped, written_off;
    int64_t on_hand, unsellable, held, transit;
};

/* An acknowledged operation that waits until no other one on its order is under way. */
struct kept {
    struct op op;
    int64_t expires_ms;
    uint8_t state;
};

struct model {
    struct model_order *orders;
    uint32_t order_count, order_room;
    struct model_line *lines;
    uint32_t line_count, line_room;
    struct model_stock stock[WORLD_SKUS];
    struct kept *kept;
    uint32_t kept_count, kept_room;
    uint8_t *seqs; /* bit per sequence that an answer has named */
    uint64_t seq_bits;
    uint64_t seq_last;
    uint32_t cycle;
    uint64_t faults;
    int quiet;        /* faults are expected: not printed one by one */
    uint64_t expired; /* orders seen expired */
    char first_fault[256];
};

void model_init(struct model *model);
void model_fini(struct model *model);

/* Something that must not be: printed, counted. */
void model_fault(struct model *model, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A new order as it is about to be sent; its number. */
uint32_t model_add_order(struct model *model, unsigned lines, const struct model_line *line,
                         unsigned flags);
void model_order_id(uint32_t order, char out[16]);

/* The first answer to an operation (its outcome was open): checks it against what the operation may
 * have done, and books it. op->outcome is set. body: result or error. */
void model_answer(struct model *model, struct op *op, int ok, const char *code,
                  const msgpack_object *body);
/* order.get (ok) or its refusal, while op is the one operation on it without an outcome (NULL:
 * none). Compares; *happened tells whether op's effect is there. Returns 0 when something is
 * wrong (told as a fault). */
int model_look(struct model *model, uint32_t order, const struct op *op, int ok, const char *code,
               const msgpack_object *body, int *happened);
/* What an answer says of a SKU's stock: stock.get (read at the cells) or sku.get. */
struct model_seen {
    struct model_stock stock;
    int64_t exposed;    /* most that is held and not there, of any cell */
    uint8_t ok, ledger; /* sku.get: the counters of the ledger too */
};
void model_see(const msgpack_object *body, struct model_seen *seen);
/* Against the sums, conservation, nothing oversold. held_before: what was held when the first look
 * at this SKU began; time may have ended holds since. */
void model_compare(struct model *model, unsigned sku, const struct model_seen *seen,
                   int64_t held_before);
/* sku.get alone: conservation, and nothing oversold, whatever was acknowledged. */
int model_look_conserved(struct model *model, unsigned sku, const msgpack_object *body);

/* 1 when refusals of this code are remembered and repeated. */
int model_is_remembered(const char *code);

#endif
