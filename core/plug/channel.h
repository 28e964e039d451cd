/* One instance of a plugin, on the engine's side: a thread with a loop and an inbox of the engine.
 * It starts the plugin (in a child process, or in this one), drives its life, and restarts or
 * quarantines it. What the plugin asks for is in intake.h, what it is asked for in courier.h.
 *
 * create, start, stop, join, destroy: main. look: any thread. */
#ifndef STK_PLUG_CHANNEL_H
#define STK_PLUG_CHANNEL_H

#include "core/flow/engine.h"
#include "core/plug/courier.h"
#include "core/plug/settings.h"

#define STK_INSTANCE_SECRETS_MAX 32u

enum stk_instance_state {
    STK_INSTANCE_MADE,  /* not ready: starting, or waiting to start again */
    STK_INSTANCE_READY, /* waiting for its activate to succeed */
    STK_INSTANCE_ACTIVE,
    STK_INSTANCE_DRAINING,
    STK_INSTANCE_FAILED,      /* not tried again: its file or its options are wrong */
    STK_INSTANCE_QUARANTINED, /* it crashed too often; channel.resync starts it again */
    STK_INSTANCE_STOPPED,
    STK_INSTANCE_STATES
};
const char *stk_instance_state_name(unsigned state);

struct stk_instance_pair {
    char name[65];
    char value[1025];   /* of an option; of a secret: a path, or a variable's name */
    int is_environment; /* secrets */
};
struct stk_instance_options {
    char name[STK_ID_MAX + 1];
    char plugin[1025];  /* path of the file */
    char program[1025]; /* the child's; "" = stockade-plugin-host beside this program */
    int in_process;
    int match;           /* listings that are found are paired by SKU and barcode */
    uint64_t memory_max; /* of the child */
    uint32_t files_max;
    struct stk_courier_options courier;
    uint32_t who;                     /* in the journal */
    struct stk_instance_pair *option; /* lent until destroy */
    uint32_t options_count;
    struct stk_instance_pair *secret;
    uint32_t secrets_count;
};

struct stk_instance;

/* Opens its inbox, so before the engine starts; reads the manifest. NULL: err says why, and a file
 * that is no plugin is such a reason. */
struct stk_instance *stk_instance_create(struct stk_engine *engine,
                                         const struct stk_instance_options *options,
                                         struct stk_error *err);
enum stk_status stk_instance_start(struct stk_instance *instance, struct stk_error *err);
/* Asks it to drain and end; several may be asked before the first is waited for. */
void stk_instance_stop(struct stk_instance *instance);
/* Until it has ended: at most half a minute. The engine runs. */
void stk_instance_join(struct stk_instance *instance);
/* After the engine has stopped. NULL-safe. */
void stk_instance_destroy(struct stk_instance *instance);

struct stk_instance_view {
    const char *name, *plugin, *state;
    char version[17];
    char text[256]; /* why it is not active; "" */
    int in_process;
    const struct stk_desk_counters *counters;
};
void stk_instance_look(struct stk_instance *instance, struct stk_instance_view *view);

#endif
