/* What a row says, by a table of its fields: the format of each row but orders and keys in one
 * line. */
#include "core/flow/describe.h"
#include "core/flow/order_row.h"
#include "core/flow/publish_row.h"
#include "core/flow/rows.h"

/* One letter a field: key fields 1 2 4 8 (big-endian bytes), h (16 bytes); value fields v (varint),
 * z (zigzag), b (bytes), u (one byte), H (hash). */
struct shape {
    const char *key;
    const char *value;
    const char *names[24]; /* of key fields, then value fields */
};

static const struct shape shapes[STK_TABLE_COUNT] = {
    [STK_TABLE_NAME] = {"12", "b", {"kind", "number", "text"}},
    [STK_TABLE_SKU] = {"4", "bb", {"number", "sku", "attributes"}},
    [STK_TABLE_MOVEMENT] = {"82",
                            "vvzzv",
                            {"seq", "part", "sku", "location", "occurred_at", "delta", "source"}},
    [STK_TABLE_INCOMING] = {"4",
                            "bvvvvzz",
                            {"number", "document", "sku", "location", "quantity", "preorder_limit",
                             "expected_at", "ship_by"}},
    [STK_TABLE_EARMARK] = {"4",
                           "bvvvvz",
                           {"number", "earmark", "sku", "location", "quantity", "for", "until"}},
    [STK_TABLE_TRANSFER] = {"4", "bvvv", {"number", "transfer", "from", "to", "lines"}},
    [STK_TABLE_SNAPSHOT] = {"4",
                            "bvuuuvvvzvvvv",
                            {"number", "snapshot", "location", "state", "missing", "basis",
                             "source", "total", "next_row", "as_of", "seq", "refused", "skus",
                             "moved"}},
    [STK_TABLE_SNAPSHOT_ROW] = {"44", "v", {"snapshot", "sku", "quantity"}},
    [STK_TABLE_SHORTFALL] = {"82",
                             "Hzuv",
                             {"order_number", "line", "order", "since", "back_order", "units"}},
    [STK_TABLE_EARLY] = {"h", "z", {"order", "since"}},
    [STK_TABLE_ENGINE] = {"1", "v", {"item", "next_sku"}},
    [STK_TABLE_LISTING] = {"4", "vubv", {"number", "channel", "active", "listing", "components"}},
    [STK_TABLE_LOCATION] = {"2",
                            "uuzvv",
                            {"number", "kind", "flags", "priority", "country", "authority"}},
};

static void put_hash(struct stk_doc *doc, struct stk_hash hash)
{
    static const char digits[] = "0123456789abcdef";
    char text[33];
    for (unsigned i = 0; i < 16; i++)
        text[i] = digits[hash.high >> (60 - 4 * i) & 15],
        text[16 + i] = digits[hash.low >> (60 - 4 * i) & 15];
    text[32] = 0;
    stk_doc_text(doc, text);
}

static void put_field(struct stk_doc *doc, char letter, struct stk_reader *in)
{
    struct stk_bytes view;
    switch (letter) {
    case '1':
    case 'u':
        stk_doc_uint(doc, stk_get_u8(in));
        return;
    case '2':
        stk_doc_uint(doc, stk_get_be16(in));
        return;
    case '4':
        stk_doc_uint(doc, stk_get_be32(in));
        return;
    case '8':
        stk_doc_uint(doc, stk_get_be64(in));
        return;
    case 'v':
        stk_doc_uint(doc, stk_get_varint(in));
        return;
    case 'z':
        stk_doc_int(doc, stk_get_zigzag(in));
        return;
    case 'b':
        view = stk_get_bytes(in);
        if (stk_utf8_valid(view.data, view.size))
            stk_doc_str(doc, view);
        else
            stk_doc_bin(doc, view.data, view.size);
        return;
    default:
        put_hash(doc, stk_get_hash(in));
    }
}

static enum stk_status damaged(enum stk_table table, struct stk_error *err)
{
    return stk_error_set(err, STK_CORRUPT, "%s: damaged row", stk_table_name(table));
}

static enum stk_status describe_shape(const struct shape *shape, enum stk_table table,
                                      struct stk_reader *key, struct stk_reader *in,
                                      struct stk_doc *doc, struct stk_error *err)
{
    uint32_t name = 0;
    stk_doc_map(doc, (uint32_t)(strlen(shape->key) + strlen(shape->value)));
    for (const char *letter = shape->key; *letter; letter++) {
        stk_doc_text(doc, shape->names[name++]);
        put_field(doc, *letter, key);
    }
    for (const char *letter = shape->value; *letter; letter++) {
        stk_doc_text(doc, shape->names[name++]);
        put_field(doc, *letter, in);
    }
    return key->bad || in->bad ? damaged(table, err) : STK_OK;
}

static enum stk_status describe_cell(struct stk_reader *key, struct stk_reader *in,
                                     struct stk_doc *doc, struct stk_error *err)
{
    static const char *const names[STK_CELL_FIELDS] = {
        "held",     "received",   "found",     "shipped",     "counted_at",     "moves_since",
        "returned", "unsellable", "earmarked", "written_off", "transferred_in", "transferred_out"};
    struct stk_cell_row row;
    stk_row_get_cell(in, &row);
    uint32_t pairs = row.on_hand ? 3 : 2;
    for (unsigned i = 0; i < STK_CELL_FIELDS; i++)
        pairs += row.field[i] != 0;
    stk_doc_map(doc, pairs);
    stk_doc_key_uint(doc, "sku", stk_get_be32(key));
    stk_doc_key_uint(doc, "location", stk_get_be16(key));
    if (row.on_hand)
        stk_doc_key_uint(doc, "on_hand", row.on_hand);
    for (unsigned i = 0; i < STK_CELL_FIELDS; i++)
        if (row.field[i])
            stk_doc_key_uint(doc, names[i], row.field[i]);
    return key->bad || in->bad ? damaged(STK_TABLE_CELL, err) : STK_OK;
}

static enum stk_status describe_key(struct stk_reader *key, struct stk_bytes value,
                                    struct stk_doc *doc, struct stk_error *err)
{
    struct stk_key_answer answer;
    uint8_t room[STK_KEY_DOC_ROOM];
    stk_seq_t seq = stk_get_be64(key);
    enum stk_status status = stk_row_read_key(value, seq, room, &answer, err);
    if (status != STK_OK)
        return status;
    stk_doc_map(doc, answer.class ? 3 : 6);
    stk_doc_key_uint(doc, "seq", seq);
    stk_doc_text(doc, "key");
    put_hash(doc, answer.key);
    if (answer.class) {
        stk_doc_key_uint(doc, "order_number", answer.number);
        return STK_OK;
    }
    stk_doc_key_text(doc, "status", stk_status_name(answer.status));
    stk_doc_key_str(doc, "source", answer.source);
    stk_doc_key_str(doc, "id", answer.id);
    stk_doc_text(doc, "answer");
    stk_doc_bin(doc, answer.doc.data, answer.doc.size);
    return STK_OK;
}

/* 0: another table. */
static int describe_published(enum stk_table table, struct stk_reader *key, struct stk_reader *in,
                              struct stk_doc *doc)
{
    if (table == STK_TABLE_CHANNEL)
        stk_row_describe_channel(key, in, doc);
    else if (table == STK_TABLE_PUBLISHED)
        stk_row_describe_published(key, in, doc);
    else if (table == STK_TABLE_NOTE)
        stk_row_describe_note(in, doc);
    else
        return 0;
    return 1;
}

enum stk_status stk_row_describe(const struct stk_names *names, enum stk_table table,
                                 struct stk_bytes key, struct stk_bytes value, struct stk_doc *doc,
                                 struct stk_error *err)
{
    struct stk_reader key_reader = stk_reader(key.data, key.size);
    if (!stk_table_name(table))
        return stk_error_set(err, STK_VERSION, "table %u is not known here", (unsigned)table);
    if (value.size < 1 || value.data[0] != 1)
        return value.size
                   ? stk_error_set(err, STK_VERSION, "%s: a row format that is not known here",
                                   stk_table_name(table))
                   : damaged(table, err);
    struct stk_reader in = stk_reader(value.data + 1, value.size - 1);
    if (table == STK_TABLE_ORDER || table == STK_TABLE_ARCHIVE)
        return stk_row_describe_order(names, stk_get_be64(&key_reader), value, doc, err);
    if (table == STK_TABLE_CELL)
        return describe_cell(&key_reader, &in, doc, err);
    if (table == STK_TABLE_KEY)
        return describe_key(&key_reader, value, doc, err);
    if (describe_published(table, &key_reader, &in, doc))
        return key_reader.bad || in.bad ? damaged(table, err) : STK_OK;
    if (!shapes[table].key)
        return damaged(table, err);
    return describe_shape(&shapes[table], table, &key_reader, &in, doc, err);
}
