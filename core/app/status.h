/* The answer of the verb `status`: one map. Any thread. */
#ifndef STK_APP_STATUS_H
#define STK_APP_STATUS_H

#include "core/base/doc.h"
#include "core/flow/engine.h"

struct stk_status_sources {
    const struct stk_engine *engine;
    const struct stk_engine_options *capacities;
    struct stk_journal *journal;
    struct stk_rows *rows;
    struct stk_clock clock;
    stk_time_t started_ms;
};
void stk_status_write(const struct stk_status_sources *from, struct stk_doc *doc);

#endif
