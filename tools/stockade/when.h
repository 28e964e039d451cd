/* Times and spans as people type them. A time without a zone is UTC. Thread-safe. */
#ifndef STK_STOCKADE_WHEN_H
#define STK_STOCKADE_WHEN_H

#include "core/base/err.h"
#include <stddef.h>
#include <stockade/types.h>

/* ISO 8601 ("2024-05-01", "2024-05-01T12:30:15.250+08:00", a space for the T, / for -), or ms since
 * 1970 as a number. offset_ms is the zone of texts without one. STK_INVALID says why. */
enum stk_status when_parse(const char *text, size_t size, int64_t offset_ms, stk_time_t *time_ms,
                           struct stk_error *err);
/* By a format of strptime(3). */
enum stk_status when_parse_as(const char *text, size_t size, const char *format, int64_t offset_ms,
                              stk_time_t *time_ms, struct stk_error *err);
/* "+08:00", "-0330", "Z". */
enum stk_status when_offset(const char *text, int64_t *offset_ms, struct stk_error *err);
/* "15m", "2h", "7d", "1h30m", "500ms"; a number alone is ms. */
enum stk_status when_span(const char *text, size_t size, int64_t *span_ms, struct stk_error *err);

#define WHEN_TEXT 40
/* "2024-05-01 12:30:15Z"; with thousandths where there are any. */
void when_format(stk_time_t time_ms, char *room);
/* "2h", "1d12h", "250ms". */
void when_format_span(int64_t span_ms, char *room);

#endif
