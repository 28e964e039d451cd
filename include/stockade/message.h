/* Reading and writing flat messages (event.h). Stability: stable. Nothing here allocates; all of it
 * may be called on any thread; it is compiled into whoever includes it.
 *
 *     struct stk_event_order order;                  read: a copy, with zero where an older sender
 *     stk_message_read(message, &order, sizeof order);        knew less
 *     struct stk_bytes id = stk_message_text(message, order.id);          of the message itself
 *
 *     struct stk_composer out;                         write: texts and lists first, then the
 * fields stk_compose_init(&out, room, sizeof room); stk_compose_begin(&out, sizeof order); order.id
 * = stk_compose_text(&out, "A-7", 3); order.lines = stk_compose_list(&out, lines, sizeof *lines,
 * 2); stk_compose_end(&out, &order.message, STK_SPACE_EVENT, STK_EVENT_ORDER, sizeof order); if
 * (out.failed) ...                            once, at the end: room was too small
 */
#ifndef STOCKADE_MESSAGE_H
#define STOCKADE_MESSAGE_H

#include <stockade/event.h>
#include <string.h>

/* ---- reading: messages that the host has checked; a plugin gets no others -------------------- */

/* Copy the fixed fields into a struct of `size` bytes; what the sender did not know is zero. */
static inline void stk_message_read(const void *message, void *fields, uint32_t size)
{
    const struct stk_message *head = (const struct stk_message *)message;
    uint32_t known = head->fixed_size < size ? head->fixed_size : size;
    memset(fields, 0, size);
    memcpy(fields, message, known);
}

/* A text of the message: lent as long as the message is. `message` is the message itself, not the
 * copy that stk_message_read made. */
static inline struct stk_bytes stk_message_text(const void *message, struct stk_text text)
{
    struct stk_bytes bytes;
    bytes.data = (const char *)message + text.offset;
    bytes.size = text.size;
    return bytes;
}

/* Copy item `index` (below list.count) into a struct of `size` bytes, as stk_message_read does. */
static inline void stk_message_item(const void *message, struct stk_list list, uint32_t index,
                                    void *item, uint32_t size)
{
    uint32_t known = list.item_size < size ? list.item_size : size;
    const char *from =
        (const char *)message + list.offset + (uint64_t)index * (uint64_t)list.item_size;
    memset(item, 0, size);
    memcpy(item, from, known);
}

/* The first nested message, then the next one after `at`; NULL when there is none left. */
static inline const struct stk_message *stk_message_first(const void *message,
                                                          struct stk_messages list)
{
    if (!list.count)
        return NULL;
    return (const struct stk_message *)(const void *)((const char *)message + list.offset);
}
static inline const struct stk_message *
stk_message_next(const void *message, struct stk_messages list, const struct stk_message *at)
{
    const char *next = (const char *)at + at->size;
    const char *end = (const char *)message + list.offset + list.size;
    return next < end ? (const struct stk_message *)(const void *)next : NULL;
}

/* ---- writing ------------------------------------------------------------------------------- */

/* Two levels: a submit, and the events inside it. */
#define STK_COMPOSE_DEPTH 2

struct stk_composer {
    char *room; /* the caller's, aligned to 8 */
    uint32_t room_size;
    uint32_t used;
    uint32_t start[STK_COMPOSE_DEPTH]; /* of the messages that are open */
    uint32_t depth;                    /* messages that are open */
    uint32_t failed;                   /* 1: something did not fit; all that follows does nothing */
};

/* Write into room (aligned to 8, the caller's). */
static inline void stk_compose_init(struct stk_composer *composer, void *room, uint32_t room_size)
{
    memset(composer, 0, sizeof *composer);
    composer->room = (char *)room;
    composer->room_size = room_size & ~7u;
}

/* Claim `size` bytes, rounded up to 8 and zeroed; their offset in the room. */
static inline uint32_t stk_compose_claim(struct stk_composer *composer, uint32_t size)
{
    uint32_t at = composer->used;
    if (composer->failed || size > composer->room_size - composer->used ||
        ((size + 7) & ~7u) > composer->room_size - composer->used) {
        composer->failed = 1;
        return at;
    }
    composer->used += (size + 7) & ~7u;
    memset(composer->room + at, 0, (size + 7) & ~7u);
    return at;
}

/* Open a message whose fixed fields take `fixed_size` bytes: at the end of the room, or inside the
 * message that is open. */
static inline void stk_compose_begin(struct stk_composer *composer, uint32_t fixed_size)
{
    uint32_t at = stk_compose_claim(composer, fixed_size);
    if (composer->depth == STK_COMPOSE_DEPTH)
        composer->failed = 1;
    if (!composer->failed)
        composer->start[composer->depth++] = at;
}

/* Add a text to the message that is open; size 0 is an absent text. */
static inline struct stk_text stk_compose_text(struct stk_composer *composer, const void *data,
                                               uint32_t size)
{
    struct stk_text text = {0, 0};
    uint32_t at = size && composer->depth ? stk_compose_claim(composer, size) : 0;
    if (!size || !composer->depth || composer->failed)
        return text;
    memcpy(composer->room + at, data, size);
    text.offset = at - composer->start[composer->depth - 1];
    text.size = size;
    return text;
}

/* The same of a string that ends with zero; NULL is an absent text. */
static inline struct stk_text stk_compose_string(struct stk_composer *composer, const char *string)
{
    return stk_compose_text(composer, string, string ? (uint32_t)strlen(string) : 0);
}

/* Add a list to the message that is open: `count` structs of `item_size` bytes (a multiple of 8).
 * Their texts were written before, into the same message. */
static inline struct stk_list stk_compose_list(struct stk_composer *composer, const void *items,
                                               uint32_t item_size, uint32_t count)
{
    struct stk_list list = {0, 0, 0, 0};
    uint64_t size = (uint64_t)item_size * count;
    uint32_t at;
    if (!count)
        return list;
    if (size > composer->room_size || item_size % 8 || !composer->depth)
        composer->failed = 1;
    at = stk_compose_claim(composer, (uint32_t)size);
    if (composer->failed)
        return list;
    memcpy(composer->room + at, items, (size_t)size);
    list.offset = at - composer->start[composer->depth - 1];
    list.count = count;
    list.item_size = item_size;
    return list;
}

/* Close the message that is open: its head is filled in, its fields are copied into place (those of
 * the struct that begin with `message`). The message, or NULL when something did not fit. */
static inline const struct stk_message *stk_compose_end(struct stk_composer *composer,
                                                        struct stk_message *fields, uint16_t space,
                                                        uint16_t type, uint32_t fixed_size)
{
    uint32_t at;
    if (composer->failed || !composer->depth) {
        composer->failed = 1;
        return NULL;
    }
    at = composer->start[--composer->depth];
    fields->size = composer->used - at;
    fields->space = space;
    fields->type = type;
    fields->fixed_size = fixed_size;
    fields->flags = 0;
    memcpy(composer->room + at, fields, fixed_size);
    return (const struct stk_message *)(const void *)(composer->room + at);
}

/* What was written since `mark` (a value of composer->used, taken between two messages) as nested
 * messages of the message that is open. */
static inline struct stk_messages stk_compose_nested(const struct stk_composer *composer,
                                                     uint32_t mark, uint32_t count)
{
    struct stk_messages list = {0, 0, 0, 0};
    if (composer->failed || !composer->depth || !count)
        return list;
    list.offset = mark - composer->start[composer->depth - 1];
    list.size = composer->used - mark;
    list.count = count;
    return list;
}

#endif
