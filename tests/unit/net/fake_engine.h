/* An engine without an engine: the inbox functions of engine.h, answered on the spot on the thread
 * that owns the inbox. Included by one test program each, whose symbols stand before the
 * library's.
 *
 * A command whose id begins with "short" is refused with SHORT; every other one is answered with a
 * map of its verb and a running number. While fake.hold is set, answers wait. */
#ifndef STK_TESTS_UNIT_NET_FAKE_ENGINE_H
#define STK_TESTS_UNIT_NET_FAKE_ENGINE_H

#include "core/base/loop.h"
#include "core/flow/engine.h"
#include "core/flow/verb.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define FAKE_COMMAND_BYTES (256 * 1024)

struct fake_answer {
    struct fake_answer *next;
    struct stk_answer answer;
};

static struct {
    _Atomic int hold;     /* answers wait */
    _Atomic int capacity; /* commands that may wait; 0 = the inbox is full */
    _Atomic int taken;    /* commands so far */
    _Atomic int waiting;  /* answers made and not fetched */
    _Atomic int published;
    struct stk_loop *loop;
    _Alignas(8) uint8_t command[FAKE_COMMAND_BYTES];
    struct fake_answer *first, *last, *lent;
} fake;

static inline void fake_reset(struct stk_loop *loop)
{
    memset(&fake, 0, sizeof fake);
    fake.loop = loop;
    fake.capacity = 1 << 30;
}

static inline void fake_let_go(void)
{
    atomic_store(&fake.hold, 0);
    stk_loop_wake(fake.loop);
}

struct stk_command *stk_inbox_reserve(struct stk_inbox *inbox, uint32_t size)
{
    (void)inbox;
    if (atomic_load(&fake.waiting) >= atomic_load(&fake.capacity) || size > sizeof fake.command)
        return NULL;
    return (void *)fake.command;
}

void stk_inbox_commit(struct stk_inbox *inbox, struct stk_command *command)
{
    struct stk_bytes id = stk_command_bytes(command, command->id);
    int is_short = id.size >= 5 && memcmp(id.data, "short", 5) == 0;
    struct fake_answer *made = calloc(1, sizeof *made + 256);
    struct stk_doc doc = stk_doc(&made[1], 256);
    (void)inbox;
    stk_doc_map(&doc, 2);
    if (is_short) {
        stk_doc_key_text(&doc, "code", "SHORT");
        stk_doc_key_text(&doc, "message", "line 1: 3 wanted, 1 available");
    } else {
        stk_doc_key_text(&doc, "verb", stk_verb_by_number(command->verb)->name);
        stk_doc_key_uint(&doc, "who", command->who);
    }
    made->answer = (struct stk_answer){.ticket = command->ticket,
                                       .status = is_short ? STK_SHORT : STK_OK,
                                       .verb = command->verb,
                                       .doc_size = doc.size};
    if (fake.last)
        fake.last->next = made;
    else
        fake.first = made;
    fake.last = made;
    atomic_fetch_add(&fake.waiting, 1);
    atomic_fetch_add(&fake.taken, 1);
}

void stk_inbox_publish(struct stk_inbox *inbox)
{
    (void)inbox;
    atomic_fetch_add(&fake.published, 1);
    stk_loop_wake(fake.loop);
}

const struct stk_answer *stk_inbox_answer(struct stk_inbox *inbox)
{
    struct fake_answer *next = fake.first;
    (void)inbox;
    if (!next || atomic_load(&fake.hold))
        return NULL;
    fake.first = next->next;
    if (!fake.first)
        fake.last = NULL;
    next->next = fake.lent;
    fake.lent = next;
    atomic_fetch_sub(&fake.waiting, 1);
    return &next->answer;
}

void stk_inbox_release(struct stk_inbox *inbox)
{
    (void)inbox;
    while (fake.lent) {
        struct fake_answer *next = fake.lent->next;
        free(fake.lent);
        fake.lent = next;
    }
}

/* What nobody fetched. */
static inline void fake_clear(void)
{
    atomic_store(&fake.hold, 0);
    while (stk_inbox_answer(NULL))
        ;
    stk_inbox_release(NULL);
}

/* One SKU, "A", at one location, "main": 10 there, 3 held. */
stk_sku_t stk_engine_find_sku(const struct stk_engine *engine, struct stk_bytes name)
{
    (void)engine;
    return name.size == 1 && *name.data == 'A' ? 7 : STK_NONE;
}

stk_location_t stk_engine_find_location(const struct stk_engine *engine, struct stk_bytes name)
{
    (void)engine;
    return name.size == 4 && memcmp(name.data, "main", 4) == 0 ? 2 : UINT16_MAX;
}

enum stk_status stk_engine_stock(const struct stk_engine *engine, stk_sku_t sku,
                                 struct stk_bytes channel, stk_location_t location,
                                 struct stk_stock_view *out)
{
    (void)engine, (void)location;
    if (channel.size)
        return STK_NOT_FOUND;
    memset(out, 0, sizeof *out);
    out->sku = sku;
    out->cells = 1;
    out->available = 7;
    out->cell[0] = (struct stk_cell_view){.location = 2, .on_hand = 10, .held = 3};
    return STK_OK;
}

struct stk_bytes stk_engine_location_id(const struct stk_engine *engine, stk_location_t location)
{
    (void)engine, (void)location;
    return (struct stk_bytes){"main", 4};
}

#endif
