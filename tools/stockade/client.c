/* One socket, one table of calls in flight. A call's message id holds its slot and a generation, so
 * that a late answer to a call that was given up is no one else's answer.
 *
 * Always true: a slot is free, in flight (its bytes were queued on this connection), paused (BUSY,
 * or the connection is gone) until due_ms, or lost (its callback is about to hear it). */
#include "tools/stockade/client.h"
#include "core/base/clock.h"
#include "core/base/limits.h"
#include "tools/stockade/address.h"
#include "tools/stockade/buffer.h"
#include "tools/stockade/texts.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TIMEOUT_MS_DEFAULT 30000
#define WINDOW_DEFAULT     64
#define PAUSE_MS_FIRST     2
#define PAUSE_MS_MAX       500
#define READ_BYTES         (256 * 1024)
#define SLOT_BITS          10

static_assert(CLIENT_WINDOW_MAX <= 1 << SLOT_BITS, "a slot's number fits into a message id");

enum slot_state { SLOT_FREE, SLOT_FLYING, SLOT_PAUSED, SLOT_LOST };

struct slot {
    enum slot_state state;
    int repeatable;
    unsigned tries;
    uint32_t generation;
    int64_t due_ms;   /* paused: send then */
    int64_t limit_ms; /* give up then */
    client_fn fn;
    void *arg;
    struct buffer message;
};

struct client {
    int fd; /* -1: not connected */
    struct address address;
    struct client_options options;
    struct stk_clock clock;
    struct slot slots[CLIENT_WINDOW_MAX];
    unsigned used; /* slots that are not free */
    int inside;    /* a callback runs: do not wait */
    struct buffer out, in;
    size_t out_at, in_at;
    struct stk_value *values;
    uint32_t values_max;
    /* client_call */
    struct buffer answer;
    struct stk_value *answer_values;
    char message[STK_ERROR_TEXT];
};

static int64_t now(struct client *client)
{
    return client->clock.monotonic_ns(client->clock.self) / 1000000;
}

/* --- connecting --- */

static int reach(struct client *client, struct stk_error *err)
{
    client->fd = address_open(&client->address, err);
    if (client->fd < 0)
        return -1;
    fcntl(client->fd, F_SETFL, fcntl(client->fd, F_GETFL) | O_NONBLOCK);
    return 0;
}

enum stk_status client_open(struct client **out, const struct client_options *options,
                            struct stk_error *err)
{
    struct client *client = must_alloc(sizeof(*client));
    client->options = *options;
    client->address = (struct address){.socket = options->socket, .tcp = options->tcp};
    client->clock = stk_clock_real();
    if (!client->options.timeout_ms)
        client->options.timeout_ms = TIMEOUT_MS_DEFAULT;
    if (!client->options.window)
        client->options.window = WINDOW_DEFAULT;
    if (client->options.window > CLIENT_WINDOW_MAX)
        client->options.window = CLIENT_WINDOW_MAX;
    if (reach(client, err)) {
        client_close(client);
        return err->status;
    }
    *out = client;
    return STK_OK;
}

const char *client_address(const struct client *client)
{
    return client->address.name;
}

unsigned client_in_flight(const struct client *client)
{
    return client->used;
}

void client_close(struct client *client)
{
    if (!client)
        return;
    if (client->fd >= 0)
        close(client->fd);
    for (unsigned i = 0; i < CLIENT_WINDOW_MAX; i++)
        buffer_fini(&client->slots[i].message);
    buffer_fini(&client->out);
    buffer_fini(&client->in);
    buffer_fini(&client->answer);
    free(client->values);
    free(client->answer_values);
    free(client);
}

/* --- ends of a call --- */

static void finish(struct client *client, struct slot *slot, const struct client_reply *reply)
{
    client_fn fn = slot->fn;
    void *arg = slot->arg;
    slot->state = SLOT_FREE;
    slot->generation++;
    client->used--;
    client->inside++;
    fn(arg, reply);
    client->inside--;
}

static void give_up(struct client *client, struct slot *slot, enum stk_status status,
                    const char *message)
{
    struct client_reply reply = {.status = status, .unanswered = 1, .message = message};
    finish(client, slot, &reply);
}

static void queue(struct client *client, struct slot *slot)
{
    slot->state = SLOT_FLYING;
    buffer_add(&client->out, slot->message.data, slot->message.size);
}

/* Twice as long each time, and never the same for two clients. */
static void pause_slot(struct client *client, struct slot *slot)
{
    int64_t pause_ms = (int64_t)PAUSE_MS_FIRST << (slot->tries < 8 ? slot->tries : 8);
    if (pause_ms > PAUSE_MS_MAX)
        pause_ms = PAUSE_MS_MAX;
    slot->tries++;
    slot->state = SLOT_PAUSED;
    slot->due_ms = now(client) + pause_ms / 2 + (int64_t)(random() % (pause_ms + 1));
}

/* The connection is gone: what may be sent again waits, the rest has no answer for ever. */
static void lose(struct client *client)
{
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
    buffer_clear(&client->out);
    buffer_clear(&client->in);
    client->out_at = client->in_at = 0;
    for (unsigned i = 0; i < CLIENT_WINDOW_MAX; i++) {
        struct slot *slot = &client->slots[i];
        if (slot->state == SLOT_FLYING && slot->repeatable)
            pause_slot(client, slot);
        else if (slot->state == SLOT_FLYING)
            slot->state = SLOT_LOST;
    }
    /* Only now: a callback may send anew. */
    for (unsigned i = 0; i < CLIENT_WINDOW_MAX; i++)
        if (client->slots[i].state == SLOT_LOST)
            give_up(client, &client->slots[i], STK_IO, T_LOST);
}

/* --- answers --- */

static enum stk_status status_by_name(const struct stk_value *name)
{
    for (int status = STK_OK; name && name->type == STK_VALUE_STR && status < STK_STATUS_COUNT;
         status++) {
        const char *known = stk_status_name(status);
        if (strlen(known) == name->size && !memcmp(known, name->as.text, name->size))
            return (enum stk_status)status;
    }
    return STK_INTERNAL;
}

static void message_of(struct client *client, const struct stk_value *error)
{
    const struct stk_value *text = stk_value_get(error, "message");
    if (!text)
        text = stk_value_get(error, "text");
    if (!text && error->type == STK_VALUE_STR)
        text = error;
    if (text && text->type == STK_VALUE_STR)
        snprintf(client->message, sizeof(client->message), "%.*s", (int)text->size, text->as.text);
    else
        snprintf(client->message, sizeof(client->message), "%s", T_NO_MESSAGE);
}

/* [1, msgid, error, result]. 0: it is something else. */
static int take_answer(struct client *client, const struct stk_value *root)
{
    const struct stk_value *part = root->as.items;
    if (root->type != STK_VALUE_ARRAY || root->size != 4 || part[0].type != STK_VALUE_INT ||
        part[0].as.integer != 1 || part[1].type != STK_VALUE_INT)
        return 0;
    uint32_t id = (uint32_t)part[1].as.integer;
    struct slot *slot = &client->slots[id & (CLIENT_WINDOW_MAX - 1)];
    if (slot->state != SLOT_FLYING ||
        (slot->generation << SLOT_BITS | (id & (CLIENT_WINDOW_MAX - 1))) != id)
        return 1; /* given up long ago */
    struct client_reply reply = {.message = ""};
    if (part[2].type == STK_VALUE_NIL) {
        reply.result = &part[3];
        finish(client, slot, &reply);
        return 1;
    }
    reply.error = &part[2];
    reply.status = status_by_name(stk_value_get(&part[2], "code"));
    if (reply.status == STK_BUSY && now(client) < slot->limit_ms) {
        pause_slot(client, slot);
        return 1;
    }
    message_of(client, &part[2]);
    reply.message = client->message;
    finish(client, slot, &reply);
    return 1;
}

/* All whole messages in `in`. */
static int take_answers(struct client *client, struct stk_error *err)
{
    while (client->in_at < client->in.size) {
        struct stk_parse parse;
        const char *start = client->in.data + client->in_at;
        enum stk_status status =
            stk_doc_parse(start, client->in.size - client->in_at, STK_ANSWER_MAX + 64,
                          STK_DEPTH_MAX, client->values, client->values_max, &parse);
        if (status == STK_TOO_LARGE && client->values_max < 2 * STK_ANSWER_MAX) {
            client->values_max = client->values_max ? client->values_max * 4 : 4096;
            client->values =
                must_resize(client->values, client->values_max * sizeof(*client->values));
            continue;
        }
        if (status == STK_AGAIN)
            break;
        if (status != STK_OK || !take_answer(client, parse.root)) {
            stk_error_set(err, STK_IO, T_NO_RPC, client->address.name);
            return -1;
        }
        client->in_at += parse.consumed;
    }
    if (client->in_at) {
        client->in.size -= client->in_at;
        memmove(client->in.data, client->in.data + client->in_at, client->in.size);
        client->in_at = 0;
    }
    return 0;
}

/* --- the socket --- */

/* -1: the connection is gone. */
static int write_out(struct client *client)
{
    while (client->out_at < client->out.size) {
        ssize_t done = send(client->fd, client->out.data + client->out_at,
                            client->out.size - client->out_at, MSG_NOSIGNAL);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return errno == EAGAIN ? 0 : -1;
        client->out_at += (size_t)done;
    }
    buffer_clear(&client->out);
    client->out_at = 0;
    return 0;
}

static int read_in(struct client *client)
{
    buffer_reserve(&client->in, READ_BYTES);
    ssize_t got = recv(client->fd, client->in.data + client->in.size, READ_BYTES, 0);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    client->in.size += (size_t)got;
    return got ? 0 : -1;
}

/* Queues what is due and gives up what is late; returns ms until the next of either. */
static int64_t tend(struct client *client)
{
    int64_t at = now(client), next = client->options.timeout_ms;
    for (unsigned i = 0; i < CLIENT_WINDOW_MAX && client->used; i++) {
        struct slot *slot = &client->slots[i];
        if (slot->state == SLOT_FREE)
            continue;
        if (at >= slot->limit_ms) {
            give_up(client, slot, STK_TIMEOUT, T_TIMEOUT);
            continue;
        }
        if (slot->limit_ms - at < next)
            next = slot->limit_ms - at;
        if (slot->state != SLOT_PAUSED)
            continue;
        if (slot->due_ms <= at && client->fd >= 0)
            queue(client, slot);
        else if (slot->due_ms - at < next)
            next = slot->due_ms > at ? slot->due_ms - at : 0;
    }
    return next;
}

/* Connects again, for as long as the calls that wait may wait. */
static enum stk_status reach_again(struct client *client, struct stk_error *err)
{
    int64_t until = now(client) + client->options.timeout_ms, pause_ms = 50;
    while (reach(client, err)) {
        if (now(client) >= until) {
            for (unsigned i = 0; i < CLIENT_WINDOW_MAX; i++)
                if (client->slots[i].state != SLOT_FREE)
                    give_up(client, &client->slots[i], STK_IO, err->text);
            return STK_IO;
        }
        poll(NULL, 0, (int)pause_ms);
        pause_ms = pause_ms < 1000 ? pause_ms * 2 : 1000;
    }
    return STK_OK;
}

/* One turn of sending, waiting and receiving. */
static enum stk_status turn(struct client *client, struct stk_error *err)
{
    if (client->fd < 0 && reach_again(client, err) != STK_OK)
        return STK_IO;
    int64_t wait_ms = tend(client);
    if (!client->used)
        return STK_OK;
    struct pollfd poll_fd = {.fd = client->fd, .events = POLLIN};
    if (write_out(client)) {
        lose(client);
        return STK_OK;
    }
    if (client->out.size)
        poll_fd.events |= POLLOUT;
    if (poll(&poll_fd, 1, (int)wait_ms) < 0 && errno != EINTR)
        return stk_error_errno(err, errno, "poll");
    if (!(poll_fd.revents & (POLLIN | POLLHUP | POLLERR)))
        return STK_OK;
    int gone = read_in(client);
    if (take_answers(client, err)) {
        lose(client);
        for (unsigned i = 0; i < CLIENT_WINDOW_MAX; i++)
            if (client->slots[i].state != SLOT_FREE)
                give_up(client, &client->slots[i], STK_IO, err->text);
        return STK_IO;
    }
    if (gone)
        lose(client);
    return STK_OK;
}

/* --- calls --- */

static struct slot *free_slot(struct client *client)
{
    for (unsigned i = 0; i < CLIENT_WINDOW_MAX; i++)
        if (client->slots[i].state == SLOT_FREE)
            return &client->slots[i];
    return NULL;
}

static void make_message(struct slot *slot, uint32_t id, const char *verb,
                         const struct stk_doc *params)
{
    struct buffer *message = &slot->message;
    size_t most = params->size + strlen(verb) + 64;
    buffer_clear(message);
    buffer_reserve(message, most);
    struct stk_doc doc = stk_doc(message->data, (uint32_t)most);
    stk_doc_array(&doc, 4);
    stk_doc_uint(&doc, 0);
    stk_doc_uint(&doc, id);
    stk_doc_text(&doc, verb);
    stk_doc_array(&doc, 1);
    stk_doc_raw(&doc, params->data, params->size);
    stk_assert(!doc.overflow);
    message->size = doc.size;
}

enum stk_status client_send(struct client *client, const char *verb, const struct stk_doc *params,
                            int repeatable, client_fn fn, void *arg, struct stk_error *err)
{
    if (params->overflow || params->size + strlen(verb) + 64 > STK_MESSAGE_MAX)
        return stk_error_set(err, STK_TOO_LARGE, T_MESSAGE_LARGE, verb, STK_MESSAGE_MAX);
    while (!client->inside && client->used >= client->options.window)
        if (turn(client, err) != STK_OK)
            return STK_IO;
    struct slot *slot = free_slot(client);
    if (!slot)
        return stk_error_set(err, STK_BUSY, T_WINDOW_FULL, CLIENT_WINDOW_MAX);
    uint32_t number = (uint32_t)(slot - client->slots);
    slot->generation &= (UINT32_C(1) << (32 - SLOT_BITS)) - 1;
    make_message(slot, slot->generation << SLOT_BITS | number, verb, params);
    slot->repeatable = repeatable;
    slot->tries = 0;
    slot->limit_ms = now(client) + client->options.timeout_ms;
    slot->fn = fn;
    slot->arg = arg;
    client->used++;
    queue(client, slot);
    return STK_OK;
}

enum stk_status client_drain(struct client *client, struct stk_error *err)
{
    while (client->used)
        if (turn(client, err) != STK_OK)
            return STK_IO;
    return STK_OK;
}

/* client_call's answer outlives the input buffer: the tree is copied, its texts too. */
struct kept {
    struct client *client;
    struct client_reply *reply;
};

static uint32_t count_values(const struct stk_value *value, size_t *bytes)
{
    uint32_t children = value->type == STK_VALUE_MAP ? value->size * 2 : value->size, count = 1;
    if (value->type == STK_VALUE_STR || value->type == STK_VALUE_BIN ||
        value->type == STK_VALUE_EXT)
        *bytes += value->size;
    if (value->type == STK_VALUE_ARRAY || value->type == STK_VALUE_MAP)
        for (uint32_t i = 0; i < children; i++)
            count += count_values(&value->as.items[i], bytes);
    return count;
}

static void copy_value(struct stk_value *to, const struct stk_value *from,
                       struct stk_value **free_next, struct buffer *bytes)
{
    *to = *from;
    if (from->type == STK_VALUE_STR || from->type == STK_VALUE_BIN || from->type == STK_VALUE_EXT) {
        to->as.text = bytes->data + bytes->size; /* reserved: it does not move */
        buffer_add(bytes, from->as.text, from->size);
    } else if (from->type == STK_VALUE_ARRAY || from->type == STK_VALUE_MAP) {
        uint32_t children = from->type == STK_VALUE_MAP ? from->size * 2 : from->size;
        struct stk_value *items = *free_next;
        *free_next += children;
        to->as.items = items;
        for (uint32_t i = 0; i < children; i++)
            copy_value(&items[i], &from->as.items[i], free_next, bytes);
    }
}

static void keep_reply(void *arg, const struct client_reply *reply)
{
    struct kept *kept = arg;
    struct client *client = kept->client;
    const struct stk_value *from = reply->result ? reply->result : reply->error;
    *kept->reply = *reply;
    if (reply->message != client->message) {
        snprintf(client->message, sizeof(client->message), "%s", reply->message);
        kept->reply->message = client->message;
    }
    if (!from)
        return;
    size_t bytes = 0;
    uint32_t count = count_values(from, &bytes);
    client->answer_values = must_resize(client->answer_values, count * sizeof(*from));
    buffer_clear(&client->answer);
    buffer_reserve(&client->answer, bytes);
    struct stk_value *free_next = client->answer_values + 1;
    copy_value(client->answer_values, from, &free_next, &client->answer);
    if (reply->result)
        kept->reply->result = client->answer_values;
    else
        kept->reply->error = client->answer_values;
}

enum stk_status client_call(struct client *client, const char *verb, const struct stk_doc *params,
                            int repeatable, struct client_reply *reply, struct stk_error *err)
{
    struct kept kept = {client, reply};
    memset(reply, 0, sizeof(*reply));
    reply->message = "";
    enum stk_status status = client_send(client, verb, params, repeatable, keep_reply, &kept, err);
    if (status == STK_OK)
        status = client_drain(client, err);
    if (status != STK_OK && !reply->status) {
        reply->status = status;
        snprintf(client->message, sizeof(client->message), "%s", err->text);
        reply->message = client->message;
    }
    return reply->status;
}
