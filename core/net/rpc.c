/* MessagePack-RPC.
 *
 * One read of up to 256 KiB goes into a buffer that all connections share; messages are parsed
 * there and decoded straight into the inbox of the engine; only what is left of the last message is
 * kept with the connection. Answers are gathered per connection and sent once per turn.
 *
 * Always true: a slot is given to a new connection only when no answer is on its way to the old
 * one; a connection without bytes that wait has no buffer (it keeps one for a moment, so that
 * nothing is allocated per message); `inflight` and `weight` are what is handed over and not yet
 * answered. One thread. */
#include "core/net/rpc.h"
#include "core/base/limits.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BYTES    (256 * 1024)
#define SMALL_REST    (16 * 1024) /* a rest up to this is copied before the next read */
#define GROW_BYTES    (64 * 1024) /* a larger rest grows by this */
#define VALUES_MAX    65536       /* in one message: 1,000 lines with all their fields */
#define ANSWERS_SLICE 256         /* between two releases of the ring */
#define ANSWERS_TURN  16384       /* then sockets have their turn */
#define TICK_MS       250
#define LINGER_MS     1000        /* for a peer to read our last words */
#define DRAIN_WINDOW  (32 * 1024) /* a peer takes so much in half of timeout_ms, or all there is */
#define ENVELOPE      16          /* of a response */

/* Ticket: slot 18 bits, generation 13, notification 1, msgid 32. */
#define TICKET_NOTIFY (UINT64_C(1) << 32)

enum connection_state {
    FREE,
    OPEN,
    ENDING,  /* reads no more; when all is answered and sent, it goes on to */
    LINGERS, /* our side is shut; what still comes is thrown away */
    GONE,    /* the fd is closed; answers are still on their way to it */
};

struct buffer {
    uint8_t *data;
    uint32_t start, end; /* bytes in use */
    uint32_t capacity;
};

struct connection {
    struct stk_rpc *rpc;
    struct stk_loop_fd *watch;
    int fd;
    uint32_t slot;
    uint16_t generation;
    uint8_t state;
    uint8_t dirty;  /* on the list of those that have answers to send */
    uint8_t paused; /* not read: too much in flight or to send */
    uint8_t failed; /* ENDING: `fault` is still to be sent */
    uint8_t used;   /* buffers were used since the last tick */
    uint32_t inflight;
    uint32_t weight;
    uint32_t free_next;
    struct stk_caller caller;
    struct buffer in;
    struct buffer out;
    size_t extent_at; /* see stk_doc_extent: how far a long message was looked at */
    uint64_t extent_open;
    int64_t in_since_ms;  /* when the message began that is not whole yet; 0 = none */
    int64_t out_since_ms; /* begin of the window in which out_taken is counted; 0 = none */
    uint32_t out_taken;
    enum stk_status fault;
    const char *fault_text;
};

struct stk_rpc {
    struct stk_rpc_options options;
    struct connection *connections; /* reserved */
    uint32_t top;                   /* slots ever used */
    uint32_t free_first, free_last; /* first in, first out: a slot rests as long as can be */
    uint32_t open;
    uint64_t buffers_bytes;
    uint32_t *dirty; /* slots */
    uint32_t dirty_count;
    struct stk_listener *listeners[STK_RPC_ADDRESSES_MAX];
    unsigned listener_count;
    struct stk_loop_timer *tick;
    int64_t ticked_ms;
    int publish; /* something was handed over and not published */
    int draining;
    void (*drained)(void *arg);
    void *drained_arg;
    struct stk_rpc_counters counters;
    struct stk_value values[VALUES_MAX];
    uint8_t answer[STK_API_LOCAL_DOC_BYTES];
    uint8_t read[SMALL_REST + READ_BYTES];
};

static int64_t now_ms(const struct stk_rpc *rpc)
{
    return rpc->options.clock.monotonic_ns(rpc->options.clock.self) / 1000000 + 1; /* never 0 */
}

/* --- buffers --- */

static uint32_t buffer_size(const struct buffer *buffer)
{
    return buffer->end - buffer->start;
}

static void count_bytes(struct stk_rpc *rpc, int64_t change)
{
    rpc->buffers_bytes += (uint64_t)change;
    stk_counter_set(&rpc->counters.buffers_bytes, rpc->buffers_bytes);
}

static void buffer_free(struct stk_rpc *rpc, struct buffer *buffer)
{
    count_bytes(rpc, -(int64_t)buffer->capacity);
    stk_free(buffer->data);
    *buffer = (struct buffer){0};
}

static void connection_cut_for(struct connection *connection, const char *why);

static uint64_t held_by(const struct connection *connection)
{
    return (uint64_t)connection->in.capacity + connection->out.capacity;
}

/* `added` more bytes are within the bound for all, or will be when the connection that has the most
 * is cut, as long as that is not the one that asks. So a few that hoard cannot starve the rest. */
static int within_bound(struct connection *connection, uint64_t added)
{
    struct stk_rpc *rpc = connection->rpc;
    while (rpc->buffers_bytes + added > rpc->options.buffers_max_bytes) {
        struct connection *largest = connection;
        uint64_t most = held_by(connection) + added;
        for (uint32_t slot = 0; slot < rpc->top; slot++)
            if (held_by(&rpc->connections[slot]) > most) {
                largest = &rpc->connections[slot];
                most = held_by(largest);
            }
        if (largest == connection)
            return 0;
        connection_cut_for(largest, "it holds the most of all buffers, which are used up");
    }
    return 1;
}

/* Room for `more` bytes at the end: by moving what is there to the front, or by growing. */
static int buffer_room(struct connection *connection, struct buffer *buffer, uint32_t more)
{
    uint64_t size = buffer_size(buffer);
    uint64_t capacity = buffer->capacity ? buffer->capacity : 512;
    uint8_t *data;
    if (buffer->capacity - buffer->end >= more)
        return 1;
    while (capacity < size + more)
        capacity *= 2;
    if (capacity > buffer->capacity) {
        uint64_t added = capacity - buffer->capacity;
        if (capacity > UINT32_MAX / 2 || !within_bound(connection, added))
            return 0;
        data = stk_realloc(buffer->data, capacity);
        if (!data)
            return 0;
        count_bytes(connection->rpc, (int64_t)added);
        buffer->data = data;
        buffer->capacity = (uint32_t)capacity;
    }
    if (size)
        memmove(buffer->data, buffer->data + buffer->start, size);
    buffer->start = 0;
    buffer->end = (uint32_t)size;
    return 1;
}

static int buffer_append(struct connection *connection, struct buffer *buffer, const uint8_t *data,
                         size_t size)
{
    if (!buffer_room(connection, buffer, (uint32_t)size))
        return 0;
    memcpy(buffer->data + buffer->end, data, size);
    buffer->end += (uint32_t)size;
    return 1;
}

static void buffer_take(struct buffer *buffer, uint32_t size)
{
    buffer->start += size;
    if (buffer->start == buffer->end)
        buffer->start = buffer->end = 0;
}

/* --- the life of a connection --- */

static struct connection *slot_take(struct stk_rpc *rpc)
{
    struct connection *connection;
    if (rpc->open >= rpc->options.connections_max)
        return NULL;
    if (rpc->free_first != STK_NONE) {
        connection = &rpc->connections[rpc->free_first];
        rpc->free_first = connection->free_next;
    } else if (rpc->top < rpc->options.connections_max) {
        connection = &rpc->connections[rpc->top];
        connection->slot = rpc->top++;
    } else {
        return NULL; /* those that are free still wait for answers to nobody */
    }
    return connection;
}

static void slot_give(struct stk_rpc *rpc, struct connection *connection)
{
    uint32_t slot = connection->slot;
    uint16_t generation = connection->generation;
    memset(connection, 0, sizeof *connection);
    connection->slot = slot;
    connection->generation = (generation + 1) & 0x1fff;
    connection->free_next = STK_NONE;
    if (rpc->free_first == STK_NONE)
        rpc->free_first = slot;
    else
        rpc->connections[rpc->free_last].free_next = slot;
    rpc->free_last = slot;
}

static void check_drained(struct stk_rpc *rpc)
{
    if (rpc->draining && rpc->open == 0 && rpc->drained) {
        void (*drained)(void *arg) = rpc->drained;
        rpc->drained = NULL;
        drained(rpc->drained_arg);
    }
}

/* Close it now; what is in flight for it will be dropped. */
static void connection_cut(struct connection *connection)
{
    struct stk_rpc *rpc = connection->rpc;
    stk_assert(connection->state != FREE && connection->state != GONE);
    stk_loop_fd_remove(connection->watch);
    close(connection->fd);
    buffer_free(rpc, &connection->in);
    buffer_free(rpc, &connection->out);
    connection->watch = NULL;
    connection->state = GONE;
    rpc->open--;
    stk_counter_set(&rpc->counters.connections, rpc->open);
    if (connection->inflight == 0 && !connection->dirty)
        slot_give(rpc, connection);
    check_drained(rpc);
}

/* A TCP peer that reads nothing would not see an end that stands behind what it has not read, and
 * the kernel would keep all of it: it gets a reset. */
static void connection_cut_for(struct connection *connection, const char *why)
{
    struct linger reset = {.l_onoff = 1};
    setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    stk_counter_add(&connection->rpc->counters.cut, 1);
    stk_log_limited(STK_LOG_WARN, 1000, "rpc: connection cut slot=%u cause=\"%s\"",
                    connection->slot, why);
    connection_cut(connection);
}

static int interest_of(const struct connection *connection)
{
    int interest = buffer_size(&connection->out) ? STK_LOOP_WRITE : 0;
    if (connection->state == LINGERS || (connection->state == OPEN && !connection->paused))
        interest |= STK_LOOP_READ;
    return interest;
}

/* 0 when it had to be cut. */
static int connection_watch(struct connection *connection)
{
    if (stk_loop_fd_interest(connection->watch, interest_of(connection)) == STK_OK)
        return 1;
    connection_cut_for(connection, "out of memory");
    return 0;
}

/* --- output --- */

static void mark_dirty(struct connection *connection)
{
    struct stk_rpc *rpc = connection->rpc;
    if (connection->dirty)
        return;
    connection->dirty = 1;
    rpc->dirty[rpc->dirty_count++] = connection->slot;
}

/* A response into the buffer of its connection, which is cut when there is no room for it. */
static void respond(struct connection *connection, uint32_t msgid, int is_error,
                    const uint8_t *answer, uint32_t size)
{
    struct stk_rpc *rpc = connection->rpc;
    struct buffer *out = &connection->out;
    struct stk_doc doc;
    uint64_t bound = (uint64_t)rpc->options.out_max_bytes * 2 + STK_ANSWER_MAX;
    if (buffer_size(out) + (uint64_t)size > bound ||
        !buffer_room(connection, out, size + ENVELOPE)) {
        connection_cut_for(connection, "its answers do not fit into its buffer");
        return;
    }
    doc = stk_doc(out->data + out->end, out->capacity - out->end);
    stk_doc_array(&doc, 4);
    stk_doc_uint(&doc, 1);
    stk_doc_uint(&doc, msgid);
    if (!is_error)
        stk_doc_nil(&doc);
    stk_doc_raw(&doc, answer, size);
    if (is_error)
        stk_doc_nil(&doc);
    stk_assert(!doc.overflow);
    out->end += doc.size;
    connection->used = 1;
    stk_counter_add(&rpc->counters.responses, 1);
    mark_dirty(connection);
}

/* Everything that was to be said is said: shut our side and wait for the peer to see it. */
static void connection_finish(struct connection *connection)
{
    if (shutdown(connection->fd, SHUT_WR) != 0) {
        connection_cut(connection);
        return;
    }
    connection->state = LINGERS;
    connection->in_since_ms = now_ms(connection->rpc);
    buffer_free(connection->rpc, &connection->in);
    connection_watch(connection);
}

static void refuse_rest(struct connection *connection)
{
    struct stk_rpc *rpc = connection->rpc;
    struct stk_doc answer = stk_doc(rpc->answer, sizeof rpc->answer);
    connection->failed = 0;
    stk_api_refuse(&answer, connection->fault, connection->fault_text);
    respond(connection, 0, 1, answer.data, answer.size);
}

/* Send what can be sent. */
static void connection_flush(struct connection *connection)
{
    struct stk_rpc *rpc = connection->rpc;
    struct buffer *out = &connection->out;
    if (connection->state == ENDING && connection->inflight == 0 && connection->failed) {
        refuse_rest(connection);
        if (connection->state != ENDING)
            return;
    }
    while (buffer_size(out)) {
        ssize_t sent = send(connection->fd, out->data + out->start, buffer_size(out),
                            MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && errno == EAGAIN)
            break;
        if (sent < 0) {
            connection_cut(connection); /* it has left without waiting */
            return;
        }
        buffer_take(out, (uint32_t)sent);
        connection->out_taken += (uint32_t)sent;
        stk_counter_add(&rpc->counters.bytes_out, (uint64_t)sent);
    }
    if (!buffer_size(out))
        connection->out_since_ms = 0;
    else if (!connection->out_since_ms)
        connection->out_since_ms = now_ms(rpc), connection->out_taken = 0;
    if (connection->state == ENDING && connection->inflight == 0 && !buffer_size(out))
        connection_finish(connection);
    else
        connection_watch(connection);
}

/* --- input --- */

/* No more is read from it. text: constant; NULL: the peer itself has ended, there is no fault. */
static void connection_end(struct connection *connection, enum stk_status fault, const char *text)
{
    if (connection->state != OPEN)
        return;
    connection->state = ENDING;
    connection->in_since_ms = 0;
    connection->fault = fault;
    connection->fault_text = text;
    connection->failed = text != NULL;
    buffer_free(connection->rpc, &connection->in);
    mark_dirty(connection);
}

static const struct stk_value no_params = {.type = STK_VALUE_MAP};

/* An array with one map, an empty one, nil, or the map itself; NULL: something else. */
static const struct stk_value *params_of(const struct stk_value *value)
{
    if (value->type == STK_VALUE_ARRAY && value->size == 1)
        value = value->as.items;
    else if (value->type == STK_VALUE_NIL || (value->type == STK_VALUE_ARRAY && !value->size))
        return &no_params;
    return value->type == STK_VALUE_MAP ? value : NULL;
}

struct request {
    uint32_t msgid;
    int is_notification;
    struct stk_bytes method;
    const struct stk_value *params; /* NULL: of a wrong shape */
};

/* 0 when it is neither a request nor a notification. */
static int request_of(const struct stk_value *root, struct request *request)
{
    const struct stk_value *item = root->as.items;
    if (root->type != STK_VALUE_ARRAY || root->size < 3 || root->size > 4 ||
        item[0].type != STK_VALUE_INT)
        return 0;
    request->is_notification = root->size == 3;
    if (item[0].as.integer != (request->is_notification ? 2 : 0))
        return 0;
    request->msgid = 0;
    item++;
    if (!request->is_notification) {
        if (item->type != STK_VALUE_INT || item->as.integer < 0 || item->as.integer > UINT32_MAX)
            return 0;
        request->msgid = (uint32_t)item->as.integer;
        item++;
    }
    if (item[0].type != STK_VALUE_STR)
        return 0;
    request->method = stk_value_bytes(&item[0]);
    request->params = params_of(&item[1]);
    return 1;
}

static uint64_t ticket_of(const struct connection *connection, const struct request *request)
{
    return (uint64_t)connection->slot << 46 | (uint64_t)connection->generation << 33 |
           (request->is_notification ? TICKET_NOTIFY : 0) | request->msgid;
}
static_assert(STK_RPC_CONNECTIONS_MAX == 1u << 18, "a slot has 18 bits in a ticket");

static void handle(struct connection *connection, const struct request *request, uint32_t size)
{
    struct stk_rpc *rpc = connection->rpc;
    struct stk_doc answer = stk_doc(rpc->answer, sizeof rpc->answer);
    enum stk_status status;
    uint16_t verb = 0;
    if (request->params)
        status =
            stk_api_call(rpc->options.api, &connection->caller, request->method, request->params,
                         size, ticket_of(connection, request), &verb, &answer);
    else
        status = stk_api_refuse(&answer, STK_INVALID, "params: must be an array with one map");
    if (status == STK_AGAIN) {
        connection->inflight++;
        connection->weight += stk_api_weight(verb);
        rpc->publish = 1;
        return;
    }
    stk_assert(!answer.overflow);
    if (!request->is_notification)
        respond(connection, request->msgid, status != STK_OK, answer.data, answer.size);
    if (connection->state == OPEN && connection->caller.failures >= STK_API_AUTH_FAILURES)
        connection_end(connection, STK_UNAUTHORIZED, "too many wrong tokens");
}

static int is_loaded(const struct connection *connection)
{
    return connection->weight >= connection->rpc->options.inflight_max ||
           buffer_size(&connection->out) >= connection->rpc->options.out_max_bytes;
}

static const char *fault_text(enum stk_status status)
{
    return status == STK_TOO_LARGE
               ? "the message is longer, deeper or has more values than is allowed"
               : "not a MessagePack-RPC request";
}

/* The messages that are whole, as long as it may have more in flight. Returns the bytes taken. */
static size_t consume(struct connection *connection, const uint8_t *data, size_t size)
{
    struct stk_rpc *rpc = connection->rpc;
    size_t at = 0;
    uint64_t requests = 0;
    while (at < size && connection->state == OPEN) {
        struct stk_parse parse;
        struct request request;
        enum stk_status status;
        if (is_loaded(connection)) {
            connection->paused = 1;
            break;
        }
        status = stk_doc_parse(data + at, size - at, STK_MESSAGE_MAX, STK_DEPTH_MAX, rpc->values,
                               VALUES_MAX, &parse);
        if (status == STK_AGAIN)
            break;
        if (status == STK_OK && !request_of(parse.root, &request))
            status = STK_MALFORMED;
        if (status != STK_OK) {
            stk_counter_add(&rpc->counters.malformed, 1);
            connection_end(connection, status, fault_text(status));
            break;
        }
        at += parse.consumed;
        requests++;
        handle(connection, &request, (uint32_t)parse.consumed);
    }
    stk_counter_add(&rpc->counters.requests, requests);
    return at;
}

/* What consume left stays with the connection; *data is in the shared buffer or its own. */
static void keep_rest(struct connection *connection, const uint8_t *rest, size_t size, int progress)
{
    if (connection->state != OPEN)
        return;
    if (progress || !connection->in_since_ms)
        connection->in_since_ms = size ? now_ms(connection->rpc) : 0;
    if (connection->paused)
        connection->in_since_ms = 0;
    if (progress)
        connection->extent_at = 0, connection->extent_open = 0;
    if (rest && size && !buffer_append(connection, &connection->in, rest, size))
        connection_cut_for(connection, "no memory for its requests");
    else
        connection->used |= size != 0;
}

/* A read into the shared buffer, behind the rest of the one before. */
static ssize_t read_shared(struct connection *connection)
{
    struct stk_rpc *rpc = connection->rpc;
    uint32_t have = buffer_size(&connection->in);
    ssize_t got = recv(connection->fd, rpc->read + have, READ_BYTES, 0);
    size_t taken;
    if (got <= 0)
        return got;
    if (have)
        memcpy(rpc->read, connection->in.data + connection->in.start, have);
    buffer_take(&connection->in, have);
    taken = consume(connection, rpc->read, have + (size_t)got);
    keep_rest(connection, rpc->read + taken, have + (size_t)got - taken, taken > 0);
    return got;
}

/* The messages in its own buffer. */
static void consume_own(struct connection *connection)
{
    struct buffer *in = &connection->in;
    size_t taken = consume(connection, in->data + in->start, buffer_size(in));
    if (connection->state != OPEN)
        return;
    buffer_take(in, (uint32_t)taken);
    keep_rest(connection, NULL, buffer_size(in), taken > 0);
}

/* A read into the buffer of its own, for a long message; parsed once it is whole. */
static ssize_t read_own(struct connection *connection)
{
    struct buffer *in = &connection->in;
    enum stk_status status;
    ssize_t got;
    if (!buffer_room(connection, in, GROW_BYTES)) {
        connection_cut_for(connection, "no memory for its requests");
        return 0;
    }
    got = recv(connection->fd, in->data + in->end, in->capacity - in->end, 0);
    if (got <= 0)
        return got;
    in->end += (uint32_t)got;
    connection->used = 1;
    status = stk_doc_extent(in->data + in->start, buffer_size(in), STK_MESSAGE_MAX,
                            &connection->extent_at, &connection->extent_open);
    if (status != STK_AGAIN)
        consume_own(connection);
    return got;
}

static void linger_read(struct connection *connection)
{
    struct stk_rpc *rpc = connection->rpc;
    ssize_t got = recv(connection->fd, rpc->read, sizeof rpc->read, 0);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
        connection_cut(connection);
}

static void publish(struct stk_rpc *rpc)
{
    if (rpc->publish)
        stk_api_publish(rpc->options.api);
    rpc->publish = 0;
}

static void send_dirty(struct stk_rpc *rpc);

static void connection_read(struct connection *connection)
{
    struct stk_rpc *rpc = connection->rpc;
    ssize_t got;
    if (connection->state == LINGERS) {
        linger_read(connection);
        return;
    }
    if (connection->state != OPEN || connection->paused)
        return;
    got =
        buffer_size(&connection->in) <= SMALL_REST ? read_shared(connection) : read_own(connection);
    if (got > 0)
        stk_counter_add(&rpc->counters.bytes_in, (uint64_t)got);
    else if (connection->state == OPEN && got == 0)
        connection_end(connection, STK_OK, NULL);
    else if (connection->state == OPEN && errno != EAGAIN && errno != EINTR)
        connection_cut(connection);
    publish(rpc);
    if (connection->state == OPEN && connection->paused)
        mark_dirty(connection); /* looks again whether it is to be read */
    send_dirty(rpc);
}

static void on_ready(void *self, int events)
{
    struct connection *connection = self;
    if (events & STK_LOOP_WRITE) {
        mark_dirty(connection);
        send_dirty(connection->rpc);
    } else {
        connection_read(connection);
    }
}

/* Read on when half of what it had in flight is answered: not after each single answer. */
static void connection_resume(struct connection *connection)
{
    const struct stk_rpc_options *options = &connection->rpc->options;
    if (!connection->paused || connection->weight > options->inflight_max / 2 ||
        buffer_size(&connection->out) > options->out_max_bytes / 2)
        return;
    connection->paused = 0;
    if (buffer_size(&connection->in))
        consume_own(connection);
    if (connection->state == OPEN)
        mark_dirty(connection); /* to be watched again, and to send what was answered here */
}

/* All that have answers to send, or room again for requests. A connection is on the list once, and
 * may come onto it again while we go. */
static void send_dirty(struct stk_rpc *rpc)
{
    while (rpc->dirty_count > 0) {
        struct connection *connection = &rpc->connections[rpc->dirty[--rpc->dirty_count]];
        connection->dirty = 0;
        if (connection->state == OPEN || connection->state == ENDING)
            connection_flush(connection);
        else if (connection->state == GONE && connection->inflight == 0)
            slot_give(rpc, connection);
        if (connection->state == OPEN)
            connection_resume(connection);
    }
    publish(rpc);
}

/* --- answers --- */

static void deliver(struct stk_rpc *rpc, const struct stk_answer *answer)
{
    uint32_t slot = (uint32_t)(answer->ticket >> 46);
    struct connection *connection = &rpc->connections[slot];
    stk_assert(slot < rpc->top && connection->inflight > 0 &&
               connection->generation == ((answer->ticket >> 33) & 0x1fff));
    connection->inflight--;
    connection->weight -= stk_api_weight(answer->verb);
    if (connection->state == GONE) {
        if (connection->inflight == 0 && !connection->dirty)
            slot_give(rpc, connection);
    } else if (answer->ticket & TICKET_NOTIFY) {
        mark_dirty(connection); /* it may have waited for this one */
    } else {
        respond(connection, (uint32_t)answer->ticket, answer->status != STK_OK,
                stk_answer_doc(answer), answer->doc_size);
    }
}

void stk_rpc_woken(struct stk_rpc *rpc)
{
    const struct stk_answer *answer = NULL;
    unsigned count = 0;
    for (; count < ANSWERS_TURN && (answer = stk_api_answer(rpc->options.api)); count++) {
        deliver(rpc, answer);
        if (count % ANSWERS_SLICE == ANSWERS_SLICE - 1)
            stk_api_release(rpc->options.api);
    }
    stk_api_release(rpc->options.api);
    if (count == ANSWERS_TURN)
        stk_loop_wake(rpc->options.loop);
    send_dirty(rpc);
}

/* --- accepting --- */

/* One line for a client that cannot be served; it has sent nothing yet. */
static void turn_away(struct stk_rpc *rpc, int fd, const char *text)
{
    uint8_t bytes[256];
    struct stk_doc doc = stk_doc(bytes, sizeof bytes);
    stk_doc_array(&doc, 4);
    stk_doc_uint(&doc, 1);
    stk_doc_uint(&doc, 0);
    stk_api_refuse(&doc, STK_FULL, text);
    stk_doc_nil(&doc);
    stk_counter_add(&rpc->counters.refused, 1);
    if (send(fd, doc.data, doc.size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        stk_log_limited(STK_LOG_DEBUG, 1000, "rpc: connection refused without a word");
    close(fd);
}

static void on_accepted(void *self, int fd, enum stk_peer peer)
{
    struct stk_rpc *rpc = self;
    struct connection *connection = slot_take(rpc);
    if (!connection) {
        turn_away(rpc, fd, "too many connections (rpc.connections_max)");
        return;
    }
    connection->rpc = rpc;
    connection->fd = fd;
    connection->watch = stk_loop_fd_add(rpc->options.loop, fd, STK_LOOP_READ, on_ready, connection);
    if (!connection->watch) {
        slot_give(rpc, connection);
        turn_away(rpc, fd, "out of memory");
        return;
    }
    connection->state = OPEN;
    if (peer == STK_PEER_OWNER || (peer == STK_PEER_LOOPBACK && !rpc->options.tokens))
        connection->caller = stk_caller_local();
    else
        connection->caller = stk_caller_unknown();
    rpc->open++;
    stk_counter_add(&rpc->counters.accepted, 1);
    stk_counter_set(&rpc->counters.connections, rpc->open);
}

/* --- the clock --- */

static void connection_tick(struct connection *connection, int64_t now)
{
    /* so that it is over, last words included, when the time is */
    int64_t limit_ms = connection->rpc->options.timeout_ms - TICK_MS - LINGER_MS;
    if (connection->state == LINGERS) {
        if (now - connection->in_since_ms > LINGER_MS)
            connection_cut(connection);
        return;
    }
    if (connection->in_since_ms && now - connection->in_since_ms > limit_ms) {
        connection_end(connection, STK_TIMEOUT, "half a message, and then nothing for too long");
        stk_counter_add(&connection->rpc->counters.cut, 1);
    }
    /* half: the kernel takes some for a peer that takes nothing, once */
    if (connection->out_since_ms && now - connection->out_since_ms > limit_ms / 2) {
        if (connection->out_taken < DRAIN_WINDOW) {
            connection_cut_for(connection, "it does not fetch its answers");
            return;
        }
        connection->out_since_ms = now;
        connection->out_taken = 0;
    }
    if (!connection->used) {
        if (connection->in.capacity && !buffer_size(&connection->in))
            buffer_free(connection->rpc, &connection->in);
        if (connection->out.capacity && !buffer_size(&connection->out))
            buffer_free(connection->rpc, &connection->out);
    }
    connection->used = 0;
}

static void on_tick(void *self)
{
    struct stk_rpc *rpc = self;
    int64_t now = now_ms(rpc);
    stk_api_tick(rpc->options.api, (uint32_t)(now - rpc->ticked_ms));
    rpc->ticked_ms = now;
    for (uint32_t slot = 0; slot < rpc->top; slot++)
        if (rpc->connections[slot].state != FREE && rpc->connections[slot].state != GONE)
            connection_tick(&rpc->connections[slot], now);
    send_dirty(rpc);
}

/* --- the whole --- */

void stk_rpc_defaults(struct stk_rpc_options *options)
{
    *options = (struct stk_rpc_options){
        .connections_max = 12000,
        .inflight_max = 4096,
        .out_max_bytes = 8 * 1024 * 1024,
        .buffers_max_bytes = 256ull * 1024 * 1024,
        .timeout_ms = 10000,
    };
}

static uint64_t reserved_bytes(const struct stk_rpc_options *options)
{
    return (uint64_t)options->connections_max * sizeof(struct connection);
}

enum stk_status stk_rpc_create(struct stk_rpc **out, const struct stk_rpc_options *options,
                               struct stk_error *err)
{
    struct stk_rpc *rpc = stk_alloc(sizeof *rpc);
    if (!rpc)
        return stk_error_set(err, STK_NO_MEMORY, "rpc: out of memory");
    stk_assert(options->connections_max <= STK_RPC_CONNECTIONS_MAX);
    rpc->options = *options;
    rpc->free_first = STK_NONE;
    rpc->connections = stk_mem_reserve(reserved_bytes(options), 0, err);
    if (!rpc->connections)
        goto fail;
    rpc->dirty = stk_alloc(options->connections_max * sizeof *rpc->dirty);
    rpc->tick = stk_loop_timer_add(options->loop, on_tick, rpc);
    if (!rpc->dirty || !rpc->tick) {
        stk_error_set(err, STK_NO_MEMORY, "rpc: out of memory");
        goto fail;
    }
    rpc->ticked_ms = now_ms(rpc);
    stk_loop_timer_arm(rpc->tick, TICK_MS, 1);
    *out = rpc;
    return STK_OK;
fail:
    stk_rpc_destroy(rpc);
    return err ? err->status : STK_NO_MEMORY;
}

enum stk_status stk_rpc_listen(struct stk_rpc *rpc, const char *address, struct stk_error *err)
{
    enum stk_status status;
    if (rpc->listener_count == STK_RPC_ADDRESSES_MAX)
        return stk_error_set(err, STK_FULL, "%s: more than %d addresses", address,
                             STK_RPC_ADDRESSES_MAX);
    status = stk_listen_open(&rpc->listeners[rpc->listener_count], rpc->options.loop, address,
                             on_accepted, rpc, err);
    if (status == STK_OK)
        rpc->listener_count++;
    return status;
}

const char *stk_rpc_address(const struct stk_rpc *rpc, unsigned index)
{
    return index < rpc->listener_count ? stk_listen_address(rpc->listeners[index]) : NULL;
}

static void close_listeners(struct stk_rpc *rpc)
{
    for (unsigned i = 0; i < rpc->listener_count; i++)
        stk_listen_close(rpc->listeners[i]);
    rpc->listener_count = 0;
}

void stk_rpc_drain(struct stk_rpc *rpc, void (*drained)(void *arg), void *arg)
{
    close_listeners(rpc);
    rpc->draining = 1;
    rpc->drained = drained;
    rpc->drained_arg = arg;
    for (uint32_t slot = 0; slot < rpc->top; slot++)
        connection_end(&rpc->connections[slot], STK_OK, NULL);
    send_dirty(rpc);
    check_drained(rpc);
}

void stk_rpc_destroy(struct stk_rpc *rpc)
{
    if (!rpc)
        return;
    close_listeners(rpc);
    rpc->draining = 0;
    for (uint32_t slot = 0; rpc->connections && slot < rpc->top; slot++)
        if (rpc->connections[slot].state != FREE && rpc->connections[slot].state != GONE)
            connection_cut(&rpc->connections[slot]);
    stk_loop_timer_remove(rpc->tick);
    if (rpc->connections)
        stk_mem_unreserve(rpc->connections, reserved_bytes(&rpc->options));
    stk_free(rpc->dirty);
    stk_free(rpc);
}

const struct stk_rpc_counters *stk_rpc_counters(const struct stk_rpc *rpc)
{
    return &rpc->counters;
}
