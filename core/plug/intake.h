/* What the plugin asks for: submits (events, cursor, watermark) and key-values, one after the other
 * in their order. One thread: the channel's. */
#ifndef STK_PLUG_INTAKE_H
#define STK_PLUG_INTAKE_H

#include "core/plug/desk.h"

#define STK_INTAKE_MAX 24u /* asks that wait: eight submits, sixteen key-values */
/* Written beside the plugin's own keys, which cannot begin so: a dot is added to those that do. */
#define STK_NOTE_WATERMARK "stk.watermark"

struct stk_intake;

/* NULL: out of memory. desk outlives it. */
struct stk_intake *stk_intake_create(struct stk_desk *desk, struct stk_error *err);
void stk_intake_destroy(struct stk_intake *intake); /* NULL-safe */

/* A checked ask; copied. STK_BUSY: more than the plugin may have under way (its host counts, so
 * this one lies). */
enum stk_status stk_intake_ask(struct stk_intake *intake, const struct stk_message *ask);
/* Goes on as far as it can: after answers, and from time to time. */
void stk_intake_pump(struct stk_intake *intake);
/* The plugin is gone: nothing is answered any more; what the engine has is done there. */
void stk_intake_drop(struct stk_intake *intake);

/* Arbitrary bytes as a note's text, and back. room: 2 * size + 1. Returns the size; back: -1 when
 * it is no such text. */
uint32_t stk_intake_encode(const void *data, uint32_t size, char *room);
int32_t stk_intake_decode(struct stk_bytes text, char *room, uint32_t room_size);

#endif
