/* Verbs on channels: settings, the ladder, looking. Engine thread. */
#ifndef STK_FLOW_CHANNEL_H
#define STK_FLOW_CHANNEL_H

#include "core/flow/apply.h"

/* The open channel that the command names, or refused with STK_NOT_FOUND. */
enum stk_status stk_channel_find(struct stk_apply *apply, struct stk_ref name,
                                 stk_channel_t *number);

enum stk_status stk_channel_put(struct stk_apply *apply);
enum stk_status stk_channel_list(struct stk_apply *apply);
enum stk_status stk_channel_status(struct stk_apply *apply);
enum stk_status stk_channel_pause(struct stk_apply *apply);
enum stk_status stk_channel_resume(struct stk_apply *apply);
enum stk_status stk_channel_golive(struct stk_apply *apply);
enum stk_status stk_channel_handback(struct stk_apply *apply);
enum stk_status stk_channel_flush(struct stk_apply *apply);
enum stk_status stk_channel_resync(struct stk_apply *apply);
enum stk_status stk_channel_discover(struct stk_apply *apply);
enum stk_status stk_channel_diff(struct stk_apply *apply);
enum stk_status stk_channel_note(struct stk_apply *apply);
enum stk_status stk_channel_note_get(struct stk_apply *apply);

/* The four values of each thing that is published of a listing: an array. */
void stk_channel_say_published(struct stk_apply *apply, stk_listing_t listing);

#endif
