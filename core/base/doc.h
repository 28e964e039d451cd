/* Documents: nested maps, arrays and scalars as MessagePack bytes. The only door to msgpack-c.
 *
 * Answers are written as documents by the thread that makes them and leave over the wire as they
 * are; the bytes of a remembered answer are thus the same when it is given again. Requests are
 * parsed into a tree of values in memory that the caller gives: no allocation, and no size that the
 * message claims is believed before its bytes are there. */
#ifndef STK_BASE_DOC_H
#define STK_BASE_DOC_H

#include "core/base/err.h"
#include <stddef.h>
#include <stockade/types.h>

/* Writer into memory of the caller. After an overflow further writes are no-ops; check `overflow`
 * once. */
struct stk_doc {
    uint8_t *data;
    uint32_t size;
    uint32_t capacity;
    int overflow;
};

static inline struct stk_doc stk_doc(void *data, uint32_t capacity)
{
    return (struct stk_doc){(uint8_t *)data, 0, capacity, 0};
}

void stk_doc_nil(struct stk_doc *doc);
void stk_doc_bool(struct stk_doc *doc, int value);
void stk_doc_int(struct stk_doc *doc, int64_t value);
void stk_doc_uint(struct stk_doc *doc, uint64_t value);
void stk_doc_str(struct stk_doc *doc, struct stk_bytes text);
/* Zero-terminated; the length of a literal costs nothing. */
static inline void stk_doc_text(struct stk_doc *doc, const char *text)
{
    stk_doc_str(doc, (struct stk_bytes){text, (uint32_t)__builtin_strlen(text)});
}
void stk_doc_bin(struct stk_doc *doc, const void *data, uint32_t size);
/* Append a finished document as one value. */
void stk_doc_raw(struct stk_doc *doc, const void *data, uint32_t size);
/* The count is known: so many pairs (map) or items (array) follow. */
void stk_doc_map(struct stk_doc *doc, uint32_t pairs);
void stk_doc_array(struct stk_doc *doc, uint32_t items);
/* The count is not known: open, write, close with the count. */
uint32_t stk_doc_map_open(struct stk_doc *doc);
void stk_doc_map_close(struct stk_doc *doc, uint32_t mark, uint32_t pairs);
uint32_t stk_doc_array_open(struct stk_doc *doc);
void stk_doc_array_close(struct stk_doc *doc, uint32_t mark, uint32_t items);
/* A pair of a map. */
static inline void stk_doc_key_int(struct stk_doc *doc, const char *key, int64_t value)
{
    stk_doc_text(doc, key);
    stk_doc_int(doc, value);
}
static inline void stk_doc_key_uint(struct stk_doc *doc, const char *key, uint64_t value)
{
    stk_doc_text(doc, key);
    stk_doc_uint(doc, value);
}
static inline void stk_doc_key_str(struct stk_doc *doc, const char *key, struct stk_bytes text)
{
    stk_doc_text(doc, key);
    stk_doc_str(doc, text);
}
static inline void stk_doc_key_text(struct stk_doc *doc, const char *key, const char *text)
{
    stk_doc_text(doc, key);
    stk_doc_text(doc, text);
}
static inline void stk_doc_key_bool(struct stk_doc *doc, const char *key, int value)
{
    stk_doc_text(doc, key);
    stk_doc_bool(doc, value);
}

/* A parsed value. Children of an array follow each other in `items`; a map has key, value, key,
 * value. */
enum stk_value_type {
    STK_VALUE_NIL,
    STK_VALUE_BOOL,
    STK_VALUE_INT,  /* fits int64_t */
    STK_VALUE_UINT, /* above INT64_MAX */
    STK_VALUE_FLOAT,
    STK_VALUE_STR,
    STK_VALUE_BIN,
    STK_VALUE_EXT,
    STK_VALUE_ARRAY,
    STK_VALUE_MAP,
};
struct stk_value {
    uint8_t type;
    uint32_t size; /* bytes of a string, items of an array, pairs of a map */
    union {
        int boolean;
        int64_t integer;
        uint64_t unsigned_integer;
        double real;
        const char *text;              /* points into the message */
        const struct stk_value *items; /* points into the caller's memory */
    } as;
};

/* Where a parse ended. */
struct stk_parse {
    const struct stk_value *root; /* STK_OK */
    size_t consumed;              /* STK_OK: bytes of the first document */
};
/* Parse one document from data. values/values_max: memory for the tree; the root is values[0].
 * STK_OK; STK_AGAIN when data ends before the document (come again with more of it);
 * STK_MALFORMED when it can never become one; STK_TOO_LARGE when it is deeper than depth_max,
 * longer than size_max or needs more than values_max. depth_max: at most STK_DEPTH_MAX containers
 * inside each other. No allocation. Thread-safe. */
enum stk_status stk_doc_parse(const void *data, size_t size, size_t size_max, unsigned depth_max,
                              struct stk_value *values, uint32_t values_max, struct stk_parse *out);
/* The end of the first document without making a tree, resumable: *at and *open hold where an
 * earlier call on the same growing buffer stopped (both start at 0). Answers as stk_doc_parse does,
 * but knows no depth and no values. For messages that arrive in pieces; one that is there in one
 * piece is parsed at once. */
enum stk_status stk_doc_extent(const void *data, size_t size, size_t size_max, size_t *at,
                               uint64_t *open);

/* Find a key in a map; NULL when absent or when map is no map. */
const struct stk_value *stk_value_get(const struct stk_value *map, const char *key);
static inline struct stk_bytes stk_value_bytes(const struct stk_value *value)
{
    return (struct stk_bytes){value->as.text, value->size};
}

/* 1 when the bytes are well-formed UTF-8 without NUL. Thread-safe. */
int stk_utf8_valid(const char *text, size_t size);

#endif
