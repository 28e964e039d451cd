/* A command: one decoded message, flat, as it travels through an inbox ring to the engine.
 *
 * Header, then the verb's args struct (verb.h) at STK_COMMAND_ARGS, then what strings and lists
 * point to, by offset from the start of the command. All padding is zero. A command is never
 * changed once it is submitted, except for the fields marked (engine). */
#ifndef STK_FLOW_COMMAND_H
#define STK_FLOW_COMMAND_H

#include "core/base/hash.h"
#include "core/base/limits.h"
#include <stockade/types.h>

/* A string or list of the command: offset from the command's first byte; size in bytes, or items.
 */
struct stk_ref {
    uint32_t offset;
    uint32_t size;
};

/* What the reader thread found before it submitted a parked command again. */
enum stk_attach {
    STK_ATTACH_NONE,   /* not looked up yet */
    STK_ATTACH_ABSENT, /* looked up in S: neither key nor order is there */
    STK_ATTACH_KEY,    /* `attached` is the KEY row: u64 sequence (host order), value */
    STK_ATTACH_ORDER,  /* `attached` is the ARCHIVE row of the order: u64 number (host order), value
                        */
    STK_ATTACH_FAILED, /* S could not be read; answered with STK_IO */
    STK_ATTACH_LATE,   /* the order is archived, and S does not have it yet: STK_BUSY */
    STK_ATTACH_ANSWER, /* `attached` is a struct stk_answer to be relayed to submitter and ticket */
};

struct stk_command {
    uint32_t size;      /* bytes, all included */
    uint16_t verb;      /* STK_VERB_* */
    uint8_t attach;     /* enum stk_attach */
    uint8_t submitter;  /* number of the inbox; answers go to its ring */
    uint64_t ticket;    /* the submitter's own, given back with the answer */
    stk_time_t time_ms; /* (engine) when it was taken from the inbox; apply never reads a clock */
    uint32_t who;       /* principal, 0 = local */
    uint32_t key_size;  /* 0: no idempotency key was given */
    struct stk_hash
        key; /* of space, source and id; space 1: orders (place, sell), 2: everything else */
    struct stk_hash order_key; /* of the order that the verb is about (pay, ship ...), else zero */
    struct stk_hash body; /* of verb and all decoded fields in table order, but source and id */
    struct stk_ref source;
    struct stk_ref id;
    struct stk_ref attached;
    uint64_t attach_epoch; /* (engine) epoch of the key runs when it was parked */
    uint64_t order_number; /* (engine, when parked) of the archived order that it is about; 0 = ask
                              the runs */
    stk_seq_t parked_seq;  /* (engine, when parked) S must reach it before that order is looked up:
                              when it was archived; the present sequence when number is 0 */
};

#define STK_COMMAND_ARGS ((uint32_t)((sizeof(struct stk_command) + 7) & ~7u))

static inline const void *stk_command_args(const struct stk_command *command)
{
    return (const uint8_t *)command + STK_COMMAND_ARGS;
}
static inline struct stk_bytes stk_command_bytes(const struct stk_command *command,
                                                 struct stk_ref ref)
{
    return (struct stk_bytes){(const char *)command + ref.offset, ref.size};
}
/* The items of a list; ref.size of them. */
static inline const void *stk_command_list(const struct stk_command *command, struct stk_ref ref)
{
    return (const uint8_t *)command + ref.offset;
}

/* The answer, as it travels back. The document (a map) follows the struct. */
struct stk_answer {
    uint64_t ticket;
    stk_seq_t wait_seq; /* not before this sequence is durable */
    uint16_t status;    /* enum stk_status */
    uint16_t verb;
    uint32_t doc_size;
};
static inline const uint8_t *stk_answer_doc(const struct stk_answer *answer)
{
    return (const uint8_t *)(answer + 1);
}

/* Keys. Spaces keep an order id and an equal idempotency id apart. */
#define STK_KEY_ORDER 1
#define STK_KEY_OTHER 2
static inline struct stk_hash stk_command_key(unsigned space, struct stk_bytes source,
                                              struct stk_bytes id)
{
    return stk_hash_key(space, source, id);
}

#endif
