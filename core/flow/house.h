/* What the engine does by itself, in slices: expiry, the archive, snapshots, what is forgotten.
 * Engine thread. */
#ifndef STK_FLOW_HOUSE_H
#define STK_FLOW_HOUSE_H

#include "core/flow/writer.h"

#define STK_RUNS_LEAVING_MAX 64

/* A run whose keys are leaving memory. */
struct stk_leaving {
    struct stk_run run;
    int dropped; /* it is gone from the disk meanwhile */
};

struct stk_house {
    stk_time_t grace_until_ms; /* nothing expires before */
    stk_time_t housekept_ms;
    uint64_t run_epoch;                               /* grows with every run made or dropped */
    struct stk_leaving leaving[STK_RUNS_LEAVING_MAX]; /* in the order they were made */
    uint32_t runs;
    int busy; /* a slice was done and another one waits: no sleep before it */
    int full; /* the disk: writes are refused */
    char full_why[STK_TEXT_MAX];
};

/* At the begin of a turn: is the disk full? */
void stk_house_look(struct stk_house *house, const struct stk_writer *writer);
/* Orders whose time is over: at most STK_EXPIRY_SLICE. */
void stk_house_expire(struct stk_house *house, struct stk_writer *writer);
/* Closed orders leave memory. */
void stk_house_archive(struct stk_house *house, struct stk_writer *writer);
/* A slice of all else; once a second also a look at what is old. */
void stk_house_keep(struct stk_house *house, struct stk_writer *writer);
/* A run of keys was made, and its keys leave memory; or it was dropped from the disk. */
void stk_house_run_changed(struct stk_house *house, struct stk_state *state,
                           const struct stk_run *run, int dropped);
/* When something is due by itself. */
stk_time_t stk_house_next_ms(const struct stk_house *house, struct stk_writer *writer);

#endif
