/* Rows of channels, of published things, and of plugins' notes. */
#ifndef STK_FLOW_PUBLISH_ROW_H
#define STK_FLOW_PUBLISH_ROW_H

#include "core/base/doc.h"
#include "core/state/state.h"
#include "core/store/record.h"

void stk_row_put_channel(struct stk_record *out, const struct stk_state *state,
                         stk_channel_t channel);
void stk_row_put_published(struct stk_record *out, const struct stk_state *state, uint32_t slot);
void stk_row_delete_published(struct stk_record *out, const struct stk_state *state, uint32_t slot);
void stk_row_put_note(struct stk_record *out, const struct stk_state *state, uint32_t slot);
enum stk_status stk_row_load_channel(struct stk_state *state, struct stk_reader *key,
                                     struct stk_reader *in, struct stk_error *err);
enum stk_status stk_row_load_published(struct stk_state *state, struct stk_reader *key,
                                       struct stk_reader *in, struct stk_error *err);
void stk_row_unload_published(struct stk_state *state, struct stk_reader *key);
enum stk_status stk_row_load_note(struct stk_state *state, struct stk_reader *key,
                                  struct stk_reader *in, struct stk_error *err);

/* For people. */
void stk_row_describe_channel(struct stk_reader *key, struct stk_reader *in, struct stk_doc *doc);
void stk_row_describe_published(struct stk_reader *key, struct stk_reader *in, struct stk_doc *doc);
void stk_row_describe_note(struct stk_reader *in, struct stk_doc *doc);

#endif
