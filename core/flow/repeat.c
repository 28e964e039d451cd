/* Repeats are answered byte for byte as the first time; another body under a known key is a
 * CONFLICT. Always: a key is looked for among the orders, then in memory, then, by way of the
 * reader, on disk; only what none of them knows is fresh. */
#include "core/flow/repeat.h"
#include "core/base/hash.h"
#include "core/flow/place.h"
#include "core/flow/plant.h"

int stk_repeat_is_order(const struct stk_command *command)
{
    return command->verb == STK_VERB_ORDER_PLACE || command->verb == STK_VERB_ORDER_SELL;
}

int stk_repeat_is_remembered(enum stk_status status)
{
    switch (status) {
    case STK_OK:
    case STK_SHORT:
    case STK_STATE:
    case STK_STALE:
    case STK_TOO_OLD:
    case STK_MISMATCH:
    case STK_CANCELLED:
    case STK_BREAKER:
    case STK_EXISTS:
        return 1;
    default:
        return 0;
    }
}

/* Give the answer that was given before, byte for byte. */
static enum stk_status repeat(struct stk_apply *apply, struct stk_hash body, enum stk_status status,
                              struct stk_bytes doc, stk_seq_t seq)
{
    if (!stk_hash_equal(body, apply->command->body))
        return stk_apply_refuse(apply, STK_CONFLICT,
                                "id: this id was used before by this source with other contents");
    stk_counter_add(&apply->counters->repeated, 1);
    stk_doc_raw(&apply->answer, doc.data, doc.size);
    apply->wait_seq = seq;
    return status;
}

static enum stk_status repeat_order(struct stk_apply *apply, uint32_t slot)
{
    const struct stk_order *order = stk_orders_at(&apply->state->orders, slot);
    if (!stk_hash_equal(order->body, apply->command->body))
        return stk_apply_refuse(apply, STK_CONFLICT, "id: this order exists with other contents");
    stk_counter_add(&apply->counters->repeated, 1);
    stk_apply_say_uint(apply, "seq", order->number);
    stk_order_say_placed(apply, order);
    return STK_OK;
}

static enum stk_status repeat_from_disk(struct stk_apply *apply)
{
    const struct stk_command *command = apply->command;
    struct stk_key_answer kept;
    struct stk_error err = {0};
    struct stk_bytes value = stk_command_bytes(command, command->attached);
    uint8_t room[STK_KEY_DOC_ROOM];
    stk_seq_t seq;
    stk_assert(value.size > sizeof seq);
    memcpy(&seq, value.data, sizeof seq);
    value.data += sizeof seq, value.size -= (uint32_t)sizeof seq;
    enum stk_status status = stk_row_read_key(value, seq, room, &kept, &err);
    if (status != STK_OK)
        return stk_apply_refuse(apply, status, "%s", err.text);
    return repeat(apply, kept.body, kept.status, kept.doc, 0);
}

enum stk_status stk_repeat_find(struct stk_apply *apply, int *fresh)
{
    struct stk_state *state = apply->state;
    const struct stk_command *command = apply->command;
    *fresh = 0;
    if (stk_repeat_is_order(command)) {
        uint32_t slot = stk_orders_find(&state->orders, command->key);
        if (slot != STK_NONE)
            return repeat_order(apply, slot);
    }
    const struct stk_key_entry *entry = stk_dedupe_find(&state->dedupe, command->key);
    if (entry && entry->class == 0)
        return repeat(apply, entry->body, entry->status, stk_dedupe_doc(&state->dedupe, entry),
                      entry->seq);
    enum stk_status unread = stk_apply_unread(apply);
    if (unread != STK_OK)
        return unread;
    if (command->attach == STK_ATTACH_KEY)
        return repeat_from_disk(apply);
    if (stk_repeat_is_order(command) && command->attach == STK_ATTACH_ORDER) {
        uint32_t slot;
        enum stk_status status = stk_apply_order(apply, &slot);
        return status == STK_OK ? repeat_order(apply, slot) : status;
    }
    if (entry || (command->attach == STK_ATTACH_NONE &&
                  stk_dedupe_may_be_on_disk(&state->dedupe, command->key)))
        return STK_AGAIN;
    *fresh = 1;
    return STK_OK;
}

void stk_repeat_remember(struct stk_apply *apply, enum stk_status status)
{
    const struct stk_command *command = apply->command;
    struct stk_key_entry entry = {
        .key = command->key,
        .body = command->body,
        .seq = apply->seq,
        .status = (uint16_t)status,
        .verb = command->verb,
        .doc_size = apply->answer.size,
    };
    struct stk_bytes doc = {(const char *)apply->answer.data, apply->answer.size};
    if (!stk_plant_key(apply, &entry, apply->now, doc))
        stk_row_put_key(&apply->record, &entry, stk_verb_by_number(command->verb)->key_space,
                        apply->now, stk_command_bytes(command, command->source),
                        stk_command_bytes(command, command->id), doc);
    stk_dedupe_add(&apply->state->dedupe, &entry, doc);
}

const struct stk_key_entry *stk_repeat_archived(const struct stk_state *state,
                                                const struct stk_command *command)
{
    const struct stk_key_entry *entry = stk_dedupe_find(
        &state->dedupe, stk_repeat_is_order(command) ? command->key : command->order_key);
    return entry && entry->class == 1 ? entry : NULL;
}
