/* Two ends of a link: order, bounds, wake-ups; and an other end that lies. */
#include "core/plug/link.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static struct stk_loop *loop;
static struct stk_link *a, *b;
static uint64_t seen, wanted, broken;
static struct stk_error err;

struct numbered {
    struct stk_message message;
    uint64_t number;
};

static void on_message(void *arg, const void *message, uint32_t size)
{
    const struct numbered *numbered = message;
    (void)arg;
    assert_true(size >= sizeof *numbered && size == numbered->message.size);
    assert_int_equal(numbered->number, seen);
    if (++seen == wanted)
        stk_loop_stop(loop);
}

static void on_broken(void *arg)
{
    (void)arg;
    broken++;
    stk_loop_stop(loop);
}

static int setup(void **state)
{
    (void)state;
    loop = stk_loop_create(&err);
    a = stk_link_create(&err);
    b = stk_link_peer(a, &err);
    seen = broken = 0;
    wanted = UINT64_MAX;
    assert_non_null(b);
    assert_int_equal(stk_link_attach(b, loop, on_message, on_broken, NULL), STK_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    stk_link_destroy(b);
    stk_link_destroy(a);
    stk_loop_destroy(loop);
    return 0;
}

static enum stk_status send(uint64_t number, uint32_t size)
{
    static _Alignas(8) uint8_t room[STK_MESSAGE_SIZE_MAX];
    struct numbered *numbered = (void *)room;
    numbered->message.size = size;
    numbered->number = number;
    return stk_link_send(a, &numbered->message, 0);
}

static void in_order_and_bounded(void **state)
{
    uint64_t sent = 0;
    (void)state;
    for (int round = 0; round < 20; round++) {
        uint32_t size = round % 2 ? 1000 : STK_MESSAGE_SIZE_MAX;
        while (send(sent, size) == STK_OK)
            sent++;
        assert_int_equal(send(sent, size), STK_BUSY);
        wanted = sent;
        stk_loop_run(loop);
        assert_int_equal(seen, sent);
    }
    assert_int_equal(send(sent, STK_MESSAGE_SIZE_MAX + 8), STK_TOO_LARGE);
    assert_int_equal(broken, 0);
}

/* Room that is kept for others. */
static void spare(void **state)
{
    struct numbered numbered = {.message = {.size = sizeof numbered}};
    (void)state;
    assert_int_equal(stk_link_send(a, &numbered.message, STK_LINK_BYTES - 64), STK_OK);
    assert_int_equal(stk_link_send(a, &numbered.message, STK_LINK_BYTES - 48), STK_BUSY);
    assert_int_equal(stk_link_send(a, &numbered.message, 0), STK_OK);
}

/* Each 8 bytes of the shared memory that hold a position or a size are made to lie. */
static void lies(void **state)
{
    static const uint64_t values[] = {UINT64_MAX, 1, 7, STK_LINK_BYTES + 8, UINT64_C(1) << 40};
    int fds[STK_LINK_FDS];
    for (unsigned place = 0; place < 2; place++)
        for (unsigned i = 0; i < sizeof values / sizeof *values; i++) {
            stk_link_fds(a, fds);
            /* ring 0: tail, head, asleep on lines of their own, then data: the first size */
            uint8_t *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fds[0], 0);
            assert_int_equal(send(0, 64), STK_OK);
            memcpy(memory + (place ? 192 : 0), &values[i], 8);
            seen = 0;
            stk_loop_run(loop);
            assert_int_equal(broken, 1);
            assert_int_equal(seen, 0);
            munmap(memory, 4096);
            teardown(state);
            setup(state);
        }
    stk_link_fds(a, fds);
    uint8_t *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fds[0], 0);
    memset(memory + 64, 0xff, 8); /* head: read beyond what was written */
    assert_int_equal(send(0, 64), STK_CORRUPT);
    munmap(memory, 4096);
    assert_int_equal(ftruncate(fds[0], 0), -1); /* sealed */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(in_order_and_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(spare, setup, teardown),
        cmocka_unit_test_setup_teardown(lies, setup, teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
