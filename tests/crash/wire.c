/* The client. Messages are split with msgpack-c; the bytes of error and result are kept apart from
 * the number of the message so that repeats can be compared. */
#include "tests/crash/wire.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

int wire_timeout_ms = 30000;

static int connect_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || strlen(path) >= sizeof(address.sun_path)) {
        if (fd >= 0)
            close(fd);
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path));
    if (connect(fd, (struct sockaddr *)&address, sizeof(address))) {
        close(fd);
        return -1;
    }
    return fd;
}

static int connect_tcp(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address))) {
        close(fd);
        return -1;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return fd;
}

int wire_open(struct wire *wire, const char *path)
{
    memset(wire, 0, sizeof(*wire));
    wire->fd = strncmp(path, "127.0.0.1:", 10) ? connect_unix(path) : connect_tcp(atoi(path + 10));
    if (wire->fd < 0)
        return -1;
    fcntl(wire->fd, F_SETFL, fcntl(wire->fd, F_GETFL) | O_NONBLOCK);
    msgpack_sbuffer_init(&wire->out);
    msgpack_unpacked_init(&wire->unpacked);
    wire->in_room = 1 << 16;
    wire->in = malloc(wire->in_room);
    return wire->in ? 0 : -1;
}

void wire_close(struct wire *wire)
{
    if (wire->fd < 0)
        return;
    close(wire->fd);
    wire->fd = -1;
    msgpack_sbuffer_destroy(&wire->out);
    msgpack_unpacked_destroy(&wire->unpacked);
    free(wire->in);
    wire->in = NULL;
}

void wire_send(struct wire *wire, uint32_t msgid, const char *verb, const void *params,
               size_t params_size)
{
    msgpack_packer packer;
    if (wire->out_at == wire->out.size) {
        msgpack_sbuffer_clear(&wire->out);
        wire->out_at = 0;
    }
    msgpack_packer_init(&packer, &wire->out, msgpack_sbuffer_write);
    msgpack_pack_array(&packer, 4);
    msgpack_pack_uint32(&packer, 0);
    msgpack_pack_uint32(&packer, msgid);
    wire_text(&packer, verb);
    msgpack_pack_array(&packer, 1);
    msgpack_sbuffer_write(&wire->out, params, params_size);
}

size_t wire_unsent(const struct wire *wire)
{
    return wire->out.size - wire->out_at;
}

int wire_flush(struct wire *wire)
{
    while (wire->out_at < wire->out.size) {
        ssize_t sent = send(wire->fd, wire->out.data + wire->out_at, wire->out.size - wire->out_at,
                            MSG_NOSIGNAL);
        if (sent < 0)
            return errno == EAGAIN || errno == EINTR ? 0 : -1;
        wire->out_at += (size_t)sent;
    }
    return 0;
}

int wire_fill(struct wire *wire)
{
    for (;;) {
        if (wire->in_at) {
            memmove(wire->in, wire->in + wire->in_at, wire->in_end - wire->in_at);
            wire->in_end -= wire->in_at;
            wire->in_at = 0;
        }
        if (wire->in_end == wire->in_room) {
            wire->in_room *= 2;
            wire->in = realloc(wire->in, wire->in_room);
            if (!wire->in)
                abort();
        }
        ssize_t got = recv(wire->fd, wire->in + wire->in_end, wire->in_room - wire->in_end, 0);
        if (got < 0)
            return errno == EAGAIN || errno == EINTR ? 0 : -1;
        if (got == 0)
            return -1;
        wire->in_end += (size_t)got;
        if (wire->in_end < wire->in_room)
            return 0;
    }
}

/* Bytes of the unsigned integer that starts here. */
static size_t uint_size(const uint8_t *at)
{
    switch (*at) {
    case 0xcc:
        return 2;
    case 0xcd:
        return 3;
    case 0xce:
        return 5;
    case 0xcf:
        return 9;
    default:
        return 1;
    }
}

int wire_take(struct wire *wire, struct wire_answer *answer)
{
    const uint8_t *message = wire->in + wire->in_at;
    size_t end = 0, size = wire->in_end - wire->in_at;
    msgpack_unpack_return result =
        msgpack_unpack_next(&wire->unpacked, (const char *)message, size, &end);
    if (result == MSGPACK_UNPACK_CONTINUE)
        return 0;
    const msgpack_object *root = &wire->unpacked.data;
    if (result != MSGPACK_UNPACK_SUCCESS || root->type != MSGPACK_OBJECT_ARRAY ||
        root->via.array.size != 4 || message[0] != 0x94 || message[1] != 0x01 ||
        root->via.array.ptr[1].type != MSGPACK_OBJECT_POSITIVE_INTEGER)
        return -1;
    const msgpack_object *parts = root->via.array.ptr;
    size_t head = 2 + uint_size(message + 2);
    *answer = (struct wire_answer){.msgid = (uint32_t)parts[1].via.u64,
                                   .ok = parts[2].type == MSGPACK_OBJECT_NIL,
                                   .bytes = message + head,
                                   .size = end - head};
    answer->body = answer->ok ? &parts[3] : &parts[2];
    if (!answer->ok)
        wire_get_text(answer->body, "code", answer->code, sizeof(answer->code));
    wire->in_at += end;
    return 1;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Wait until there is something to read, sending on the way. 0, or -1. */
static int turn(struct wire *wire, int64_t until_ms)
{
    int64_t left = until_ms - now_ms();
    if (left <= 0)
        return -1;
    struct pollfd poll_one = {wire->fd, POLLIN, 0};
    if (wire_flush(wire))
        return -1;
    if (wire_unsent(wire))
        poll_one.events |= POLLOUT;
    if (poll(&poll_one, 1, (int)left) < 0 && errno != EINTR)
        return -1;
    return poll_one.revents & (POLLIN | POLLHUP | POLLERR) ? wire_fill(wire) : 0;
}

int wire_call(struct wire *wire, const char *verb, const msgpack_sbuffer *params,
              struct wire_answer *answer)
{
    static uint32_t msgid = 0x40000000;
    uint32_t mine = ++msgid;
    int64_t until_ms = now_ms() + wire_timeout_ms;
    wire_send(wire, mine, verb, params->data, params->size);
    for (;;) {
        int taken = wire_take(wire, answer);
        if (taken < 0)
            return -1;
        if (taken && answer->msgid == mine)
            return 0;
        if (!taken && turn(wire, until_ms))
            return -1;
    }
}

int wire_many(struct wire *wire, uint32_t count, uint32_t window, wire_make_fn make,
              wire_got_fn got, void *arg)
{
    msgpack_sbuffer params;
    msgpack_packer packer;
    struct wire_answer answer;
    uint32_t sent = 0, received = 0;
    int64_t until_ms = now_ms() + wire_timeout_ms;
    msgpack_sbuffer_init(&params);
    msgpack_packer_init(&packer, &params, msgpack_sbuffer_write);
    while (received < count) {
        int taken;
        while (sent < count && sent - received < window) {
            msgpack_sbuffer_clear(&params);
            const char *verb = make(arg, sent, &packer);
            wire_send(wire, sent, verb, params.data, params.size);
            sent++;
        }
        while ((taken = wire_take(wire, &answer)) > 0) {
            received++;
            until_ms = now_ms() + wire_timeout_ms;
            got(arg, answer.msgid, &answer);
        }
        if (taken < 0)
            break;
        int wait = received < count && (sent == count || sent - received == window);
        if (wait && turn(wire, until_ms))
            break;
    }
    msgpack_sbuffer_destroy(&params);
    return received == count ? 0 : -1;
}

/* ---- values -------------------------------------------------------------------------------- */

void wire_text(msgpack_packer *packer, const char *text)
{
    msgpack_pack_str_with_body(packer, text, strlen(text));
}

void wire_key(msgpack_packer *packer, const char *key)
{
    wire_text(packer, key);
}

void wire_put_text(msgpack_packer *packer, const char *key, const char *text)
{
    wire_key(packer, key);
    wire_text(packer, text);
}

void wire_put_int(msgpack_packer *packer, const char *key, int64_t value)
{
    wire_key(packer, key);
    msgpack_pack_int64(packer, value);
}

void wire_put_true(msgpack_packer *packer, const char *key)
{
    wire_key(packer, key);
    msgpack_pack_true(packer);
}

const msgpack_object *wire_get(const msgpack_object *map, const char *key)
{
    size_t size = strlen(key);
    if (!map || map->type != MSGPACK_OBJECT_MAP)
        return NULL;
    for (uint32_t i = 0; i < map->via.map.size; i++) {
        const msgpack_object *name = &map->via.map.ptr[i].key;
        if (name->type == MSGPACK_OBJECT_STR && name->via.str.size == size &&
            !memcmp(name->via.str.ptr, key, size))
            return &map->via.map.ptr[i].val;
    }
    return NULL;
}

int64_t wire_get_int(const msgpack_object *map, const char *key, int64_t otherwise)
{
    const msgpack_object *value = wire_get(map, key);
    if (value && value->type == MSGPACK_OBJECT_POSITIVE_INTEGER)
        return (int64_t)value->via.u64;
    if (value && value->type == MSGPACK_OBJECT_NEGATIVE_INTEGER)
        return value->via.i64;
    return otherwise;
}

int wire_is_text(const msgpack_object *map, const char *key, const char *text)
{
    const msgpack_object *value = wire_get(map, key);
    return value && value->type == MSGPACK_OBJECT_STR && value->via.str.size == strlen(text) &&
           !memcmp(value->via.str.ptr, text, value->via.str.size);
}

void wire_get_text(const msgpack_object *map, const char *key, char *out, size_t size)
{
    const msgpack_object *value = wire_get(map, key);
    out[0] = 0;
    if (value && value->type == MSGPACK_OBJECT_STR)
        snprintf(out, size, "%.*s", (int)value->via.str.size, value->via.str.ptr);
}

uint64_t wire_hash(const void *data, size_t size)
{
    const uint8_t *bytes = data;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    return hash ^ (hash >> 29);
}
