/* Fields of the verbs of channels, and the names of what they speak about. */
#include "core/flow/verb_channel.h"
#include "core/flow/verb_make.h"

#define LAG_MAX       (INT64_C(24) * 3600000)
#define VALUE_MAX     MONEY_MAX
#define PERCENT_RANGE .min = 0, .max = 100

static const char *const modes[] = {"shared", "guaranteed", NULL};
static const char *const writes[] = {"set", "adjust", "cas", NULL};
static const char *const proofs[] = {"answer", "report", "read_back", NULL};
static const char *const restocks[] = {"never", "cancel", "refund", NULL};
static const char *const steps[] = {"observe", "zero_only", "lower", "full", NULL};
#define KINDS                                                                                      \
    "quantity", "price", "sale_price", "list_price", "group_price", "tier_price", "active", NULL
static const char *const kinds[] = {KINDS};
static const char *const kinds_or_all[] = {"all", KINDS};
static const char *const outcomes[] = {"not_sent", "accepted",   "applied",  "refused",
                                       "retry",    "unknown",    "mismatch", "locked",
                                       "review",   "no_listing", NULL};
static const char *const states[] = {"never",   "on_way",  "accepted",  "observed", "refused",
                                     "unknown", "drifted", "contested", "locked",   "review"};
_Static_assert(sizeof states / sizeof states[0] == STK_PUBLISH_STATES, "each has a name");
_Static_assert(sizeof kinds / sizeof kinds[0] == STK_PUBLISH_KINDS + 1, "each has a name");
_Static_assert(sizeof steps / sizeof steps[0] == STK_STEPS + 1, "each has a name");
_Static_assert(sizeof outcomes / sizeof outcomes[0] == STK_RESULTS + 1, "each has a name");

const char *stk_publish_kind_name(unsigned kind)
{
    return kind < STK_PUBLISH_KINDS ? kinds[kind] : "?";
}

const char *stk_publish_state_name(unsigned state)
{
    return state < STK_PUBLISH_STATES ? states[state] : "?";
}

const char *stk_step_name(unsigned step)
{
    return step < STK_STEPS ? steps[step] : "?";
}

const char *stk_mode_name(unsigned mode)
{
    return mode < STK_MODES ? modes[mode] : "?";
}

#define CHANNEL_OF(args, ARGS)                                                                     \
    {                                                                                              \
        FIELD(args, ARGS, channel, CHANNEL, STR), REQUIRED, ID_RANGE, .help = "its name"           \
    }
#define LISTING_OF(args, ARGS)                                                                     \
    {                                                                                              \
        FIELD(args, ARGS, listing, LISTING, STR), REQUIRED, ID_RANGE,                              \
            .help = "the channel's own id"                                                         \
    }
#define KIND_OF(args, ARGS)                                                                        \
    {                                                                                              \
        FIELD(args, ARGS, kind, KIND, ENUM), .names = kinds,                                       \
                                             .help = "what is published; default quantity"         \
    }

const struct stk_field stk_channel_put_fields[] = {
    CHANNEL_OF(channel_put, CHANNEL_PUT),
    {FIELD(channel_put, CHANNEL_PUT, mode, MODE, ENUM), .names = modes,
     .help = "shared: all channels are told what is there; default shared"},
    {FIELD(channel_put, CHANNEL_PUT, cap, CAP, QUANTITY), UNITS(0),
     .help = "units shown at most; 0: no cap"},
    {FIELD(channel_put, CHANNEL_PUT, share, SHARE, QUANTITY), PERCENT_RANGE, .fallback = 100,
     .help = "percent of what is available; default 100"},
    {FIELD(channel_put, CHANNEL_PUT, buffer, BUFFER, QUANTITY), UNITS(0),
     .help = "units kept back; default 0"},
    {FIELD(channel_put, CHANNEL_PUT, last_units, LAST_UNITS, QUANTITY), UNITS(0),
     .help = "the last so many are not sold here; default 0"},
    {FIELD(channel_put, CHANNEL_PUT, breaker, BREAKER, QUANTITY), PERCENT_RANGE, .fallback = 30,
     .help = "holds the channel when more than this percent of its listings goes to zero within "
             "15 minutes; 0: off; default 30"},
    {FIELD(channel_put, CHANNEL_PUT, lag_ms, LAG_MS, SPAN), .min = 0, .max = LAG_MAX,
     .help = "a value is seen there so long after it was taken, at the latest; default 0"},
    {FIELD(channel_put, CHANNEL_PUT, write, WRITE, ENUM), .names = writes,
     .help =
         "how a counter is written there; guaranteed mode rests on this and on all that follow"},
    {FIELD(channel_put, CHANNEL_PUT, proof, PROOF, ENUM), .names = proofs,
     .help = "what proves that a write took effect"},
    {FIELD(channel_put, CHANNEL_PUT, restocks, RESTOCKS, ENUM), .names = restocks,
     .help = "when the channel puts units on sale again by itself"},
    {FIELD(channel_put, CHANNEL_PUT, apply_ms, APPLY_MS, SPAN), .min = 0, .max = LAG_MAX,
     .help = "a write takes effect within this after its last byte left, or never"},
    {FIELD(channel_put, CHANNEL_PUT, read_ms, READ_MS, SPAN), .min = 0, .max = LAG_MAX,
     .help = "the greatest age of a read-back"},
    {FIELD(channel_put, CHANNEL_PUT, order_ms, ORDER_MS, SPAN), .min = 0, .max = LAG_MAX,
     .help = "how late an order may show"},
    {FIELD(channel_put, CHANNEL_PUT, cancel_ms, CANCEL_MS, SPAN), .min = 0, .max = LAG_MAX,
     .help = "how late a cancellation that restocks may show"},
    {0}};

#define REASON                                                                                     \
    {                                                                                              \
        FIELD(channel, CHANNEL, reason, REASON, TEXT),                                             \
            .max = STK_TEXT_MAX, .help = "for people; card numbers are refused"                    \
    }
const struct stk_field stk_channel_fields[] = {CHANNEL_OF(channel, CHANNEL), REASON, {0}};
const struct stk_field stk_channel_diff_fields[] = {
    CHANNEL_OF(channel, CHANNEL),
    {FIELD(channel, CHANNEL, cursor, CURSOR, STR), .max = CURSOR_BYTES,
     .help = "next of the page before; absent: from the start"},
    {FIELD(channel, CHANNEL, limit, LIMIT, QUANTITY), .min = 1, .max = STK_PAGE_MAX,
     .fallback = STK_PAGE_DEFAULT, .help = "rows at most; default 100"},
    {0}};

const struct stk_field stk_channel_golive_fields[] = {
    CHANNEL_OF(channel_golive, CHANNEL_GOLIVE),
    {FIELD(channel_golive, CHANNEL_GOLIVE, kind, KIND, ENUM), .names = kinds_or_all,
     .help = "of what is published; default all"},
    {FIELD(channel_golive, CHANNEL_GOLIVE, step, STEP, ENUM), REQUIRED, .names = steps,
     .help = "how far the engine may go"},
    {FIELD(channel_golive, CHANNEL_GOLIVE, canary, CANARY, QUANTITY), PERCENT_RANGE,
     .fallback = 100, .help = "percent of the listings, always the same ones; default 100"},
    {0}};

const struct stk_field stk_channel_grant_fields[] = {
    CHANNEL_OF(channel_grant, CHANNEL_GRANT),
    {FIELD(channel_grant, CHANNEL_GRANT, limit, LIMIT, QUANTITY), .min = 1, .max = STK_GRANTS_MAX,
     .fallback = STK_PAGE_DEFAULT, .help = "values at most; default 100"},
    {FIELD(channel_grant, CHANNEL_GRANT, urgent, URGENT, BOOL), FLAG_RANGE,
     .help = "only what cannot wait: to zero, or as good as that by its age; default false"},
    {0}};

static const struct stk_field result_item_fields[] = {
    {FIELD(result_item, RESULT_ITEM, grant, GRANT, INT), REQUIRED, .min = 1, .max = INT64_MAX,
     .help = "its number"},
    {FIELD(result_item, RESULT_ITEM, outcome, OUTCOME, ENUM), REQUIRED, .names = outcomes,
     .help = "what became of it"},
    {FIELD(result_item, RESULT_ITEM, wait_ms, WAIT_MS, SPAN), .min = 0, .max = LAG_MAX,
     .help = "not again before; default by itself"},
    {0}};
const struct stk_field stk_channel_result_fields[] = {
    CHANNEL_OF(channel_result, CHANNEL_RESULT),
    {FIELD(channel_result, CHANNEL_RESULT, items, ITEMS, LIST), REQUIRED,
     ITEMS(result_item, 1, STK_GRANTS_MAX), .help = "one for each value"},
    {0}};

static const struct stk_field observed_item_fields[] = {
    LISTING_OF(observed_item, OBSERVED_ITEM),
    KIND_OF(observed_item, OBSERVED_ITEM),
    {FIELD(observed_item, OBSERVED_ITEM, value, VALUE, INT), REQUIRED, .min = 0, .max = VALUE_MAX,
     .help = "units, or minor units of the channel's currency"},
    {0}};
const struct stk_field stk_channel_observe_fields[] = {
    CHANNEL_OF(channel_observe, CHANNEL_OBSERVE),
    {FIELD(channel_observe, CHANNEL_OBSERVE, asked_at, ASKED_AT, TIME), TIME_RANGE,
     .help = "when they were asked for, ms since 1970; default now"},
    {FIELD(channel_observe, CHANNEL_OBSERVE, items, ITEMS, LIST), REQUIRED,
     ITEMS(observed_item, 1, STK_GRANTS_MAX), .help = "what was read"},
    {0}};

#define NOTE_KEY                                                                                   \
    {                                                                                              \
        FIELD(channel_note, CHANNEL_NOTE, key, KEY, STR), REQUIRED, ID_RANGE, .help = "its key"    \
    }
const struct stk_field stk_channel_note_fields[] = {
    CHANNEL_OF(channel_note, CHANNEL_NOTE),
    NOTE_KEY,
    {FIELD(channel_note, CHANNEL_NOTE, value, VALUE, STR), .max = STK_NOTE_MAX,
     .help = "text; empty forgets it"},
    {FIELD(channel_note, CHANNEL_NOTE, watermark, WATERMARK, TIME), TIME_RANGE,
     .help = "every sale before has been submitted, ms since 1970"},
    {0}};
const struct stk_field stk_channel_note_get_fields[] = {
    CHANNEL_OF(channel_note, CHANNEL_NOTE), NOTE_KEY, {0}};
