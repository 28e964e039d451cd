/* Any bytes as what lies in the journal: a batch, the records of a batch, one record, one row. No
 * crash, nothing is read outside, every row is described or refused with a text. The first byte
 * chooses: 0 a whole batch as it is (mostly stopped by its checksum), 1 bytes as records behind a
 * good head, 2 a record, 3 a row, 4 the remembered answer of a key row, 5 attributes of a SKU. */
#include "core/base/err.h"
#include "core/flow/describe.h"
#include "core/flow/rows.h"
#include "core/store/batch.h"
#include "core/store/record.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void row(uint8_t table, struct stk_bytes key, struct stk_bytes value)
{
    static uint8_t room[1 << 20];
    struct stk_error err = {0};
    struct stk_doc doc = stk_doc(room, sizeof(room));
    enum stk_status status = stk_row_describe(NULL, (enum stk_table)table, key, value, &doc, &err);
    if (status != STK_OK) {
        stk_assert(status == err.status && err.text[0]);
        return;
    }
    static struct stk_value values[65536];
    struct stk_parse parse;
    if (doc.overflow)
        return;
    status = stk_doc_parse(room, doc.size, sizeof(room), STK_DEPTH_MAX, values, 65536, &parse);
    stk_assert((status == STK_OK && parse.consumed == doc.size) || status == STK_TOO_LARGE);
}

static void record(struct stk_bytes bytes)
{
    struct stk_record_view view;
    struct stk_row_view found;
    struct stk_error err = {0};
    const char *end = bytes.data + bytes.size;
    if (stk_record_open(bytes, 1000, 1000, &view, &err) != STK_OK)
        return;
    while (stk_record_next(&view, &found)) {
        stk_assert(found.key.size == stk_table_key_size(found.table));
        if (!found.value.data)
            continue;
        stk_assert(found.value.data >= bytes.data && found.value.data + found.value.size <= end);
        row(found.table, found.key, found.value);
    }
}

static void batch(const void *data, size_t size)
{
    struct stk_batch_view view;
    struct stk_bytes bytes;
    struct stk_error err = {0};
    if (stk_batch_open(data, size, &view, &err) != STK_OK)
        return;
    while (stk_batch_next(&view, &bytes)) {
        const char *from = data;
        stk_assert(bytes.data >= from && bytes.data + bytes.size <= from + size);
        record(bytes);
    }
}

/* A batch with a good head and checksum around any records. */
static void sealed(const uint8_t *data, size_t size)
{
    static const uint8_t previous[STK_CHAIN_BYTES];
    static struct stk_batch made;
    struct stk_error err = {0};
    if (!made.data && stk_batch_init(&made, &err) != STK_OK)
        abort();
    if (size < 2 || size > 65536)
        return;
    stk_batch_reset(&made, 7);
    memcpy(made.data + STK_BATCH_HEADER, data + 1, size - 1);
    made.size = STK_BATCH_HEADER + (uint32_t)size - 1;
    made.count = 1u + data[0];
    stk_batch_close(&made, previous);
    uint8_t *exact = malloc(made.size); /* so that a sanitizer sees a read past the end */
    if (!exact)
        return;
    memcpy(exact, made.data, made.size);
    batch(exact, made.size);
    free(exact);
}

static void attributes(struct stk_bytes bytes)
{
    static uint8_t room[STK_ATTRIBUTES_MAX];
    struct stk_attributes first, again;
    if (stk_attributes_read(bytes, &first) != STK_OK)
        return;
    uint32_t size = stk_attributes_write(&first, room);
    stk_assert(size <= sizeof(room));
    struct stk_bytes written = {(const char *)room, size};
    stk_assert(stk_attributes_read(written, &again) == STK_OK);
    stk_assert(again.title.size == first.title.size && again.cost == first.cost &&
               again.barcode_count == first.barcode_count && again.tag_count == first.tag_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct stk_error err = {0};
    if (!size)
        return 0;
    struct stk_bytes rest = {(const char *)data + 1, (uint32_t)size - 1};
    struct stk_key_answer answer;
    uint8_t room[STK_KEY_DOC_ROOM];
    switch (data[0]) {
    case 0:
        batch(data + 1, size - 1);
        break;
    case 1:
        sealed(data + 1, size - 1);
        break;
    case 2:
        record(rest);
        break;
    case 3: /* table, size of the key, key, value */
        if (size >= 3 && (size_t)data[2] <= size - 3)
            row(data[1], (struct stk_bytes){(const char *)data + 3, data[2]},
                (struct stk_bytes){(const char *)data + 3 + data[2],
                                   (uint32_t)(size - 3 - data[2])});
        break;
    case 4:
        (void)stk_row_read_key(rest, 1000, room, &answer, &err);
        break;
    case 5:
        attributes(rest);
        break;
    default:
        break;
    }
    return 0;
}
