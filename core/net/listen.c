/* Listening sockets.
 *
 * Always true: running out of fds is no busy loop: accepting stops, a timer tries again. A Unix
 * socket gets its mode before it gets its name, so that there is no moment in which others may
 * connect. One thread. */
#include "core/net/listen.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG          1024
#define ACCEPTS_PER_TURN 64 /* then others have their turn */
#define PAUSE_MS         100
#define SEND_BYTES       (256 * 1024) /* the kernel holds so much for a TCP peer */
#define UNIX_PREFIX      "unix:"

struct stk_listener {
    int fd;
    int is_unix;
    int named; /* the Unix socket's name is ours to remove */
    struct stk_loop_fd *watch;
    struct stk_loop_timer *resume;
    void (*accepted)(void *arg, int fd, enum stk_peer peer);
    void *arg;
    char address[STK_ADDRESS_MAX];
};

static int starts_unix(const char *address)
{
    return strncmp(address, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0;
}

/* --- addresses --- */

/* "host:port" or "[host]:port" into two strings. */
static int split(const char *address, char *host, char *port)
{
    const char *colon = strrchr(address, ':');
    size_t size = colon ? (size_t)(colon - address) : 0;
    if (!colon || size == 0 || size >= STK_ADDRESS_MAX || strlen(colon + 1) >= 8 || !colon[1])
        return 0;
    memcpy(port, colon + 1, strlen(colon)); /* the zero at the end too */
    if (strspn(port, "0123456789") != strlen(port) || strtol(port, NULL, 10) > UINT16_MAX)
        return 0;
    if (address[0] == '[' && address[size - 1] == ']')
        address++, size -= 2;
    memcpy(host, address, size);
    host[size] = 0;
    return 1;
}

/* NULL and err when it means nothing. Free with freeaddrinfo. */
static struct addrinfo *resolve(const char *address, struct stk_error *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL;
    char host[STK_ADDRESS_MAX], port[8];
    int code;
    if (!split(address, host, port)) {
        stk_error_set(err, STK_INVALID, "%s: must be host:port, [host]:port or unix:/path",
                      address);
        return NULL;
    }
    code = getaddrinfo(host, port, &hints, &found);
    if (code != 0) {
        stk_error_set(err, STK_INVALID, "%s: %s", address, gai_strerror(code));
        return NULL;
    }
    return found;
}

static int is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)address;
        return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
    }
    if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const void *)address;
        return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr) ||
               (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr) && v6->sin6_addr.s6_addr[12] == 127);
    }
    return 0;
}

int stk_address_is_local(const char *address)
{
    struct addrinfo *found;
    int local = 1;
    if (starts_unix(address))
        return 1;
    found = resolve(address, NULL);
    if (!found)
        return 0;
    for (struct addrinfo *at = found; at; at = at->ai_next)
        local &= is_loopback(at->ai_addr);
    freeaddrinfo(found);
    return local;
}

/* --- accepting --- */

static enum stk_peer peer_of(const struct stk_listener *listener, int fd,
                             const struct sockaddr_storage *from)
{
    struct ucred credentials;
    socklen_t size = sizeof credentials;
    int one = 1, send_bytes = SEND_BYTES;
    if (!listener->is_unix) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_bytes, sizeof send_bytes);
        return is_loopback((const struct sockaddr *)from) ? STK_PEER_LOOPBACK : STK_PEER_FAR;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0 &&
        (credentials.uid == geteuid() || credentials.uid == 0))
        return STK_PEER_OWNER;
    return STK_PEER_OTHER;
}

static void pause_accepting(struct stk_listener *listener, int errno_value)
{
    stk_log_limited(STK_LOG_WARN, 10000, "listen: accepting pauses address=%s cause=\"%s\"",
                    listener->address, strerror(errno_value));
    stk_loop_fd_interest(listener->watch, 0);
    stk_loop_timer_arm(listener->resume, PAUSE_MS, 0);
}

static void on_resume(void *self)
{
    struct stk_listener *listener = self;
    if (stk_loop_fd_interest(listener->watch, STK_LOOP_READ) != STK_OK)
        stk_loop_timer_arm(listener->resume, PAUSE_MS, 0);
}

static void on_accept(void *self, int events)
{
    struct stk_listener *listener = self;
    (void)events;
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        struct sockaddr_storage from;
        socklen_t size = sizeof from;
        int fd =
            accept4(listener->fd, (struct sockaddr *)&from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            listener->accepted(listener->arg, fd, peer_of(listener, fd, &from));
            continue;
        }
        if (errno == EAGAIN)
            return;
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            pause_accepting(listener, errno);
            return;
        }
        /* anything else is the fault of one connection that did not come about */
    }
}

/* --- opening --- */

/* A name that is left over from a run that died is removed; one that somebody answers is not. */
static enum stk_status clear_socket(const struct sockaddr_un *name, struct stk_error *err)
{
    struct stat info;
    int fd, answered;
    if (lstat(name->sun_path, &info) != 0)
        return errno == ENOENT ? STK_OK : stk_error_errno(err, errno, "%s", name->sun_path);
    if (!S_ISSOCK(info.st_mode))
        return stk_error_set(err, STK_EXISTS, "%s: is there and is no socket", name->sun_path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return stk_error_errno(err, errno, "%s", name->sun_path);
    answered = connect(fd, (const struct sockaddr *)name, sizeof *name) == 0 || errno == EAGAIN;
    close(fd);
    if (answered)
        return stk_error_set(err, STK_EXISTS, "%s: another engine listens there", name->sun_path);
    if (unlink(name->sun_path) != 0)
        return stk_error_errno(err, errno, "%s", name->sun_path);
    return STK_OK;
}

static enum stk_status open_unix(struct stk_listener *listener, struct stk_error *err)
{
    const char *path = listener->address + strlen(UNIX_PREFIX);
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    enum stk_status status;
    if (!*path || strlen(path) >= sizeof name.sun_path)
        return stk_error_set(err, STK_TOO_LARGE, "%s: the path of a Unix socket has 1 to %zu bytes",
                             listener->address, sizeof name.sun_path - 1);
    memcpy(name.sun_path, path, strlen(path) + 1);
    listener->is_unix = 1;
    status = clear_socket(&name, err);
    if (status != STK_OK)
        return status;
    listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener->fd < 0 || fchmod(listener->fd, 0600) != 0 ||
        bind(listener->fd, (struct sockaddr *)&name, sizeof name) != 0)
        return stk_error_errno(err, errno, "%s", listener->address);
    listener->named = 1;
    if (listen(listener->fd, BACKLOG) != 0)
        return stk_error_errno(err, errno, "%s", listener->address);
    return STK_OK;
}

/* What it was bound to, the port that the system chose included. */
static void name_tcp(struct stk_listener *listener)
{
    struct sockaddr_storage bound;
    socklen_t size = sizeof bound;
    char host[STK_ADDRESS_MAX - 16], port[8];
    if (getsockname(listener->fd, (struct sockaddr *)&bound, &size) != 0 ||
        getnameinfo((struct sockaddr *)&bound, size, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return;
    snprintf(listener->address, sizeof listener->address,
             bound.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

static enum stk_status open_tcp(struct stk_listener *listener, struct stk_error *err)
{
    struct addrinfo *found = resolve(listener->address, err);
    int one = 1;
    if (!found)
        return STK_INVALID;
    listener->fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener->fd < 0 ||
        setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        bind(listener->fd, found->ai_addr, found->ai_addrlen) != 0 ||
        listen(listener->fd, BACKLOG) != 0) {
        freeaddrinfo(found);
        return stk_error_errno(err, errno, "%s", listener->address);
    }
    freeaddrinfo(found);
    name_tcp(listener);
    return STK_OK;
}

enum stk_status stk_listen_open(struct stk_listener **out, struct stk_loop *loop,
                                const char *address,
                                void (*accepted)(void *arg, int fd, enum stk_peer peer), void *arg,
                                struct stk_error *err)
{
    struct stk_listener *listener;
    enum stk_status status;
    if (strlen(address) >= STK_ADDRESS_MAX)
        return stk_error_set(err, STK_TOO_LARGE, "%.40s...: longer than %d bytes", address,
                             STK_ADDRESS_MAX - 1);
    listener = stk_alloc(sizeof *listener);
    if (!listener)
        return stk_error_set(err, STK_NO_MEMORY, "%s: out of memory", address);
    listener->fd = -1;
    listener->accepted = accepted;
    listener->arg = arg;
    memcpy(listener->address, address, strlen(address) + 1);
    status = starts_unix(address) ? open_unix(listener, err) : open_tcp(listener, err);
    if (status != STK_OK)
        goto fail;
    listener->resume = stk_loop_timer_add(loop, on_resume, listener);
    listener->watch = stk_loop_fd_add(loop, listener->fd, STK_LOOP_READ, on_accept, listener);
    if (!listener->resume || !listener->watch) {
        status = stk_error_set(err, STK_NO_MEMORY, "%s: out of memory", address);
        goto fail;
    }
    *out = listener;
    return STK_OK;
fail:
    stk_listen_close(listener);
    return status;
}

const char *stk_listen_address(const struct stk_listener *listener)
{
    return listener->address;
}

void stk_listen_close(struct stk_listener *listener)
{
    if (!listener)
        return;
    stk_loop_timer_remove(listener->resume);
    stk_loop_fd_remove(listener->watch);
    if (listener->fd >= 0) {
        close(listener->fd);
        if (listener->named)
            unlink(listener->address + strlen(UNIX_PREFIX));
    }
    stk_free(listener);
}
