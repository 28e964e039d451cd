/* SHA-256 (OpenSSL) for the hash chain of the journal and the files of a backup. */
#ifndef STK_BASE_CHAIN_H
#define STK_BASE_CHAIN_H

#include <stddef.h>
#include <stdint.h>

#define STK_CHAIN_BYTES 32

/* out = SHA-256(previous || data). The journal thread, or a verifier. No allocation. */
struct stk_chain;
struct stk_chain *stk_chain_create(void); /* NULL: out of memory */
void stk_chain_next(struct stk_chain *chain, const uint8_t previous[STK_CHAIN_BYTES],
                    const void *data, size_t size, uint8_t out[STK_CHAIN_BYTES]);
/* The same hash over bytes that come in pieces: begin, add any number of times, end. */
void stk_chain_begin(struct stk_chain *chain);
void stk_chain_add(struct stk_chain *chain, const void *data, size_t size);
void stk_chain_end(struct stk_chain *chain, uint8_t out[STK_CHAIN_BYTES]);
void stk_chain_destroy(struct stk_chain *chain);

/* out = SHA-256(data). Thread-safe, no allocation. For tokens, which are kept as hashes only. */
void stk_chain_digest(const void *data, size_t size, uint8_t out[STK_CHAIN_BYTES]);

#endif
