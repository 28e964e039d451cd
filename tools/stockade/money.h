/* Money as people type it, to minor units and back, without floating point. Thread-safe. */
#ifndef STK_STOCKADE_MONEY_H
#define STK_STOCKADE_MONEY_H

#include "core/base/err.h"
#include <stddef.h>
#include <stockade/types.h>

/* Digits behind the point: 2, but 0 for JPY and others, 3 for KWD and others (ISO 4217). */
int money_exponent(const char *currency);
/* "2.55", "-1,234.5", "£3" and the like. decimal is the sign before the fraction, '.' or ','; the
 * other one may part groups of three digits. Digits beyond the exponent must be zeros: nothing is
 * rounded. STK_INVALID says why. */
enum stk_status money_parse(const char *text, size_t size, int exponent, char decimal,
                            int64_t *minor, struct stk_error *err);
/* "2.55" into room of MONEY_TEXT bytes. */
#define MONEY_TEXT 32
void money_format(int64_t minor, int exponent, char *room);

#endif
