/* A path or HOST:PORT to a connected socket. */
#include "tools/stockade/address.h"
#include "tools/stockade/texts.h"
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define DEFAULT_SOCKET "data/stockade.sock"
#define DEFAULT_TCP    "127.0.0.1:7460"

static int open_unix(const char *path, struct stk_error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path)) {
        stk_error_set(err, STK_INVALID, T_SOCKET_LONG, path, sizeof(address.sun_path) - 1);
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && !connect(fd, (struct sockaddr *)&address, sizeof(address)))
        return fd;
    stk_error_errno(err, errno, T_CONNECT, path);
    err->status = STK_IO;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* "127.0.0.1:7460", "[::1]:7460" */
static int split_host(const char *text, char *host, size_t size, const char **port)
{
    const char *colon = strrchr(text, ':');
    size_t length = colon ? (size_t)(colon - text) : 0;
    if (!colon || !colon[1])
        return 0;
    if (length >= 2 && text[0] == '[' && text[length - 1] == ']') {
        text++;
        length -= 2;
    }
    if (!length || length >= size)
        return 0;
    memcpy(host, text, length);
    host[length] = '\0';
    *port = colon + 1;
    return 1;
}

static int open_tcp(const char *text, struct stk_error *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    char host[200];
    const char *port;
    int fd = -1, one = 1;
    if (!split_host(text, host, sizeof(host), &port)) {
        stk_error_set(err, STK_INVALID, T_TCP_BAD, text);
        return -1;
    }
    int fault = getaddrinfo(host, port, &hints, &found);
    if (fault) {
        stk_error_set(err, STK_IO, T_RESOLVE, text, gai_strerror(fault));
        return -1;
    }
    for (struct addrinfo *at = found; at && fd < 0; at = at->ai_next) {
        fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
        if (fd >= 0 && connect(fd, at->ai_addr, at->ai_addrlen)) {
            stk_error_errno(err, errno, T_CONNECT, text);
            err->status = STK_IO;
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(found);
    if (fd >= 0)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return fd;
}

static int open_named(struct address *at, const char *address, int is_path, struct stk_error *err)
{
    int fd = is_path ? open_unix(address, err) : open_tcp(address, err);
    if (fd >= 0 || !at->name[0])
        snprintf(at->name, sizeof(at->name), "%s", address);
    return fd;
}

int address_open(struct address *at, struct stk_error *err)
{
    const char *given = getenv("STOCKADE_ADDRESS");
    if (at->socket)
        return open_named(at, at->socket, 1, err);
    if (at->tcp)
        return open_named(at, at->tcp, 0, err);
    if (given && *given)
        return open_named(at, given, strchr(given, '/') != NULL, err);
    int fd = open_named(at, DEFAULT_SOCKET, 1, err);
    if (fd < 0 && access(DEFAULT_SOCKET, F_OK))
        fd = open_named(at, DEFAULT_TCP, 0, err);
    if (fd < 0)
        stk_error_set(err, STK_IO, T_NO_ENGINE, DEFAULT_SOCKET, DEFAULT_TCP);
    return fd;
}
