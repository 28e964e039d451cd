/* What the simulated channels declare, and what they are made of: one place, so that a manifest
 * cannot promise what the market does not keep. Stability: internal.
 *
 * At a speed of n the market's time runs n times as fast, and all its delays, measured on the
 * host's clock, are n times as short: within these bounds all the more. Its quotas are stretched by
 * n and so keep their pace on the host's clock. */
#ifndef SIMULATOR_BOUNDS_H
#define SIMULATOR_BOUNDS_H

#include <stockade/event.h>
#include <stockade/manifest.h>

#define SIMULATOR_BATCH 100
#define SIMULATOR_PAGE  100

#define SIMULATOR_SET_A    900000
#define SIMULATOR_ADJUST_A 45000
#define SIMULATOR_CAS_A    60000
#define SIMULATOR_SHOP_A   5000
#define SIMULATOR_SET_L    300000
#define SIMULATOR_ADJUST_L 30000
#define SIMULATOR_CAS_L    120000
#define SIMULATOR_SHOP_L   5000
#define SIMULATOR_R        120000

/* Each endpoint takes 20 calls at once and one a second. The manifests say 18 and 1.1 s: what
 * leaves here evenly arrives there a little less so. */
#define SIMULATOR_BURST         20
#define SIMULATOR_REFILL_MS     1000
#define SIMULATOR_TOLD_BURST    18
#define SIMULATOR_TOLD_MS       1100
#define SIMULATOR_LISTING_A_DAY 2000

#define SIMULATOR_BUCKET(text, ops)                                                                \
    {                                                                                              \
        .name = text, .operations = ops, .burst = SIMULATOR_TOLD_BURST, .refill = 1,               \
        .refill_ms = SIMULATOR_TOLD_MS, .cost_per_call = 1, .scope = STK_BUCKET_ENDPOINT,          \
        .kind = STK_REFILL_STEADY                                                                  \
    }

/* A manifest, but for what differs from kind to kind. */
#define SIMULATOR_MANIFEST(text, ...)                                                              \
    STK_MANIFEST(.name = text, .vendor = "Stockade", .version = STK_VERSION_TEXT,                  \
                 .kinds = STK_KIND_BIT(ORDERS_IN) | STK_KIND_BIT(LISTING_UPDATES) |                \
                          STK_KIND_BIT(DISCOVERY) | STK_KIND_BIT(OFFERS_IN),                       \
                 .read_back_age_ms = SIMULATOR_R, .declares_watermark = 1, .gross_prices = 1,      \
                 .published = 1u << STK_PUBLISHED_QUANTITY | 1u << STK_PUBLISHED_PRICE |           \
                              1u << STK_PUBLISHED_ACTIVE,                                          \
                 .push_quantity_max = SIMULATOR_BATCH, .push_price_max = SIMULATOR_BATCH,          \
                 .push_mixed = 1, .read_back_max = SIMULATOR_BATCH, .push_open_max = 4,            \
                 .bucket_count = 6,                                                                \
                 .buckets = {SIMULATOR_BUCKET("orders", STK_OPERATION_ORDERS),                     \
                             SIMULATOR_BUCKET("push",                                              \
                                              STK_OPERATION_QUANTITY | STK_OPERATION_PRICE),       \
                             SIMULATOR_BUCKET("read", STK_OPERATION_READ_BACK),                    \
                             SIMULATOR_BUCKET("discover", STK_OPERATION_DISCOVER),                 \
                             SIMULATOR_BUCKET("offers", STK_OPERATION_OFFERS),                     \
                             {.name = "listing",                                                   \
                              .operations = STK_OPERATION_QUANTITY | STK_OPERATION_PRICE,          \
                              .burst = SIMULATOR_LISTING_A_DAY,                                    \
                              .cost_per_item = 1,                                                  \
                              .scope = STK_BUCKET_LISTING,                                         \
                              .kind = STK_REFILL_DAY}},                                            \
                 __VA_ARGS__)

/* In manifest.c and kinds/: which kind an instance is unless its options say so. */
extern const char simulator_kind[];

#endif
