/* Everything the engine knows, in one place: what recovery fills and the fold's rows stand for. */
#ifndef STK_STATE_STATE_H
#define STK_STATE_STATE_H

#include "core/state/book.h"
#include "core/state/catalog.h"
#include "core/state/channel.h"
#include "core/state/dedupe.h"
#include "core/state/names.h"
#include "core/state/note.h"
#include "core/state/order.h"
#include "core/state/wheel.h"

struct stk_state {
    struct stk_names *names;
    struct stk_catalog catalog;
    struct stk_orders orders;
    struct stk_wheel wheel;
    struct stk_dedupe dedupe;
    struct stk_book book;
    struct stk_channels channels;
    struct stk_notes notes;
    stk_seq_t seq;      /* of the last effect */
    stk_time_t time_ms; /* of the last effect: engine time never goes back */
};

struct stk_state_capacity {
    struct stk_catalog_capacity catalog;
    struct stk_book_capacity book;
    uint32_t orders, holds, keys, keys_on_disk;
    uint32_t published, promises, notes;
    uint64_t order_bytes, key_bytes, note_bytes;
};
enum stk_status stk_state_init(struct stk_state *state, const struct stk_state_capacity *capacity,
                               struct stk_error *err);
void stk_state_fini(struct stk_state *state);
/* Every invariant of the floor over everything: cells balance, cell.held is the sum of its holds,
 * links agree both ways, counts agree. Slow; for the simulator and tests. err names the first that
 * does not. */
enum stk_status stk_state_check(const struct stk_state *state, struct stk_error *err);

#endif
