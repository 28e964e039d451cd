/* A host for tests of plugins: all extensions, one thread, a clock that stands still until it is
 * moved. It writes down what the plugin does, answers when told to, and notes each breach of the
 * headers as a fault. One instance at a time. */
#ifndef STK_TESTS_FAKE_HOST_H
#define STK_TESTS_FAKE_HOST_H

#include <pthread.h>
#include <stockade/ext/draft/carrier.h>
#include <stockade/ext/draft/fulfilment.h>
#include <stockade/stockade.h>

#define FAKE_NAMES_MAX  64   /* options, secrets, key-values, each */
#define FAKE_CALLS_MAX  4096 /* of the host, in the life of an instance */
#define FAKE_EVENTS_MAX 65536
#define FAKE_LINES_MAX  256

struct fake_name {
    char key[STK_EVENT_ID_MAX + 1];
    char *value;
    uint32_t size;
};
struct fake_timer {
    uint32_t id;
    int64_t at_ms; /* monotonic */
};
struct fake_fd {
    int32_t fd;
    uint32_t events;
};
struct fake_call {
    uint64_t call;
    uint16_t type;
    int open;
    struct stk_message *done; /* a copy of the answer */
};
struct fake_metric {
    char name[64];
    uint32_t kind;
    int64_t value; /* counter: sum, gauge: the last, histogram: count */
};

struct fake_host {
    struct stk_host host;
    const struct stk_plugin *plugin;
    pthread_t thread; /* the plugin-thread */
    int made, ready, active;

    int64_t now_ms;
    int64_t monotonic_ms;
    struct fake_name options[FAKE_NAMES_MAX];
    struct fake_name secrets[FAKE_NAMES_MAX];
    struct fake_name kv[FAKE_NAMES_MAX];
    struct fake_timer timers[STK_TIMERS_MAX];
    uint32_t timer_count;
    struct fake_fd fds[STK_FDS_MAX];
    uint32_t fd_count;
    struct fake_metric metrics[STK_METRICS_MAX];
    uint32_t metric_count;

    /* What the test may set. */
    stk_status_t refuse_submit; /* returned at once by the next submits, until it is STK_OK */
    stk_status_t fail_submit;   /* replied to the next submits; nothing is durable */
    const char *without;        /* an extension id that this host has not */

    /* What the plugin did. */
    struct fake_call calls[FAKE_CALLS_MAX];
    uint32_t call_count;
    struct stk_message *asks[STK_SUBMIT_OPEN_MAX + STK_KV_OPEN_MAX]; /* not yet replied, in order */
    uint32_t ask_count;
    struct stk_message *events[FAKE_EVENTS_MAX]; /* that became durable, copies */
    uint32_t event_count;
    uint32_t submit_count;
    int64_t watermark_ms;
    int64_t person_at_ms;
    char lines[FAKE_LINES_MAX][128];
    uint32_t line_count;
    char faults[16][192];
    uint32_t fault_count;
    _Alignas(8) char room[STK_MESSAGE_SIZE_MAX];
};

/* On the heap: it is large. Aborts when memory is short. */
struct fake_host *fake_host_create(int64_t now_ms);
void fake_host_destroy(struct fake_host *fake); /* after fake_host_stop; NULL-safe */

/* Before start. */
void fake_host_option(struct fake_host *fake, const char *name, const char *value);
void fake_host_secret(struct fake_host *fake, const char *name, const char *value);

/* Options are checked against what the plugin declares, fallbacks filled in; then init, activate.
 * The first status that is not STK_OK. */
stk_status_t fake_host_start(struct fake_host *fake, const struct stk_plugin_factory *factory);
/* deactivate, destroy; calls that are still open afterwards are a fault. */
void fake_host_stop(struct fake_host *fake);
/* As a person's pause and resume. */
void fake_host_pause(struct fake_host *fake);
stk_status_t fake_host_resume(struct fake_host *fake);

/* Calls into the plugin: the status that it returned; *call is its number (may be NULL). */
stk_status_t fake_host_poll(struct fake_host *fake, unsigned kind, uint64_t *call);
struct fake_update { /* currency: prices only */
    uint64_t grant;
    const char *listing;
    const char *pool;
    int64_t value;
    int64_t expected;
    stk_currency_t currency;
    uint16_t field;
    uint8_t write_kind;
};
stk_status_t fake_host_push(struct fake_host *fake, const struct fake_update *updates,
                            uint32_t count, uint64_t *call);
stk_status_t fake_host_read_back(struct fake_host *fake, const struct fake_update *keys,
                                 uint32_t count, uint64_t *call);
stk_status_t fake_host_discover(struct fake_host *fake, const char *cursor, uint64_t *call);
/* headers: name, value, name, value ... ended by NULL; or NULL. */
stk_status_t fake_host_webhook(struct fake_host *fake, const char *method, const char *query,
                               const char *const *headers, struct stk_bytes body, uint64_t *call);
/* events: messages of STK_SPACE_OUT one after the other, as a composer made them. */
stk_status_t fake_host_deliver(struct fake_host *fake, const void *events, uint32_t size,
                               uint32_t count, stk_seq_t first, stk_seq_t last, uint64_t *call);

/* The answer to a call, or NULL while it is open. Lent until destroy. */
const void *fake_host_answer(const struct fake_host *fake, uint64_t call);

/* Reply to the oldest ask; 1 when there was one. */
int fake_host_step(struct fake_host *fake);
/* Reply to all, fds that are ready included, until nothing is left (at most wait_ms for fds). */
void fake_host_settle(struct fake_host *fake, int wait_ms);
/* Move both clocks; timers fire in their order, asks are replied to. */
void fake_host_advance(struct fake_host *fake, int64_t ms);
/* A key-value, a cursor among them: NULL when there is none. */
const struct fake_name *fake_host_kv(const struct fake_host *fake, const char *key);

/* The events of a type that became durable so far: how many, and the n-th (from 0). */
uint32_t fake_host_count(const struct fake_host *fake, uint16_t type);
const void *fake_host_event(const struct fake_host *fake, uint16_t type, uint32_t n);

#endif
