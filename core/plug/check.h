/* Flat messages of a stranger, checked before anything is read from them: sizes, offsets, lists,
 * nested messages, UTF-8, ranges, reserved bytes, flags. The only judge of it, on both sides of the
 * wall. Thread-safe; no allocation. */
#ifndef STK_PLUG_CHECK_H
#define STK_PLUG_CHECK_H

#include "core/base/err.h"
#include <stockade/event.h>

#define STK_CHECK_FIELD_MAX 64 /* bytes of a field's path in an error */

/* data: at least `size` readable bytes, aligned to 8, which nobody else can change meanwhile. After
 * STK_OK stk_message_read and its kin are safe on it, and on the events inside. STK_MALFORMED: it
 * is no message; STK_INVALID: a field is out of range; STK_UNKNOWN: a type that the host does not
 * take. err: one line, "order: lines[2].quantity: ...". */
enum stk_status stk_check_message(const void *data, uint32_t size, struct stk_error *err);

/* As above for a submit; *bad is the number of the event that is wrong, or UINT32_MAX. */
enum stk_status stk_check_submit(const void *data, uint32_t size, uint32_t *bad,
                                 struct stk_error *err);

/* UTF-8 without control characters. */
int stk_check_text(const char *text, uint32_t size);

#endif
