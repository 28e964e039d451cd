/* The one door to OpenSSL: SHA-256 over the batch before and this one.
 *
 * OpenSSL's plain SHA256_ functions and not EVP: EVP in 3.0 allocates a context at each start, so a
 * journal step could fail for lack of memory; these only compute, with the same processor-specific
 * code behind them. They are marked deprecated, not gone, in all of OpenSSL 3. One thread per
 * chain. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "core/base/chain.h"
#include "core/base/mem.h"
#include <openssl/sha.h>

_Static_assert(STK_CHAIN_BYTES == SHA256_DIGEST_LENGTH, "a link is one SHA-256");

struct stk_chain {
    SHA256_CTX context;
};

struct stk_chain *stk_chain_create(void)
{
    return stk_alloc(sizeof(struct stk_chain));
}

void stk_chain_next(struct stk_chain *chain, const uint8_t previous[STK_CHAIN_BYTES],
                    const void *data, size_t size, uint8_t out[STK_CHAIN_BYTES])
{
    stk_chain_begin(chain);
    stk_chain_add(chain, previous, STK_CHAIN_BYTES);
    stk_chain_add(chain, data, size);
    stk_chain_end(chain, out);
}

void stk_chain_begin(struct stk_chain *chain)
{
    stk_assert(SHA256_Init(&chain->context) == 1);
}

void stk_chain_add(struct stk_chain *chain, const void *data, size_t size)
{
    stk_assert(SHA256_Update(&chain->context, data, size) == 1);
}

void stk_chain_end(struct stk_chain *chain, uint8_t out[STK_CHAIN_BYTES])
{
    stk_assert(SHA256_Final(out, &chain->context) == 1);
}

void stk_chain_destroy(struct stk_chain *chain)
{
    stk_free(chain);
}

void stk_chain_digest(const void *data, size_t size, uint8_t out[STK_CHAIN_BYTES])
{
    struct stk_chain chain;
    stk_assert(SHA256_Init(&chain.context) == 1);
    stk_assert(SHA256_Update(&chain.context, data, size) == 1);
    stk_assert(SHA256_Final(out, &chain.context) == 1);
}
