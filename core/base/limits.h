/* Every bound of the engine, with its reason. Relations between bounds are asserted below.
 * What an operator may change stands in core/app/config.c with these as defaults or as ceilings. */
#ifndef STK_BASE_LIMITS_H
#define STK_BASE_LIMITS_H

#include <assert.h>
#include <stdint.h>

/* Words and texts. 64 bytes hold any platform's order id, UUIDs and ULIDs included. */
#define STK_ID_MAX        64
#define STK_TITLE_MAX     512
#define STK_TEXT_MAX      256
#define STK_ATTR_LIST_MAX 32 /* barcodes, aliases, tags of one SKU, each */

/* Shapes. 64 locations: the flow problem of the promise arithmetic stays small. */
#define STK_LOCATIONS_MAX       64
#define STK_CHANNELS_MAX        256
#define STK_SOURCES_MAX         1024
#define STK_COMPONENTS_MAX      64   /* of a kit */
#define STK_LINES_MAX           1000 /* of one order, of one list in a message */
#define STK_HOLDS_PER_ORDER_MAX 8000 /* lines x components x locations that one order may touch */
/* At one location: an order looks at all of them. */
#define STK_EARMARKS_PER_CELL_MAX 1000
#define STK_BREAKER_SKUS          10   /* a location with no more SKUs than that is not held */
#define STK_JUDGE_SLICE           1000 /* SKUs of a snapshot judged in one go */
#define STK_SNAPSHOT_REFUSED_MAX  100  /* refused rows that one answer names */
#define STK_PAGE_MAX              1000 /* rows in one answer */
#define STK_PAGE_DEFAULT          100

/* Messages. */
#define STK_MESSAGE_MAX (1024 * 1024)
#define STK_DEPTH_MAX   16
/* A decoded message: args structs are wider than bytes. */
#define STK_COMMAND_MAX (2 * 1024 * 1024)
#define STK_ANSWER_MAX  (2 * 1024 * 1024)

/* Rings. */
#define STK_INBOX_BYTES       (8u * 1024 * 1024)
#define STK_ANSWER_RING_BYTES (16u * 1024 * 1024)
#define STK_SUBMITTERS_MAX    64
#define STK_SLICE_COMMANDS    256  /* taken from one inbox before the next one has its turn */
#define STK_EXPIRY_SLICE      1000 /* holds expired in one go, so that orders never wait long */
#define STK_RECOVERY_GRACE_MS 5000 /* nothing expires this long after recovery */

/* Publishing. */
#define STK_GRANTS_MAX        1000  /* of one call for them, of one list of results */
#define STK_NOTE_MAX          65536 /* bytes of a plugin's note: cursors, tokens */
#define STK_AGEING_MS         60000 /* so long in a queue is as good as one class */
#define STK_SWEEP_SLICE       500 /* listings looked at in one go, so that orders never wait long */
#define STK_REPAIRS_MAX       3   /* within STK_REPAIRS_MS: then it is contested */
#define STK_REPAIRS_MS        (24 * 3600 * 1000)
#define STK_RETRY_FIRST_MS    60000 /* after a refusal; doubled each time up to the next */
#define STK_RETRY_LAST_MS     3600000
#define STK_ANSWER_WAIT_MS    300000 /* then a call's outcome counts as unknown */
#define STK_LOCKED_WAIT_MS    3600000
#define STK_LOOK_MS           60000 /* a read-back is asked for once in so long */
#define STK_BREAKER_WINDOW_MS 900000
#define STK_BREAKER_LEAST     10 /* a breaker never holds for fewer */

/* Budget of calls of one channel instance. 32 buckets: an application, an account, and an endpoint
 * for each kind of call; nobody nests deeper than application > account > group > endpoint. */
#define STK_BUCKETS_MAX          32
#define STK_BUCKET_DEPTH_MAX     8
#define STK_BUCKET_NAME_MAX      32
#define STK_BUCKET_WINDOWS_MAX   2   /* a second or a minute, and a day */
#define STK_SLIDES_MAX           16  /* sliding windows of one instance */
#define STK_SLIDE_ENTRIES        128 /* of one sliding window: late by 1/127 of it at most */
#define STK_CALENDAR_WINDOWS_MAX 16
#define STK_TOKENS_MAX           1000000000               /* of a rate, a burst or a window */
#define STK_PERIOD_MS_MAX        (31 * INT64_C(86400000)) /* of a rate or a window */
#define STK_HOLD_MS_MAX          (7 * INT64_C(86400000))  /* a Retry-After is cut to this */
#define STK_LEARNED_MS           INT64_C(86400000) /* what a header said is believed so long */
#define STK_THROTTLE_IMAGE_MAX   (32u * 1024)
#define STK_ESTIMATE_OTHERS_MAX  8   /* kinds of calls beside updates: orders, offers, returns */
#define STK_ESTIMATE_CALLS_MAX   256 /* under way at a time in a forecast */

/* Journal. */
#define STK_BATCH_BYTES           (8u * 1024 * 1024) /* one flush; twice the largest record */
#define STK_BATCHES               3                  /* one fills, one is flushed, one is spare */
#define STK_RECORD_MAX            (3u * 1024 * 1024)
#define STK_SEGMENT_BYTES_DEFAULT (1024ull * 1024 * 1024)
#define STK_SEGMENT_BYTES_MIN     (32ull * 1024 * 1024)

static_assert(STK_COMMAND_MAX * 2 <= STK_INBOX_BYTES,
              "a command fits into an inbox, and room is left");
static_assert(STK_ANSWER_MAX * 2 <= STK_ANSWER_RING_BYTES, "an answer fits into its ring");
static_assert(STK_RECORD_MAX * 2 <= STK_BATCH_BYTES, "the largest record fits into an open batch");
static_assert(STK_SEGMENT_BYTES_MIN >= 4ull * STK_BATCH_BYTES, "a segment holds several batches");

#endif
