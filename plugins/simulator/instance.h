/* One instance of the plugin: what its files share. Stability: none.
 *
 * Everything that ends in a submit is a job: at most one of each kind, each with room of its own
 * for the message, so that a submit that the host cannot take now is simply tried again. Pushes
 * need no submit and have slots. All of it runs on the plugin-thread, driven by one timer. */
#ifndef SIMULATOR_INSTANCE_H
#define SIMULATOR_INSTANCE_H

#include "plugins/simulator/bounds.h"
#include "plugins/simulator/world.h"
#include <stockade/ext/clock.h>
#include <stockade/ext/config.h>
#include <stockade/ext/discovery.h>
#include <stockade/ext/listings.h>
#include <stockade/ext/log.h>
#include <stockade/ext/offers.h>
#include <stockade/ext/orders.h>
#include <stockade/ext/submit.h>
#include <stockade/ext/timer.h>
#include <stockade/message.h>

#define TICK_MS       20
#define PUSHES_MAX    4
#define REPORTS_MAX   512
#define JOB_ROOM      (512u * 1024)
#define REPORT_GAP_MS 3000

enum job_kind { JOB_ORDERS, JOB_OFFERS, JOB_DISCOVER, JOB_READ, JOB_REPORT, JOB_HOOKS, JOBS };
enum job_state {
    JOB_IDLE,
    JOB_WANTED,   /* the market is to be asked */
    JOB_ASKED,    /* the market has been asked: market_call */
    JOB_COMPOSED, /* the message is to be submitted */
    JOB_SUBMITTED /* the host has it: ask->head.call */
};
struct job {
    enum job_kind kind;
    enum job_state state;
    uint64_t call, market_call; /* the host's number, the market's */
    uint64_t cursor;
    int64_t started_ms; /* of the market */
    uint32_t count;
    int more;
    char cursor_key[STK_EVENT_ID_MAX + 1];
    char *room; /* JOB_ROOM */
    const struct stk_ask_submit *ask;
    uint32_t listings[SIMULATOR_BATCH]; /* offers, read-back: which */
    uint32_t listing_count;
};

struct wanted_key { /* of a read-back */
    uint16_t field; /* enum stk_published */
    char name[STK_EVENT_ID_MAX + 1];
};

struct pushed {
    uint64_t grant;
    uint32_t listing;
    uint8_t is_quantity, is_sent;
    uint16_t outcome; /* without being sent */
};
struct push {
    uint64_t call, market_call; /* call 0 = free */
    int64_t sent_ms;            /* of the market */
    uint32_t count, sent_count;
    struct pushed item[SIMULATOR_BATCH];
};
struct report {
    uint64_t market_call; /* 0 = free */
    int64_t sent_ms, ask_ms;
    uint32_t count;
    struct pushed item[SIMULATOR_BATCH];
};

struct instance {
    struct stk_plugin plugin; /* first */
    const struct stk_host *host;
    const struct stk_host_clock *clock;
    const struct stk_host_config *config;
    const struct stk_host_log *log;
    const struct stk_host_timer *timer;
    const struct stk_host_submit *submit;
    const struct stk_host_feed *orders, *offers;
    const struct stk_host_listing_updates *updates;
    const struct stk_host_discovery *discovery;

    struct world_config wanted;
    struct world *world; /* joined at the first activate, left at destroy */
    uint32_t channel;
    int hooks, active;
    uint64_t ask_next;
    int64_t watermark_ms; /* the last one told */
    struct job job[JOBS];
    struct push push[PUSHES_MAX];
    struct report *reports; /* [REPORTS_MAX] */
    struct wanted_key keys[SIMULATOR_BATCH];
    int64_t report_next_ms; /* of the market */
    int blind;              /* orders were lost to us: no watermark any more */
};

static inline struct instance *instance_of(const struct stk_plugin *plugin)
{
    return (struct instance *)plugin->plugin_data;
}
/* The market, up to now. */
struct market *instance_lock(struct instance *instance);
void instance_say(struct instance *instance, uint32_t severity, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* "C2-000017" of this channel; STK_NONE: is none. */
uint32_t instance_listing(const struct instance *instance, struct market *market,
                          struct stk_bytes name);

/* compose.c: the market's words as messages. Each composes one event into what is open. */
void compose_order_event(struct stk_composer *out, const struct instance *instance,
                         const struct market *market, const struct market_event *event,
                         int64_t seen_ms);
void compose_listing(struct stk_composer *out, const struct instance *instance,
                     const struct market_card *card, int64_t asked_ms);
/* `count` offers of one listing. */
void compose_offers(struct stk_composer *out, const struct instance *instance,
                    const struct market *market, const struct market_offer *offers, uint32_t count,
                    int64_t asked_ms);
void compose_reading(struct stk_composer *out, const struct instance *instance,
                     const struct market *market, const struct market_reading *reading,
                     const struct wanted_key *key, int64_t asked_ms);
/* What became of a write, as the channel says. `ms` are of the market; now_ms: known since. */
struct stk_write_outcome outcome_of(struct stk_composer *out, const struct instance *instance,
                                    const struct pushed *item, const struct market_result *result,
                                    int64_t sent_ms, int64_t now_ms);
/* Budgets that an answer told, into what is open. */
struct stk_list compose_budgets(struct stk_composer *out, const struct instance *instance,
                                const struct market_answer *answer);
/* What the whole call came to, for the host: STK_OK, STK_BUSY ... */
stk_status_t status_of(const struct market_answer *answer);

/* jobs.c */
void jobs_turn(struct instance *instance);
void jobs_answer(struct instance *instance, struct market *market,
                 const struct market_answer *answer);
void jobs_cancel(struct instance *instance);
void jobs_done(struct instance *instance, struct job *job, stk_status_t status,
               const struct market_answer *answer);
extern const struct stk_plugin_submit simulator_submit;

/* asked.c */
extern const struct stk_plugin_feed simulator_orders, simulator_offers;
extern const struct stk_plugin_discovery simulator_discovery;
stk_status_t simulator_read_back(const struct stk_plugin *plugin,
                                 const struct stk_call_read_back *call);

/* pushes.c */
extern const struct stk_plugin_listing_updates simulator_updates;
void pushes_answer(struct instance *instance, const struct market_answer *answer);
void pushes_cancel(struct instance *instance);
/* The report that is to be asked for now; NULL = none. */
void pushes_turn(struct instance *instance);
struct report *report_due(struct instance *instance, int64_t now_ms);
struct report *report_find(struct instance *instance, uint64_t market_call);

#endif
