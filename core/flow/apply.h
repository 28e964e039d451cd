/* One command being applied: what a verb's function sees. Engine thread only.
 *
 * A verb looks and decides first, and refuses by stk_apply_refuse with nothing changed. Then it
 * calls stk_apply_begin, from where on it must not fail, changes the state, and writes its rows;
 * touched cells get one row each at the end. The answer is a map: stk_apply_say_* adds pairs,
 * before or after begin. */
#ifndef STK_FLOW_APPLY_H
#define STK_FLOW_APPLY_H

#include "core/base/doc.h"
#include "core/flow/engine.h"
#include "core/flow/rows.h"
#include "core/flow/verb.h"
#include "core/state/allot.h"
#include "core/state/state.h"

/* Units of one component of one line that an order needs. */
struct stk_demand {
    stk_sku_t sku;
    uint32_t units;     /* of the SKU per unit of the line */
    uint32_t wanted;    /* units of the SKU in all */
    uint16_t line;      /* index from 0 */
    uint16_t component; /* index in the order's frozen components */
};
/* A decision: so many units of a demand from this cell. */
struct stk_pick {
    stk_cell_t cell;
    uint32_t quantity;
    uint32_t demand;
};
/* Per cell, while one command is being decided: what earlier picks of it took. Zero otherwise. */
struct stk_mark {
    int32_t planned;
    uint32_t touched; /* number of the command that has put the cell on the list of touched ones */
    uint32_t listed;  /* the same for the list of planned ones */
};

/* A word and its number, which it keeps for ever. */
struct stk_word {
    uint16_t number;
    uint8_t size; /* 0: none yet */
    char text[STK_ID_MAX];
};

/* Units of a listing that its channel has sold. */
struct stk_sold {
    stk_listing_t listing;
    uint32_t units;
};

/* Numbers of principals that were looked up last; see principal.h. */
#define STK_PRINCIPALS_KEPT 64
struct stk_principal {
    uint32_t who; /* the door's number; 0 = none */
    uint16_t number;
};

#define STK_TOUCHED_MAX (STK_HOLDS_PER_ORDER_MAX * 2)
struct stk_scratch {
    struct stk_demand demand[STK_HOLDS_PER_ORDER_MAX];
    uint32_t demands;
    struct stk_pick pick[STK_HOLDS_PER_ORDER_MAX];
    uint32_t picks;
    struct stk_pick ahead[STK_LINES_MAX]; /* pre-orders: cell is the slot of an incoming document */
    uint32_t aheads;
    stk_cell_t planned[STK_TOUCHED_MAX];
    uint32_t planned_count;
    stk_cell_t touched[STK_TOUCHED_MAX];
    uint32_t touched_count;
    uint32_t turn;          /* number of the command */
    struct stk_mark *marks; /* by cell, reserved */
    struct stk_principal principal[STK_PRINCIPALS_KEPT];
    struct stk_word last_word[STK_NAME_KINDS]; /* that was looked up, per kind */
    struct stk_sold sold[STK_LINES_MAX]; /* of a fact that is being placed: not yet off a promise */
    uint32_t solds;
    struct stk_allot allot;
    uint32_t line_units[STK_LINES_MAX]; /* per line: covered units, or whatever a verb counts */
    uint32_t line_value[STK_LINES_MAX];
};

struct stk_apply {
    struct stk_state *state;
    const struct stk_engine_options *options;
    struct stk_engine_counters *counters;
    struct stk_scratch *scratch;
    const struct stk_command *command; /* NULL: the engine's own doing */
    const void *args;
    uint64_t present; /* of the args */
    stk_time_t now;
    stk_seq_t seq; /* that the record has or will have */
    struct stk_batch *batch;
    struct stk_record record;
    uint32_t movements;               /* booked by this command */
    const struct stk_order *shipping; /* movements are of this order; NULL = of none */
    int open;                         /* stk_apply_begin was called */
    int began;                        /* and stays so when the record is closed */
    uint32_t loaded; /* slot + 1 of an archived order that came back for this command; 0 = none */
    struct stk_doc answer;
    uint32_t pairs;
    uint32_t answer_mark;
    stk_seq_t wait_seq; /* of the answer; set by begin, or by a repeat */
};

/* Refuse: writes code and message; further stk_apply_say_* may follow. Returns status. */
enum stk_status stk_apply_refuse(struct stk_apply *apply, enum stk_status status,
                                 const char *format, ...) __attribute__((format(printf, 3, 4)));
void stk_apply_say_int(struct stk_apply *apply, const char *key, int64_t value);
void stk_apply_say_uint(struct stk_apply *apply, const char *key, uint64_t value);
void stk_apply_say_text(struct stk_apply *apply, const char *key, const char *text);
void stk_apply_say_bytes(struct stk_apply *apply, const char *key, struct stk_bytes text);
void stk_apply_say_bool(struct stk_apply *apply, const char *key, int value);
/* For a nested value: writes the key and counts the pair; the caller writes the value to
 * apply->answer. */
void stk_apply_say_key(struct stk_apply *apply, const char *key);

/* From here on the command changes things: opens the record and answers "seq". */
void stk_apply_begin(struct stk_apply *apply);
/* Cells: change numbers by these, and the row follows by itself. Held and on_hand never go below 0.
 */
void stk_apply_touch(struct stk_apply *apply, stk_cell_t cell);
void stk_apply_held(struct stk_apply *apply, stk_cell_t cell, int64_t delta);
/* on_hand and unsellable of this cell may grow by so much (limit of a quantity, of a ledger
 * counter). */
int stk_apply_may_grow(struct stk_apply *apply, stk_cell_t cell, uint32_t by);
/* A physical change of on_hand: remembered as a movement at occurred_ms. */
void stk_apply_moved(struct stk_apply *apply, stk_cell_t cell, stk_time_t occurred_ms,
                     int32_t delta);
/* Writes the rows of touched cells. Called once by whoever began. */
void stk_apply_rows_of_cells(struct stk_apply *apply);

/* A word's number: the known one, or (after begin) a new one with its row. *room: before begin, set
 * to 0 when a new one would not fit. */
uint16_t stk_apply_name(struct stk_apply *apply, enum stk_name_kind kind, struct stk_bytes text);
int stk_apply_name_fits(struct stk_apply *apply, enum stk_name_kind kind, struct stk_bytes text);

/* Resolve words of the command; on failure refuse (STK_NOT_FOUND names the field) and return that.
 */
enum stk_status stk_apply_sku(struct stk_apply *apply, struct stk_ref ref, stk_sku_t *sku);
enum stk_status stk_apply_location(struct stk_apply *apply, struct stk_ref ref,
                                   stk_location_t *location);
/* The cell of SKU and location, made after begin when it is missing; cell_fits asks before. */
int stk_apply_cell_fits(struct stk_apply *apply, uint32_t cells);
stk_cell_t stk_apply_cell(struct stk_apply *apply, stk_sku_t sku, stk_location_t location);
/* What the reader could not read for this command: the refusal that says so; else STK_OK. */
enum stk_status stk_apply_unread(struct stk_apply *apply);
/* The order that the verb is about: its slot; STK_NOT_FOUND (refused), or STK_AGAIN: park the
 * command. An archived order that the reader brought is loaded; it counts as changed after begin.
 */
enum stk_status stk_apply_order(struct stk_apply *apply, uint32_t *slot);

static inline int stk_apply_has(const struct stk_apply *apply, unsigned field)
{
    return (apply->present & STK_FIELD_BIT(field)) != 0;
}
static inline struct stk_bytes stk_apply_text(const struct stk_apply *apply, struct stk_ref ref)
{
    return stk_command_bytes(apply->command, ref);
}

/* The verbs: each in the file of its name. Status as answered; STK_AGAIN parks. */
typedef enum stk_status (*stk_apply_fn)(struct stk_apply *apply);
stk_apply_fn stk_apply_verb(unsigned verb); /* NULL: not the engine's */

#endif
