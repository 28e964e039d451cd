/* What the parts of a channel's engine side share: its name, its hand in the engine's inbox, the
 * link to the plugin's side, numbers for people. One thread: the channel's; counters are read by
 * anyone. */
#ifndef STK_PLUG_DESK_H
#define STK_PLUG_DESK_H

#include "core/base/clock.h"
#include "core/base/metrics.h"
#include "core/plug/clerk.h"
#include "core/plug/link.h"
#include "core/plug/translate.h"
#include <stockade/manifest.h>

struct stk_desk_counters {
    struct stk_counter submits, events, refused, bad_messages;
    struct stk_counter pushes, sent, accepted, not_accepted, unknown;
    struct stk_counter polls, polls_failed, read_backs, discovered;
    struct stk_counter unmatched, gone, crashes;
};

struct stk_desk {
    const char *instance;
    struct stk_clerk clerk;
    struct stk_link *link; /* NULL while there is no plugin */
    struct stk_translate translate;
    struct stk_clock clock;
    struct stk_plugin_manifest manifest;
    struct stk_desk_counters counters;
    uint64_t last_call; /* calls are numbered from 1, never twice in a life */
};

static inline stk_time_t stk_desk_now(const struct stk_desk *desk)
{
    return desk->clock.now_ms(desk->clock.self);
}

#endif
