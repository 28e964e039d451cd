/* The chain hash of a batch, computed while the disk works on it. Large batches go to a thread of
 * their own, since SHA-256 takes as long as the commit; small ones are hashed when the hash is
 * asked for, which is after their flush was answered. One owner: the journal thread. */
#ifndef STK_STORE_HASHER_H
#define STK_STORE_HASHER_H

#include "core/base/chain.h"
#include "core/base/thread.h"

struct stk_hasher;
enum stk_status stk_hasher_create(struct stk_hasher **out, struct stk_error *err);
/* The data stays as it is until stk_hasher_end has returned. One at a time. */
void stk_hasher_begin(struct stk_hasher *hasher, const uint8_t previous[STK_CHAIN_BYTES],
                      const void *data, size_t size);
void stk_hasher_end(struct stk_hasher *hasher, uint8_t own[STK_CHAIN_BYTES]);
void stk_hasher_destroy(struct stk_hasher *hasher); /* NULL-safe; nothing begun */

#endif
