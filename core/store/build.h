/* The making of runs from KEY rows: scan, sort, write in parts, register. A part of compact.h. */
#ifndef STK_STORE_BUILD_H
#define STK_STORE_BUILD_H

#include "core/store/compact.h"

struct stk_build;
enum stk_status stk_build_create(struct stk_build **out, const struct stk_compact_options *options,
                                 struct stk_error *err);
/* 1 when enough KEY rows wait, or one is being made. */
enum stk_status stk_build_wanted(struct stk_build *build, int *wanted, struct stk_error *err);
/* One portion. taken: run tables that are in use otherwise. STK_BUSY: no table is free. */
enum stk_status stk_build_step(struct stk_build *build, uint8_t taken[STK_RUN_TABLES],
                               struct stk_error *err);
/* Marks the tables that it is writing to. */
void stk_build_used(const struct stk_build *build, uint8_t used[STK_RUN_TABLES]);
void stk_build_destroy(struct stk_build *build); /* NULL-safe */

#endif
