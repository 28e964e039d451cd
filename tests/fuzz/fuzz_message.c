/* Any bytes as what a plugin sends: the check refuses or takes them, and what it takes is read as
 * the host reads it, nested events included, without looking outside. Input: the message. */
#include "core/plug/check.h"
#include "core/plug/translate.h"
#include <stdlib.h>
#include <stockade/ext/listings.h>
#include <stockade/ext/submit.h>
#include <stockade/message.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint64_t sum;

static void read_text(const void *message, struct stk_text text)
{
    struct stk_bytes bytes = stk_message_text(message, text);
    for (uint32_t i = 0; i < bytes.size; i++)
        sum += (uint8_t)bytes.data[i];
}

static void read_event(struct stk_translate *translate, const struct stk_message *event)
{
    struct stk_task task = {.event = event};
    struct stk_error err;
    struct stk_value params;
    uint32_t bytes = 0;
    if (stk_translate_can(event, &err) != STK_OK)
        return;
    const struct stk_verb *verb =
        stk_translate_next(translate, &task, NULL, STK_OK, &params, &bytes);
    if (!verb)
        return;
    uint32_t bound = stk_command_bound(verb, &params, bytes);
    void *room = malloc(bound);
    enum stk_status status = stk_command_decode(verb, &params, room, bound, &err);
    stk_assert(status != STK_TOO_LARGE); /* the bound was one */
    free(room);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct stk_value values[STK_TRANSLATE_VALUES];
    struct stk_translate translate = {.instance = "shop", .match = 1, .values = values};
    struct stk_error err;
    uint32_t bad;
    if (size > STK_MESSAGE_SIZE_MAX)
        return 0;
    uint8_t *copy = malloc(size ? size : 1); /* aligned, and of exactly this size */
    memcpy(copy, data, size);
    if (stk_check_submit(copy, (uint32_t)size, &bad, &err) == STK_OK) {
        const struct stk_message *head = (const void *)copy;
        if (head->space == STK_SPACE_EVENT)
            read_event(&translate, head);
        if (head->space == STK_SPACE_ASK && head->type == STK_ASK_SUBMIT) {
            struct stk_ask_submit ask;
            stk_message_read(head, &ask, sizeof ask);
            read_text(head, ask.cursor_key);
            read_text(head, ask.cursor_value);
            for (const struct stk_message *at = stk_message_first(head, ask.events); at;
                 at = stk_message_next(head, ask.events, at))
                read_event(&translate, at);
        }
        if (head->space == STK_SPACE_DONE && head->type == STK_CALL_PUSH) {
            struct stk_done_push done;
            struct stk_write_outcome outcome;
            stk_message_read(head, &done, sizeof done);
            for (uint32_t i = 0; i < done.results.count; i++) {
                stk_message_item(head, done.results, i, &outcome, sizeof outcome);
                read_text(head, outcome.text);
            }
        }
    }
    free(copy);
    return 0;
}
