/* Accuracy of a channel: the share of its listings whose observed value is right, weighted by age,
 * kept as sums while single listings come, change and go. A listing's contribution is the time of
 * its latest observation and whether that was right; sums are kept per slot of time, exactly, so
 * that any of it can be taken off again. An observation of age `half_ms` weighs half of a fresh
 * one. Zeroed by stk_accuracy_init. Pure, one thread at a time. Stability: internal. */
#ifndef STK_FLOW_ACCURACY_H
#define STK_FLOW_ACCURACY_H

#include <stockade/types.h>

#define STK_ACCURACY_SLOTS 96

struct stk_accuracy {
    int64_t slot_ms; /* the width of a slot: 15 min make 24 h; older ones share one sum */
    int64_t newest;  /* number of the newest slot since 1970 */
    uint32_t right[STK_ACCURACY_SLOTS], wrong[STK_ACCURACY_SLOTS];
    uint32_t old_right, old_wrong;
    uint32_t unseen; /* listings never observed */
};
struct stk_accuracy_view {
    uint32_t right, wrong, unseen;
    uint32_t right_ppm; /* of what was observed, by weight; 0 when nothing was */
    uint32_t known_ppm; /* weight of what was observed / listings: 1,000,000 = all, just now */
};

void stk_accuracy_init(struct stk_accuracy *accuracy, int64_t slot_ms);
/* A listing with its latest observation; observed_ms 0: never. */
void stk_accuracy_add(struct stk_accuracy *accuracy, int right, stk_time_t observed_ms);
/* Takes off exactly what was added with these. */
void stk_accuracy_remove(struct stk_accuracy *accuracy, int right, stk_time_t observed_ms);
struct stk_accuracy_view stk_accuracy_view(const struct stk_accuracy *accuracy, stk_time_t now_ms,
                                           int64_t half_ms);

#endif
