/* Events of a plugin as commands of the engine. Pure: what goes in is a checked message and the
 * answer to the command before, what comes out are the parameters of the next one. No allocation;
 * one thread at a time. */
#ifndef STK_PLUG_TRANSLATE_H
#define STK_PLUG_TRANSLATE_H

#include "core/flow/verb.h"
#include "core/plug/tree.h"
#include <stockade/event.h>

/* The widest is an order: eleven pairs for each of its lines. */
#define STK_TRANSLATE_VALUES (STK_EVENT_LINES_MAX * 24 + 64)

struct stk_translate {
    const char *instance;     /* source and channel of everything */
    int match;                /* listings that are not known are paired by SKU, then barcode */
    struct stk_value *values; /* STK_TRANSLATE_VALUES of them */
    uint64_t unmatched, gone, tests; /* counts */
};

/* One event on its way. Zeroed, but for `event`, before the first call of next. */
struct stk_task {
    const struct stk_message *event; /* checked */
    uint32_t step, row;
    uint8_t without_reason; /* it held what may not be stored */
    stk_status_t status;    /* what the plugin is told */
    uint32_t shortfall;
    stk_seq_t sequence;
    char id[STK_ID_MAX + 1];  /* of the command, where it is not the event's */
    char sku[STK_ID_MAX + 1]; /* of a listing, as it was found */
};

/* STK_UNKNOWN: the engine cannot take such an event yet; err says what about it. */
enum stk_status stk_translate_can(const struct stk_message *event, struct stk_error *err);
/* 1: one command, and nothing that follows depends on its answer. */
int stk_translate_is_single(const struct stk_message *event);

/* The next command of the task; answer: of the one before (NULL: this is the first), with its
 * status. NULL: the task is done, and says how. params are valid until the next call. */
const struct stk_verb *stk_translate_next(struct stk_translate *translate, struct stk_task *task,
                                          const struct stk_value *answer, enum stk_status status,
                                          struct stk_value *params, uint32_t *bytes);

/* 1: an answer that will be the same each time; 0: a state of the engine that passes. */
int stk_translate_is_final(enum stk_status status);

#endif
