/* Names of principals. Always: a record's number is in NAMES, there before or by a row of the same
 * record. The last numbers that were looked up are kept by the door's number, so that asking for a
 * name, and finding it, is for the first command of a principal alone. */
#include "core/flow/principal.h"
#include <stdio.h>

struct name {
    uint16_t number; /* the one it has, or will have; 0: there are too many */
    int fresh;
    char text[STK_ID_MAX + 1];
};

static struct name look_up(const struct stk_apply *apply, uint32_t who)
{
    const struct stk_engine_options *options = apply->options;
    const char *text = options->principal ? options->principal(options->principal_arg, who) : NULL;
    struct name name = {0};
    if (text)
        snprintf(name.text, sizeof name.text, "%.*s", STK_ID_MAX, text);
    else /* a door that has no names */
        snprintf(name.text, sizeof name.text, "principal %u", who);
    struct stk_bytes bytes = {name.text, (uint32_t)strlen(name.text)};
    name.number = stk_names_find(apply->state->names, STK_NAME_PRINCIPAL, bytes);
    name.fresh = name.number == 0;
    if (name.fresh)
        name.number = stk_names_peek(apply->state->names, STK_NAME_PRINCIPAL);
    return name;
}

static struct stk_principal *kept(struct stk_apply *apply, uint32_t who)
{
    return &apply->scratch->principal[who % STK_PRINCIPALS_KEPT];
}

int stk_principal_fits(struct stk_apply *apply)
{
    uint32_t who = apply->command->who;
    return who == 0 || kept(apply, who)->who == who || look_up(apply, who).number != 0;
}

void stk_principal_begin(struct stk_apply *apply)
{
    const struct stk_command *command = apply->command;
    const struct stk_batch *batch = apply->batch;
    stk_time_t base_ms = batch->count ? batch->time_ms : apply->now;
    uint32_t who = command ? command->who : 0;
    struct stk_principal *principal = kept(apply, who);
    struct name name = {0};
    if (who && principal->who != who)
        name = look_up(apply, who);
    else if (who)
        name.number = principal->number;
    stk_record_begin(&apply->record, stk_batch_record_open(apply->batch), apply->seq,
                     command ? command->verb : STK_VERB_ENGINE, apply->now - base_ms, name.number);
    if (!name.number)
        return;
    if (name.fresh) {
        struct stk_bytes bytes = {name.text, (uint32_t)strlen(name.text)};
        stk_names_put(apply->state->names, STK_NAME_PRINCIPAL, name.number, bytes);
        stk_row_put_name(&apply->record, STK_NAME_PRINCIPAL, name.number, bytes);
    }
    *principal = (struct stk_principal){who, name.number};
}
