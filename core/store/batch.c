/* Batches: the engine writes records behind a header that is filled in when the batch is closed.
 *
 *   0  u8[4] "STKJ"     4  u16 format    6  u16 0
 *   8  u64 first       16  u32 count    20  u32 size of all, header included
 *  24  u64 time_ms     32  u8[32] chain hash of the batch before
 *  64  u64 number      72  u8[16] 0
 *  88  u64 XXH3 of the records, seeded by the XXH3 of bytes 0 to 88
 *
 * A record is preceded by its size in a varint of two bytes (the second may be 0), so that records
 * below 16 KiB are never moved; longer ones are moved by a byte or two when they are closed. */
#include "core/store/batch.h"
#include "core/base/hash.h"
#include "core/base/mem.h"

#define BATCH_FORMAT 2 /* of its records too */
#define SIZE_BYTES   2
#define RESERVED_AT  72
#define HASHED_BYTES 88
#define HASH_SEED    0x53544b4a4f55524eull /* a domain of its own: "STKJOURN" */

static const uint8_t magic[4] = {'S', 'T', 'K', 'J'};

enum stk_status stk_batch_init(struct stk_batch *batch, struct stk_error *err)
{
    memset(batch, 0, sizeof(*batch));
    batch->data = stk_mem_reserve(STK_BATCH_BYTES, 0, err);
    if (!batch->data) {
        stk_error_prefix(err, "journal batch");
        return STK_NO_MEMORY;
    }
    stk_batch_reset(batch, 0);
    return STK_OK;
}

void stk_batch_fini(struct stk_batch *batch)
{
    if (batch && batch->data)
        stk_mem_unreserve(batch->data, STK_BATCH_BYTES);
    if (batch)
        batch->data = NULL;
}

void stk_batch_reset(struct stk_batch *batch, stk_seq_t first)
{
    batch->size = STK_BATCH_HEADER;
    batch->count = 0;
    batch->first = first;
    batch->time_ms = 0;
    batch->number = 0;
}

uint8_t *stk_batch_record_open(struct stk_batch *batch)
{
    stk_assert(stk_batch_has_room(batch));
    return batch->data + batch->size + SIZE_BYTES;
}

stk_seq_t stk_batch_record_close(struct stk_batch *batch, uint32_t size, stk_time_t time_ms)
{
    stk_assert(size != 0 && size <= STK_RECORD_MAX);
    uint8_t *at = batch->data + batch->size;
    if (size < 1u << 14) {
        at[0] = (uint8_t)(size | 0x80);
        at[1] = (uint8_t)(size >> 7);
        at += SIZE_BYTES;
    } else {
        uint8_t head[STK_VARINT_MAX];
        size_t head_size = (size_t)(stk_put_varint(head, size) - head);
        memmove(at + head_size, at + SIZE_BYTES, size);
        memcpy(at, head, head_size);
        at += head_size;
    }
    if (batch->count == 0)
        batch->time_ms = time_ms;
    batch->size = (uint32_t)(at + size - batch->data);
    stk_assert(batch->size <= STK_BATCH_BYTES);
    return batch->first + batch->count++;
}

static uint64_t checksum(const uint8_t *data, size_t size)
{
    return stk_hash64(data + STK_BATCH_HEADER, size - STK_BATCH_HEADER,
                      stk_hash64(data, HASHED_BYTES, HASH_SEED));
}

void stk_batch_close(struct stk_batch *batch, const uint8_t previous[STK_CHAIN_BYTES])
{
    stk_assert(batch->count != 0 && batch->first != 0);
    uint8_t *at = batch->data;
    memcpy(at, magic, sizeof(magic));
    at = stk_put_be16(at + sizeof(magic), BATCH_FORMAT);
    at = stk_put_be16(at, 0);
    at = stk_put_be64(at, batch->first);
    at = stk_put_be32(at, batch->count);
    at = stk_put_be32(at, batch->size);
    at = stk_put_be64(at, (uint64_t)batch->time_ms);
    memcpy(at, previous, STK_CHAIN_BYTES);
    at = stk_put_be64(at + STK_CHAIN_BYTES, batch->number);
    memset(at, 0, HASHED_BYTES - (size_t)(at - batch->data));
    stk_put_be64(batch->data + HASHED_BYTES, checksum(batch->data, batch->size));
}

void stk_batch_seal(struct stk_batch *batch, struct stk_chain *chain,
                    const uint8_t previous[STK_CHAIN_BYTES], uint8_t own[STK_CHAIN_BYTES])
{
    stk_batch_close(batch, previous);
    stk_chain_next(chain, previous, batch->data, batch->size, own);
}

enum stk_status stk_batch_open(const void *data, size_t size, struct stk_batch_view *view,
                               struct stk_error *err)
{
    static const uint8_t zeros[HASHED_BYTES - RESERVED_AT];
    struct stk_reader in = stk_reader(data, size);
    const uint8_t *bytes = data;
    if (size < STK_BATCH_HEADER || memcmp(bytes, magic, sizeof(magic)) != 0)
        return stk_error_set(err, STK_CORRUPT, "batch: %zu bytes without a batch's head", size);
    in.at += sizeof(magic);
    uint16_t format = stk_get_be16(&in);
    uint16_t reserved = stk_get_be16(&in);
    view->first = stk_get_be64(&in);
    view->count = stk_get_be32(&in);
    uint32_t whole = stk_get_be32(&in);
    view->time_ms = (stk_time_t)stk_get_be64(&in);
    view->previous = in.at;
    in.at += STK_CHAIN_BYTES;
    view->number = stk_get_be64(&in);
    if (whole != size || size > STK_BATCH_BYTES)
        return stk_error_set(err, STK_CORRUPT, "batch: its head says %u bytes, there are %zu",
                             whole, size);
    in.at = bytes + HASHED_BYTES;
    if (stk_get_be64(&in) != checksum(bytes, size))
        return stk_error_set(err, STK_CORRUPT, "batch: the checksum does not agree");
    if (format != BATCH_FORMAT || reserved != 0 ||
        memcmp(bytes + RESERVED_AT, zeros, sizeof(zeros)) != 0)
        return stk_error_set(err, STK_VERSION, "batch: format %u is not known here", format);
    if (view->first == 0 || view->count == 0 || view->first > UINT64_MAX - view->count)
        return stk_error_set(err, STK_CORRUPT, "batch: first %llu, count %u",
                             (unsigned long long)view->first, view->count);
    view->records = in;
    view->left = view->count;
    view->whole = (struct stk_bytes){data, (uint32_t)size};
    return STK_OK;
}

int stk_batch_next(struct stk_batch_view *view, struct stk_bytes *record)
{
    struct stk_reader *in = &view->records;
    if (in->bad || (view->left == 0 && in->at == in->end))
        return 0;
    *record = stk_get_bytes(in);
    if (in->bad || view->left == 0 || record->size == 0 || record->size > STK_RECORD_MAX)
        return stk_reader_fail(in);
    view->left--;
    return 1;
}
