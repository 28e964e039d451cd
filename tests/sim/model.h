/* The independent model: orders and stock as simply as they can be written. Strings, linear search,
 * no hold lists, no effects. It is told each command that was acknowledged, with the answer, and
 * must agree; it decides by itself what an own-shop order may get. Shares nothing with the engine.
 */
#ifndef STK_TESTS_SIM_MODEL_H
#define STK_TESTS_SIM_MODEL_H

#include <stdint.h>

#define MODEL_SKUS      12
#define MODEL_LOCATIONS 3
#define MODEL_LINES     4
#define MODEL_ORDERS    4096
#define MODEL_WINDOW_MS 60000
#define MODEL_LATE_MS   4000 /* what is due is done so much later at the most */

/* The last SKUs lie at one location only and have earmarks, at most one for each use at a time. Who
 * asks with use "vip" may take those for VIP, everyone those for SHOP, which is their channel. */
#define MODEL_MARKED (MODEL_SKUS - 2)
enum model_use { VIP, SHOP, OTHER, MODEL_USES };

struct model_mark {
    int lives, number; /* number: how many there were before */
    int64_t left, until_ms;
};

enum model_state { NONE, PLACED, PAID, REVIEW, SHIPPED, CANCELLED, EXPIRED, RETURNED };

struct model_line {
    int sku;
    int kit; /* 1: two of sku and one of sku + 1 */
    int64_t quantity, shipped, cancelled, returned, short_units;
    /* units that are held and came off earmarks, and off which */
    int64_t off[MODEL_SKUS][OTHER];
    int off_number[MODEL_SKUS][OTHER];
};
struct model_order {
    enum model_state state;
    int fact, paid;
    int64_t expires_ms; /* 0 = firm */
    int64_t left_ms;    /* when the review began */
    int lines;
    struct model_line line[MODEL_LINES];
};
struct model {
    int64_t on_hand[MODEL_SKUS]; /* over all locations: the simulator's orders may be split */
    int64_t unsellable[MODEL_SKUS];
    int64_t received[MODEL_SKUS], shipped[MODEL_SKUS], returned[MODEL_SKUS];
    int64_t found[MODEL_SKUS], written_off[MODEL_SKUS];
    struct model_order order[MODEL_ORDERS];
    struct model_mark mark[MODEL_SKUS][MODEL_USES];
    int64_t now_ms;
    /* Cancelled before it came, so long ago; 0 = not. Forgotten when MODEL_WINDOW_MS are over: the
     * engine does that a little later, in its own time. */
    int64_t early_ms[MODEL_ORDERS];
};

/* Units of a SKU that orders hold. */
int64_t model_held(const struct model *m, int sku);
/* Units per line that stock covers if the order came now; 1 when all of it. */
int model_covers(const struct model *m, const struct model_line *line, int lines, int vip,
                 int64_t *covered);
void model_place(struct model *m, int id, const struct model_line *line, int lines, int fact,
                 int vip, int64_t expires_ms);
/* Earmark so many units: 1 when there are so many free ones. */
int model_earmark(struct model *m, int sku, enum model_use use, int64_t units, int64_t until_ms);
/* The engine has ended the earmark: 1 when it may. */
int model_earmark_ended(struct model *m, int sku, enum model_use use);
/* 1 when the verb is possible now (then it is done), 0 when the engine must refuse. */
int model_pay(struct model *m, int id);
int model_review(struct model *m, int id);
int model_release(struct model *m, int id);
int model_extend(struct model *m, int id, int64_t ttl_ms);
int model_ship(struct model *m, int id, int line, int64_t units); /* line 0: all that is held */
int model_cancel(struct model *m, int id, int line, int64_t units);
int model_return(struct model *m, int id, int line, int64_t units, int unsellable);
void model_expire(struct model *m, int id); /* its time is over */
void model_cancel_early(struct model *m, int id);
/* The engine has, or has not, forgotten the early cancellation: 1 when it may. */
int model_early(struct model *m, int id, int forgotten);
const char *model_state_name(enum model_state state);

#endif
