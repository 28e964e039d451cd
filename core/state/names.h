/* Words that get a number once and keep it: sources, channels, principals, uses of earmarks, tax
 * classes. Few of them; never forgotten. */
#ifndef STK_STATE_NAMES_H
#define STK_STATE_NAMES_H

#include "core/base/limits.h"
#include "core/base/mem.h"
#include <stockade/types.h>

enum stk_name_kind {
    STK_NAME_SOURCE = 1,
    STK_NAME_CHANNEL,
    STK_NAME_PRINCIPAL,
    STK_NAME_USE,
    STK_NAME_KINDS,
};
/* Numbers run from 1 to this: a channel's number is a bit in a location's set. */
static inline uint16_t stk_names_max(enum stk_name_kind kind)
{
    return kind == STK_NAME_CHANNEL ? STK_CHANNELS_MAX - 1 : STK_SOURCES_MAX - 1;
}
struct stk_names;
enum stk_status stk_names_create(struct stk_names **out, struct stk_error *err);
void stk_names_destroy(struct stk_names *names);
/* The number, or 0 when it is not known. The empty text is 0. Any thread. */
uint16_t stk_names_find(const struct stk_names *names, enum stk_name_kind kind,
                        struct stk_bytes text);
/* The next free number for a new word, without taking it; 0 when full. */
uint16_t stk_names_peek(const struct stk_names *names, enum stk_name_kind kind);
/* Writer: give `number` to the text of at most STK_ID_MAX bytes (recovery: any number; otherwise
 * what peek said). Again the same pair: nothing happens. A number or text that is taken by another
 * one is a fault of the caller, who can ask text and find before. */
void stk_names_put(struct stk_names *names, enum stk_name_kind kind, uint16_t number,
                   struct stk_bytes text);
/* The text of a number; empty when unknown. Any thread; constant once made. */
struct stk_bytes stk_names_text(const struct stk_names *names, enum stk_name_kind kind,
                                uint16_t number);

#endif
