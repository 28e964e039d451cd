/* Sums per slot of time, in a ring. Always true: slots newest - SLOTS + 1 to newest stand at their
 * number modulo SLOTS, all before are in old_right and old_wrong; so where a listing was counted
 * follows from its time alone, and removing is exact. */
#include "core/flow/accuracy.h"
#include "core/base/err.h"
#include <stddef.h>

#define WEIGHT_ONE (INT64_C(1) << 20)

void stk_accuracy_init(struct stk_accuracy *accuracy, int64_t slot_ms)
{
    stk_assert(slot_ms > 0);
    *accuracy = (struct stk_accuracy){.slot_ms = slot_ms};
}

static void move_on(struct stk_accuracy *accuracy, int64_t slot)
{
    int64_t steps = slot - accuracy->newest;
    for (int64_t i = 1; i <= steps && i <= STK_ACCURACY_SLOTS; i++) {
        int64_t at = (accuracy->newest + i) % STK_ACCURACY_SLOTS;
        accuracy->old_right += accuracy->right[at];
        accuracy->old_wrong += accuracy->wrong[at];
        accuracy->right[at] = accuracy->wrong[at] = 0;
    }
    accuracy->newest = slot;
}

static uint32_t *place_of(struct stk_accuracy *accuracy, int right, stk_time_t observed_ms)
{
    int64_t slot = observed_ms / accuracy->slot_ms;
    if (observed_ms <= 0)
        return &accuracy->unseen;
    if (slot > accuracy->newest)
        move_on(accuracy, slot);
    if (slot <= accuracy->newest - STK_ACCURACY_SLOTS)
        return right ? &accuracy->old_right : &accuracy->old_wrong;
    return right ? &accuracy->right[slot % STK_ACCURACY_SLOTS]
                 : &accuracy->wrong[slot % STK_ACCURACY_SLOTS];
}

void stk_accuracy_add(struct stk_accuracy *accuracy, int right, stk_time_t observed_ms)
{
    ++*place_of(accuracy, right, observed_ms);
}

void stk_accuracy_remove(struct stk_accuracy *accuracy, int right, stk_time_t observed_ms)
{
    uint32_t *place = place_of(accuracy, right, observed_ms);
    stk_assert(*place > 0);
    --*place;
}

static int64_t weight_of(int64_t age_ms, int64_t half_ms)
{
    return age_ms <= 0 ? WEIGHT_ONE : half_ms * WEIGHT_ONE / (half_ms + age_ms);
}

struct stk_accuracy_view stk_accuracy_view(const struct stk_accuracy *accuracy, stk_time_t now_ms,
                                           int64_t half_ms)
{
    struct stk_accuracy_view view = {accuracy->old_right, accuracy->old_wrong, accuracy->unseen, 0,
                                     0};
    int64_t oldest = accuracy->newest - STK_ACCURACY_SLOTS + 1;
    int64_t weight = weight_of(now_ms - oldest * accuracy->slot_ms, half_ms);
    __int128 right = (__int128)weight * accuracy->old_right;
    __int128 all = right + (__int128)weight * accuracy->old_wrong;
    stk_assert(half_ms > 0 && half_ms < INT64_C(1) << 40);
    for (int64_t slot = oldest < 0 ? 0 : oldest; slot <= accuracy->newest; slot++) {
        uint32_t at = (uint32_t)(slot % STK_ACCURACY_SLOTS);
        weight = weight_of(now_ms - (slot + 1) * accuracy->slot_ms, half_ms);
        right += (__int128)weight * accuracy->right[at];
        all += (__int128)weight * ((int64_t)accuracy->right[at] + accuracy->wrong[at]);
        view.right += accuracy->right[at];
        view.wrong += accuracy->wrong[at];
    }
    if (all) {
        int64_t listings = (int64_t)view.right + view.wrong + view.unseen;
        view.right_ppm = (uint32_t)(right * 1000000 / all);
        view.known_ppm = (uint32_t)(all * 1000000 / WEIGHT_ONE / listings);
    }
    return view;
}
