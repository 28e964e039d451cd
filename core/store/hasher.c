/* One slot between the owner and the helper: the owner fills it and wakes the helper, the helper
 * hashes and wakes the owner. */
#include "core/store/hasher.h"
#include "core/base/mem.h"
#include <stdatomic.h>
#include <string.h>

#define ALONE_MAX (24u * 1024) /* below this a wake-up costs more than the hash */

enum { IDLE, BEGUN, DONE, STOP };

struct stk_hasher {
    struct stk_chain *chain;
    struct stk_thread thread;
    /* written by the owner while IDLE, by the helper (own) while BEGUN */
    uint8_t previous[STK_CHAIN_BYTES], own[STK_CHAIN_BYTES];
    const void *data;
    size_t size;
    _Atomic int state;
    struct stk_park begun, done;
};

static void run(void *arg)
{
    struct stk_hasher *hasher = arg;
    int state;
    /* acquire: pairs with the owner's release stores of BEGUN and STOP */
    while ((state = atomic_load_explicit(&hasher->state, memory_order_acquire)) != STOP) {
        if (state != BEGUN) {
            stk_park_wait(&hasher->begun, -1);
            continue;
        }
        stk_chain_next(hasher->chain, hasher->previous, hasher->data, hasher->size, hasher->own);
        /* release: pairs with the acquire load in stk_hasher_end */
        atomic_store_explicit(&hasher->state, DONE, memory_order_release);
        stk_park_wake(&hasher->done);
    }
}

enum stk_status stk_hasher_create(struct stk_hasher **out, struct stk_error *err)
{
    struct stk_hasher *hasher = stk_alloc(sizeof(*hasher));
    enum stk_status status = STK_OK;
    *out = NULL;
    if (hasher)
        hasher->chain = stk_chain_create();
    if (!hasher || !hasher->chain)
        status = stk_error_set(err, STK_NO_MEMORY, "journal's hasher: out of memory");
    if (status == STK_OK)
        status =
            stk_thread_start(&hasher->thread, STK_ROLE_JOURNAL, "stk-hasher", run, hasher, err);
    if (status == STK_OK)
        *out = hasher;
    else
        stk_hasher_destroy(hasher);
    return status;
}

void stk_hasher_begin(struct stk_hasher *hasher, const uint8_t previous[STK_CHAIN_BYTES],
                      const void *data, size_t size)
{
    stk_assert(atomic_load_explicit(&hasher->state, memory_order_relaxed) == IDLE);
    stk_assert(hasher->size == 0 && size != 0);
    memcpy(hasher->previous, previous, STK_CHAIN_BYTES);
    hasher->data = data;
    hasher->size = size;
    if (size < ALONE_MAX)
        return;
    /* release: pairs with the helper's acquire load */
    atomic_store_explicit(&hasher->state, BEGUN, memory_order_release);
    stk_park_wake(&hasher->begun);
}

void stk_hasher_end(struct stk_hasher *hasher, uint8_t own[STK_CHAIN_BYTES])
{
    stk_assert(hasher->size != 0);
    if (hasher->size < ALONE_MAX) {
        stk_chain_next(hasher->chain, hasher->previous, hasher->data, hasher->size, own);
    } else {
        /* acquire: pairs with the helper's release store of DONE */
        while (atomic_load_explicit(&hasher->state, memory_order_acquire) != DONE)
            stk_park_wait(&hasher->done, -1);
        memcpy(own, hasher->own, STK_CHAIN_BYTES);
        atomic_store_explicit(&hasher->state, IDLE, memory_order_relaxed);
    }
    hasher->size = 0;
}

void stk_hasher_destroy(struct stk_hasher *hasher)
{
    if (!hasher)
        return;
    stk_assert(hasher->size == 0);
    /* release: pairs with the helper's acquire load */
    atomic_store_explicit(&hasher->state, STOP, memory_order_release);
    stk_park_wake(&hasher->begun);
    stk_thread_join(&hasher->thread);
    stk_chain_destroy(hasher->chain);
    stk_free(hasher);
}
