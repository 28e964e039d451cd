/* The answer of the verb `status`: one map. Any thread; asks the disk. */
#ifndef STK_APP_STATUS_H
#define STK_APP_STATUS_H

#include "core/base/doc.h"
#include "core/flow/engine.h"
#include "core/net/rpc.h"
#include "core/plug/channel.h"

struct stk_status_sources {
    const struct stk_engine *engine;
    const struct stk_engine_options *capacities;
    struct stk_journal *journal;
    struct stk_rows *rows;
    const struct stk_rpc *rpc;             /* NULL: no such door */
    const char *folder;                    /* of the data: its disk is looked at */
    struct stk_instance *const *instances; /* of plugins */
    uint32_t instance_count;
    struct stk_clock clock;
    stk_time_t started_ms;
};
void stk_status_write(const struct stk_status_sources *from, struct stk_doc *doc);

#endif
