/* Numbers for /metrics and `channel status`; the host adds the label `channel`. Stability: stable.
 */
#ifndef STOCKADE_METRICS_H
#define STOCKADE_METRICS_H

#include <stockade/host.h>

#define STK_EXT_METRICS "stk.metrics/1"

#define STK_METRICS_MAX 64u /* of one instance */

enum stk_metric_kind {
    STK_METRIC_COUNTER = 1, /* only grows; its name ends in _total */
    STK_METRIC_GAUGE = 2,
    STK_METRIC_HISTOGRAM = 3, /* of milliseconds; its name ends in _ms */
};

struct stk_host_metrics {
    /* Declare one: name [a-z0-9_] (the host puts stockade_plugin_ in front), help one line; both
     * are copied. *id is its number. STK_EXISTS: of that name and another kind (the same kind gives
     * the same id). STK_FULL. Local. [plugin-thread] */
    stk_status_t (*declare)(const struct stk_host *host, uint32_t kind, const char *name,
                            const char *help, uint32_t *id);
    /* COUNTER: add (0 and up). GAUGE: set. HISTOGRAM: observe. An unknown id does nothing but a
     * line in the log. Local. [any-thread] */
    void (*put)(const struct stk_host *host, uint32_t id, int64_t value);
};

#endif
