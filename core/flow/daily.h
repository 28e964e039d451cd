/* A cap a day for one of very many things (a listing: so many changes a day) in 4 bytes: the number
 * of the day and a count. Zeroed: nothing counted. Pure; the caller stores it with what it belongs
 * to. Days begin at midnight of a zone of fixed offset. Stability: internal. */
#ifndef STK_FLOW_DAILY_H
#define STK_FLOW_DAILY_H

#include <stockade/types.h>

#define STK_DAY_MS INT64_C(86400000)

struct stk_daily {
    uint16_t day; /* since 1970, local; till 2149 */
    uint16_t count;
};

static inline uint16_t stk_daily_day(stk_time_t now_ms, int zone_min)
{
    return (uint16_t)((now_ms + zone_min * INT64_C(60000)) / STK_DAY_MS);
}

/* How many were counted on the day of now_ms. */
static inline uint32_t stk_daily_count(struct stk_daily daily, int zone_min, stk_time_t now_ms)
{
    return daily.day == stk_daily_day(now_ms, zone_min) ? daily.count : 0;
}

/* Is one more allowed? When not, *again_ms is the midnight at which it is. cap 0: no cap. */
static inline int stk_daily_allows(struct stk_daily daily, uint32_t cap, int zone_min,
                                   stk_time_t now_ms, stk_time_t *again_ms)
{
    if (!cap || stk_daily_count(daily, zone_min, now_ms) < cap)
        return 1;
    *again_ms = (stk_daily_day(now_ms, zone_min) + 1) * STK_DAY_MS - zone_min * INT64_C(60000);
    return 0;
}

/* One more at now_ms; a time of an earlier day than the latest counts on the latest. */
static inline void stk_daily_add(struct stk_daily *daily, int zone_min, stk_time_t now_ms)
{
    uint16_t day = stk_daily_day(now_ms, zone_min);
    if (day > daily->day)
        *daily = (struct stk_daily){day, 0};
    if (daily->count < UINT16_MAX)
        daily->count++;
}

/* One that was added at at_ms was not made. */
static inline void stk_daily_give_back(struct stk_daily *daily, int zone_min, stk_time_t at_ms)
{
    if (stk_daily_count(*daily, zone_min, at_ms))
        daily->count--;
}

#endif
