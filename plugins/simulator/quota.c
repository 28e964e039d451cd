/* Token buckets, to the millisecond and without rounding: a level counts tokens x period_ms, so
 * that `refill` per ms of it flows in evenly. A call must find a token in the application's, the
 * account's and the endpoint's bucket, and takes one from each. */
#include "plugins/simulator/inside.h"

void bucket_fill(struct bucket *bucket, const struct market_quota *quota, int64_t now_ms)
{
    *bucket = (struct bucket){quota, quota->burst * quota->period_ms, now_ms};
}

static void bucket_flow(struct bucket *bucket, int64_t now_ms)
{
    const struct market_quota *quota = bucket->quota;
    int64_t full = quota->burst * quota->period_ms;
    int64_t missing = full - bucket->level, passed = now_ms - bucket->at_ms;

    /* Not passed * refill first: after a long pause that would overflow. */
    if (quota->refill && passed >= missing / quota->refill + 1)
        bucket->level = full;
    else
        bucket->level += passed * quota->refill;
    if (bucket->level > full)
        bucket->level = full;
    bucket->at_ms = now_ms;
}

int64_t bucket_wait(struct bucket *bucket, int64_t now_ms)
{
    const struct market_quota *quota = bucket->quota;
    if (!quota->burst)
        return 0;
    bucket_flow(bucket, now_ms);
    if (bucket->level >= quota->period_ms)
        return 0;
    if (!quota->refill)
        return MARKET_DAY_MS;
    return (quota->period_ms - bucket->level + quota->refill - 1) / quota->refill;
}

void bucket_take(struct bucket *bucket)
{
    if (bucket->quota->burst)
        bucket->level -= bucket->quota->period_ms;
}

/* 0 when the call is within every bucket, which has paid then; else how long to wait. */
int64_t quota_check(struct market *market, struct channel *channel, enum market_endpoint endpoint)
{
    struct bucket *buckets[3] = {&market->application[channel->config->application],
                                 &channel->account, &channel->quota[endpoint]};
    int64_t longest = 0;

    for (int i = 0; i < 3; i++) {
        int64_t wait = bucket_wait(buckets[i], market->now_ms);
        longest = wait > longest ? wait : longest;
    }
    for (int i = 0; i < 3 && !longest; i++)
        bucket_take(buckets[i]);
    return longest;
}
