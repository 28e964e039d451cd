/* Rows as documents for people and tools: journal.read, inspect, the fuzzers. Pure functions of the
 * bytes; hostile ones are STK_CORRUPT. Any thread. */
#ifndef STK_FLOW_DESCRIBE_H
#define STK_FLOW_DESCRIBE_H

#include "core/base/doc.h"
#include "core/state/names.h"
#include "core/store/record.h"

/* One map. names may be NULL: numbers then. */
enum stk_status stk_row_describe(const struct stk_names *names, enum stk_table table,
                                 struct stk_bytes key, struct stk_bytes value, struct stk_doc *doc,
                                 struct stk_error *err);

#endif
