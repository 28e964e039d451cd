/* Submits and key-values.
 *
 * Why a durable cursor implies durable events. The events of a submit go to the engine first. When
 * each of them has been answered, and an answer is seen only once its sequence is durable
 * (stk_inbox_answer), and each answer is a definite one (stk_translate_is_final: the same event
 * would be answered the same way again), then and not before the cursor is sent, as a channel.note
 * behind them in the same ring. Its sequence is therefore higher than each of theirs, and the
 * journal is a prefix of the order of apply: a journal that holds the note holds the events. If any
 * event met BUSY, FULL, NO_SPACE or another state that passes, no note is sent: the cursor stays,
 * the plugin submits again, and what was taken the first time answers what it answered then.
 * The watermark travels in the same note, so it holds for the same reason.
 *
 * One ask at a time, so they are answered in order, and a get sees the puts before it. */
#include "core/plug/intake.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/plug/check.h"
#include <stdio.h>
#include <stockade/ext/kv.h>
#include <stockade/ext/submit.h>
#include <stockade/message.h>

#define ROOM (STK_CALL_ITEMS_MAX * sizeof(struct stk_event_answer) + STK_KV_VALUE_MAX + 4096)

enum stage { EVENTS, NOTE, WAIT, REPLY };

struct stk_intake {
    struct stk_desk *desk;
    struct stk_message *ask[STK_INTAKE_MAX]; /* [0] is at work */
    uint32_t asks;
    enum stage stage;
    uint32_t generation; /* of the ask at work: answers to others are dropped */
    /* a submit */
    struct stk_task *task; /* STK_CALL_ITEMS_MAX of them */
    const struct stk_message *next_event;
    uint32_t started, open, count;
    int alone; /* the event at work needs its answers before anything else goes on */
    enum stk_status failed;
    struct stk_error err;
    /* key-values */
    uint32_t entry;
    char *room; /* of the reply, aligned to 8 */
    const struct stk_message *reply;
    char *text; /* of a note: a value, encoded */
};

struct stk_intake *stk_intake_create(struct stk_desk *desk, struct stk_error *err)
{
    struct stk_intake *self = stk_alloc(sizeof *self);
    if (self) {
        self->desk = desk;
        self->task = stk_alloc(STK_CALL_ITEMS_MAX * sizeof *self->task);
        self->room = stk_alloc(ROOM);
        self->text = stk_alloc(2 * STK_KV_VALUE_MAX + 2);
    }
    if (self && self->task && self->room && self->text)
        return self;
    stk_error_set(err, STK_NO_MEMORY, "out of memory");
    stk_intake_destroy(self);
    return NULL;
}

void stk_intake_destroy(struct stk_intake *self)
{
    if (!self)
        return;
    stk_intake_drop(self);
    stk_free(self->task);
    stk_free(self->room);
    stk_free(self->text);
    stk_free(self);
}

/* ---- bytes as text ---- */

uint32_t stk_intake_encode(const void *data, uint32_t size, char *room)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *bytes = data;
    if (!size)
        return 0;
    if (stk_check_text(data, size)) {
        room[0] = 't';
        memcpy(room + 1, data, size);
        return size + 1;
    }
    room[0] = 'x';
    for (uint32_t i = 0; i < size; i++) {
        room[1 + 2 * i] = digits[bytes[i] >> 4];
        room[2 + 2 * i] = digits[bytes[i] & 15];
    }
    return 2 * size + 1;
}

static int digit_of(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

int32_t stk_intake_decode(struct stk_bytes text, char *room, uint32_t room_size)
{
    if (!text.size)
        return 0;
    if (text.data[0] == 't' && text.size - 1 <= room_size) {
        memcpy(room, text.data + 1, text.size - 1);
        return (int32_t)text.size - 1;
    }
    if (text.data[0] != 'x' || text.size % 2 == 0 || text.size / 2 > room_size)
        return -1;
    for (uint32_t i = 0; i < text.size / 2; i++) {
        int high = digit_of(text.data[1 + 2 * i]), low = digit_of(text.data[2 + 2 * i]);
        if (high < 0 || low < 0)
            return -1;
        room[i] = (char)(high << 4 | low);
    }
    return (int32_t)(text.size / 2);
}

/* ---- the queue ---- */

static void begin(struct stk_intake *self)
{
    struct stk_ask_submit submit;
    self->stage = EVENTS;
    self->generation++;
    self->started = self->open = self->count = self->entry = 0;
    self->alone = 0;
    self->failed = STK_OK;
    self->err.text[0] = 0;
    self->reply = NULL;
    if (!self->asks || self->ask[0]->type != STK_ASK_SUBMIT)
        return;
    stk_message_read(self->ask[0], &submit, sizeof submit);
    self->next_event = stk_message_first(self->ask[0], submit.events);
    self->count = submit.events.count;
}

enum stk_status stk_intake_ask(struct stk_intake *self, const struct stk_message *ask)
{
    if (self->asks == STK_INTAKE_MAX)
        return STK_BUSY;
    struct stk_message *copy = stk_alloc(ask->size);
    if (!copy)
        return STK_NO_MEMORY;
    memcpy(copy, ask, ask->size);
    self->ask[self->asks++] = copy;
    if (self->asks == 1)
        begin(self);
    return STK_OK;
}

static void finish(struct stk_intake *self)
{
    stk_free(self->ask[0]);
    memmove(self->ask, self->ask + 1, --self->asks * sizeof *self->ask);
    begin(self);
}

void stk_intake_drop(struct stk_intake *self)
{
    while (self->asks)
        stk_free(self->ask[--self->asks]);
    begin(self);
}

/* ---- events ---- */

static void answered(void *arg, uint64_t number, enum stk_status status,
                     const struct stk_value *answer);

static uint64_t number_of(const struct stk_intake *self, uint32_t index)
{
    return (uint64_t)self->generation << 32 | index;
}

static void refused(struct stk_intake *self, const struct stk_task *task, const char *why)
{
    stk_counter_add(&self->desk->counters.refused, 1);
    stk_log_limited(STK_LOG_WARN, 1000, "an event was refused channel=%s type=%u status=%s %s",
                    self->desk->instance, task->event->type, stk_status_name(task->status), why);
}

static void task_done(struct stk_intake *self, const struct stk_task *task, const char *why)
{
    self->open--;
    if (self->open == 0)
        self->alone = 0;
    stk_counter_add(&self->desk->counters.events, 1);
    if (task->status != STK_OK)
        refused(self, task, why);
}

/* One more command of the task. STK_BUSY: nothing was sent, come again with the same. */
static enum stk_status step(struct stk_intake *self, uint32_t index, const struct stk_value *answer,
                            enum stk_status status)
{
    struct stk_task *task = &self->task[index];
    struct stk_value params;
    struct stk_error err = {0};
    uint32_t bytes;
    const struct stk_verb *verb =
        stk_translate_next(&self->desk->translate, task, answer, status, &params, &bytes);
    if (!verb) {
        task_done(self, task, "");
        return STK_OK;
    }
    enum stk_status sent = stk_clerk_send(&self->desk->clerk, verb, &params, bytes, answered, self,
                                          number_of(self, index), &err);
    if (sent == STK_OK || sent == STK_BUSY)
        return sent;
    if (!answer && !task->without_reason) { /* perhaps its reason holds a card number */
        task->without_reason = 1;
        return step(self, index, NULL, STK_OK);
    }
    task->status = (stk_status_t)sent;
    task_done(self, task, err.text);
    return STK_OK;
}

static void answered(void *arg, uint64_t number, enum stk_status status,
                     const struct stk_value *answer)
{
    struct stk_intake *self = arg;
    uint32_t index = (uint32_t)number;
    static const struct stk_value nothing = {.type = STK_VALUE_MAP};
    if (number >> 32 != self->generation)
        return; /* of a plugin that is gone */
    if (!stk_translate_is_final(status)) {
        self->failed = self->failed == STK_OK ? status : self->failed;
        self->open--;
        return;
    }
    if (step(self, index, answer ? answer : &nothing, status) == STK_BUSY) {
        self->failed = STK_BUSY;
        self->open--;
    }
}

/* What cannot be taken at all is found before anything is done. */
static int can_all(struct stk_intake *self, uint32_t *bad)
{
    struct stk_ask_submit submit;
    uint32_t index = 0;
    stk_message_read(self->ask[0], &submit, sizeof submit);
    for (const struct stk_message *at = self->next_event; at;
         at = stk_message_next(self->ask[0], submit.events, at), index++) {
        self->failed = stk_translate_can(at, &self->err);
        *bad = index;
        if (self->failed != STK_OK)
            return 0;
    }
    *bad = 0;
    return 1;
}

static void start_events(struct stk_intake *self)
{
    struct stk_ask_submit submit;
    stk_message_read(self->ask[0], &submit, sizeof submit);
    while (self->next_event && self->failed == STK_OK && !self->alone) {
        int single = stk_translate_is_single(self->next_event);
        if (!single && self->open)
            return;
        struct stk_task *task = &self->task[self->started];
        memset(task, 0, sizeof *task);
        task->event = self->next_event;
        self->open++;
        self->alone = !single;
        if (step(self, self->started, NULL, STK_OK) == STK_BUSY) {
            self->open--;
            self->alone = 0;
            return;
        }
        self->started++;
        self->next_event = stk_message_next(self->ask[0], submit.events, self->next_event);
    }
}

/* ---- notes ---- */

static void noted(void *arg, uint64_t number, enum stk_status status,
                  const struct stk_value *answer)
{
    struct stk_intake *self = arg;
    (void)answer;
    if (number >> 32 != self->generation)
        return;
    if (status != STK_OK)
        self->failed = status;
    self->entry++;
    self->stage = NOTE;
}

/* Sends one note. 0: not now. */
static int note(struct stk_intake *self, struct stk_bytes key, struct stk_bytes value,
                int64_t watermark_ms)
{
    struct stk_value values[32], params;
    struct stk_tree tree = stk_tree(values, 32);
    struct stk_twig map = stk_twig_map(&tree, 5);
    struct stk_error err = {0};
    uint32_t size = stk_intake_encode(value.data, value.size, self->text);
    stk_twig_text(&map, "source", self->desk->instance);
    stk_twig_text(&map, "channel", self->desk->instance);
    stk_twig_str(&map, "key", key);
    stk_twig_str(&map, "value", (struct stk_bytes){self->text, size});
    if (watermark_ms)
        stk_twig_int(&map, "watermark", watermark_ms);
    params = stk_value_of_twig(&map, 1);
    enum stk_status status =
        stk_clerk_send(&self->desk->clerk, stk_verb_by_number(STK_VERB_CHANNEL_NOTE), &params,
                       tree.bytes + 512, noted, self, number_of(self, 0), &err);
    if (status == STK_BUSY)
        return 0;
    self->stage = WAIT;
    if (status != STK_OK) {
        self->failed = status;
        self->stage = REPLY;
    }
    return 1;
}

static void note_cursor(struct stk_intake *self)
{
    static const char watermark[] = STK_NOTE_WATERMARK;
    struct stk_ask_submit submit;
    stk_message_read(self->ask[0], &submit, sizeof submit);
    struct stk_bytes key = stk_message_text(self->ask[0], submit.cursor_key);
    struct stk_bytes value = stk_message_text(self->ask[0], submit.cursor_value);
    int64_t watermark_ms = self->desk->manifest.declares_watermark ? submit.watermark_ms : 0;
    if (self->entry || self->failed != STK_OK || (!key.size && !watermark_ms)) {
        self->stage = REPLY;
        return;
    }
    if (!key.size) {
        key = (struct stk_bytes){watermark, sizeof watermark - 1};
        value = (struct stk_bytes){"-", 1};
    }
    note(self, key, value, watermark_ms);
}

static void put_entries(struct stk_intake *self)
{
    struct stk_ask_kv_put put;
    struct stk_kv_entry entry;
    stk_message_read(self->ask[0], &put, sizeof put);
    if (self->entry == put.entries.count || self->failed != STK_OK) {
        self->stage = REPLY;
        return;
    }
    stk_message_item(self->ask[0], put.entries, self->entry, &entry, sizeof entry);
    note(self, stk_message_text(self->ask[0], entry.key),
         stk_message_text(self->ask[0], entry.value), 0);
}

/* ---- replies ---- */

static void reply_submit(struct stk_intake *self, uint32_t bad)
{
    struct stk_ask_submit submit;
    struct stk_reply_submit reply = {.bad_index = bad};
    struct stk_event_answer *answers = NULL;
    struct stk_composer out;
    stk_message_read(self->ask[0], &submit, sizeof submit);
    stk_compose_init(&out, self->room, (uint32_t)ROOM);
    stk_compose_begin(&out, sizeof reply);
    reply.head.call = submit.head.call;
    reply.head.status = (stk_status_t)self->failed;
    reply.text = stk_compose_string(&out, self->err.text);
    if (self->failed == STK_OK && self->count) {
        reply.answers = (struct stk_list){
            .offset = stk_compose_claim(&out, self->count * (uint32_t)sizeof *answers),
            .count = self->count,
            .item_size = sizeof *answers};
        answers = (void *)(self->room + reply.answers.offset);
        for (uint32_t i = 0; i < self->count; i++)
            answers[i] = (struct stk_event_answer){.status = self->task[i].status,
                                                   .shortfall = self->task[i].shortfall,
                                                   .sequence = self->task[i].sequence};
    }
    self->reply =
        stk_compose_end(&out, &reply.head.message, STK_SPACE_REPLY, STK_ASK_SUBMIT, sizeof reply);
    stk_counter_add(&self->desk->counters.submits, 1);
}

static void reply_put(struct stk_intake *self)
{
    struct stk_ask_kv_put put;
    struct stk_reply_kv_put reply = {.head.status = (stk_status_t)self->failed};
    struct stk_composer out;
    stk_message_read(self->ask[0], &put, sizeof put);
    reply.head.call = put.head.call;
    stk_compose_init(&out, self->room, (uint32_t)ROOM);
    stk_compose_begin(&out, sizeof reply);
    self->reply =
        stk_compose_end(&out, &reply.head.message, STK_SPACE_REPLY, STK_ASK_KV_PUT, sizeof reply);
}

static void got(void *arg, uint64_t number, enum stk_status status, const struct stk_value *answer)
{
    struct stk_intake *self = arg;
    struct stk_ask_kv_get get;
    struct stk_reply_kv_get reply = {.head.status = (stk_status_t)status};
    struct stk_composer out;
    int32_t size = 0;
    if (number >> 32 != self->generation)
        return;
    const struct stk_value *value = answer ? stk_value_get(answer, "value") : NULL;
    if (status == STK_OK && value && value->type == STK_VALUE_STR)
        size = stk_intake_decode(stk_value_bytes(value), self->text, STK_KV_VALUE_MAX);
    if (status == STK_OK && size <= 0)
        reply.head.status = size ? STK_CORRUPT : STK_NOT_FOUND; /* empty: forgotten */
    stk_message_read(self->ask[0], &get, sizeof get);
    reply.head.call = get.head.call;
    stk_compose_init(&out, self->room, (uint32_t)ROOM);
    stk_compose_begin(&out, sizeof reply);
    reply.value = stk_compose_text(&out, self->text, size > 0 ? (uint32_t)size : 0);
    self->reply =
        stk_compose_end(&out, &reply.head.message, STK_SPACE_REPLY, STK_ASK_KV_GET, sizeof reply);
    self->stage = REPLY;
}

static void ask_value(struct stk_intake *self)
{
    struct stk_value values[16], params;
    struct stk_tree tree = stk_tree(values, 16);
    struct stk_twig map = stk_twig_map(&tree, 2);
    struct stk_ask_kv_get get;
    struct stk_error err;
    stk_message_read(self->ask[0], &get, sizeof get);
    stk_twig_text(&map, "channel", self->desk->instance);
    stk_twig_str(&map, "key", stk_message_text(self->ask[0], get.key));
    params = stk_value_of_twig(&map, 1);
    enum stk_status status =
        stk_clerk_send(&self->desk->clerk, stk_verb_by_number(STK_VERB_CHANNEL_NOTE_GET), &params,
                       512, got, self, number_of(self, 0), &err);
    if (status == STK_BUSY)
        return;
    self->stage = WAIT;
    if (status != STK_OK)
        got(self, number_of(self, 0), status, NULL);
}

/* ---- the pump ---- */

/* 1: it has moved on. */
static int work_submit(struct stk_intake *self)
{
    uint32_t bad = 0;
    enum stage before = self->stage;
    if (self->stage == EVENTS) {
        if (self->started == 0 && self->open == 0 && !can_all(self, &bad)) {
            self->stage = REPLY;
            reply_submit(self, bad);
            return 1;
        }
        start_events(self);
        if (self->open == 0 && (!self->next_event || self->failed != STK_OK))
            self->stage = NOTE;
    }
    if (self->stage == NOTE)
        note_cursor(self);
    if (self->stage == REPLY && !self->reply)
        reply_submit(self, 0);
    return self->stage != before;
}

static int work(struct stk_intake *self)
{
    enum stage before = self->stage;
    if (self->ask[0]->type == STK_ASK_SUBMIT)
        return work_submit(self);
    if (self->ask[0]->type == STK_ASK_KV_GET) {
        if (self->stage == EVENTS)
            ask_value(self);
        return self->stage != before;
    }
    if (self->stage == EVENTS || self->stage == NOTE)
        put_entries(self);
    if (self->stage == REPLY && !self->reply)
        reply_put(self);
    return self->stage != before;
}

void stk_intake_pump(struct stk_intake *self)
{
    while (self->asks) {
        int moved = work(self);
        if (self->stage == REPLY && self->reply) {
            if (!self->desk->link || stk_link_send(self->desk->link, self->reply, 0) == STK_BUSY)
                return;
            finish(self);
            continue;
        }
        if (!moved)
            return;
    }
}
