/* Addresses and Unix sockets. */
#include "core/net/listen.h"
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static struct stk_loop *loop;
static struct stk_error err;
static char path[64], address[80];

static void accepted(void *arg, int fd, enum stk_peer peer)
{
    (void)arg, (void)peer;
    close(fd);
}

static int set_up(void **state)
{
    (void)state;
    loop = stk_loop_create(&err);
    snprintf(path, sizeof path, "/tmp/stockade-test-listen-%d", (int)getpid());
    snprintf(address, sizeof address, "unix:%s", path);
    unlink(path);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    stk_loop_destroy(loop);
    unlink(path);
    return 0;
}

static enum stk_status open_at(const char *where, struct stk_listener **listener)
{
    *listener = NULL;
    return stk_listen_open(listener, loop, where, accepted, NULL, &err);
}

static void the_socket_is_for_its_owner_only(void **state)
{
    (void)state;
    struct stk_listener *listener;
    struct stat info;
    mode_t old = umask(0);
    assert_int_equal(open_at(address, &listener), STK_OK);
    umask(old);
    assert_int_equal(stat(path, &info), 0);
    assert_true(S_ISSOCK(info.st_mode));
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_string_equal(stk_listen_address(listener), address);
    stk_listen_close(listener);
    assert_int_not_equal(access(path, F_OK), 0);
}

static void a_dead_socket_is_replaced_and_a_live_one_is_not(void **state)
{
    (void)state;
    struct stk_listener *first, *second;
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    strcpy(name.sun_path, path);
    assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof name), 0);
    close(fd); /* the name stays, nobody listens */
    assert_int_equal(open_at(address, &first), STK_OK);
    assert_int_equal(open_at(address, &second), STK_EXISTS);
    assert_non_null(strstr(err.text, "another engine listens there"));
    assert_int_equal(access(path, F_OK), 0); /* the failure has not removed it */
    stk_listen_close(first);
}

static void a_file_is_not_removed(void **state)
{
    (void)state;
    struct stk_listener *listener;
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    close(fd);
    assert_int_equal(open_at(address, &listener), STK_EXISTS);
    assert_non_null(strstr(err.text, "is there and is no socket"));
    assert_int_equal(access(path, F_OK), 0);
}

static void bad_addresses_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *address;
        enum stk_status status;
    } bad[] = {
        {"", STK_INVALID},
        {"127.0.0.1", STK_INVALID},
        {"127.0.0.1:", STK_INVALID},
        {":80", STK_INVALID},
        {"127.0.0.1:http", STK_INVALID},
        {"127.0.0.1:65536", STK_INVALID},
        {"127.0.0.1:-1", STK_INVALID},
        {"no.such.host.invalid:7460", STK_INVALID},
        {"unix:", STK_TOO_LARGE},
        {"unix:/a-path-that-is-longer-than-the-hundred-and-seven-bytes-that-the-name-of-a-unix-"
         "socket-may-have-on-linux-systems",
         STK_TOO_LARGE},
        {"unix:/no/such/folder/x", STK_IO},
        {"192.0.2.1:7460", STK_IO}, /* not ours */
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct stk_listener *listener;
        enum stk_status status = open_at(bad[i].address, &listener);
        if (status != bad[i].status || (strlen(bad[i].address) > 5 && strlen(bad[i].address) < 30 &&
                                        !strstr(err.text, bad[i].address)))
            fail_msg("%s: status %d, %s", bad[i].address, status, err.text);
        assert_null(listener);
    }
}

static void tcp_ports_are_chosen_and_told(void **state)
{
    (void)state;
    struct stk_listener *four, *again, *six;
    assert_int_equal(open_at("127.0.0.1:0", &four), STK_OK);
    assert_int_equal(strncmp(stk_listen_address(four), "127.0.0.1:", 10), 0);
    assert_int_not_equal(strcmp(stk_listen_address(four), "127.0.0.1:0"), 0);
    assert_int_equal(open_at(stk_listen_address(four), &again), STK_IO); /* in use */
    stk_listen_close(four);
    if (open_at("[::1]:0", &six) == STK_OK) {
        assert_int_equal(strncmp(stk_listen_address(six), "[::1]:", 6), 0);
        stk_listen_close(six);
    }
    stk_listen_close(NULL);
}

static void loopback_is_known(void **state)
{
    (void)state;
    assert_true(stk_address_is_local("127.0.0.1:7460"));
    assert_true(stk_address_is_local("127.9.9.9:0"));
    assert_true(stk_address_is_local("[::1]:7460"));
    assert_true(stk_address_is_local("localhost:7460"));
    assert_true(stk_address_is_local("unix:/tmp/x"));
    assert_false(stk_address_is_local("0.0.0.0:7460"));
    assert_false(stk_address_is_local("[::]:7460"));
    assert_false(stk_address_is_local("192.168.1.5:7460"));
    assert_false(stk_address_is_local("nonsense"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_socket_is_for_its_owner_only),
        TEST(a_dead_socket_is_replaced_and_a_live_one_is_not),
        TEST(a_file_is_not_removed),
        TEST(bad_addresses_are_named),
        TEST(tcp_ports_are_chosen_and_told),
        TEST(loopback_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
