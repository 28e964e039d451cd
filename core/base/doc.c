/* Documents: the one door to msgpack-c.
 *
 * Writing: msgpack-c's packing templates over an append that is inlined into them. After the first
 * write that does not fit nothing more is written.
 *
 * Reading: a tokenizer of our own, because msgpack-c's unpacking template was measured at more than
 * twice its time. A container takes the slots of its children when it begins, from memory that is
 * there already, and no byte is looked at that did not come; so a count or a length that lies costs
 * a comparison. Any thread; nothing is shared. */
#include "core/base/doc.h"
#include "core/base/limits.h"
#include <msgpack.h>
#include <string.h>

/* --- writer --- */

static inline int append(void *self, const char *data, size_t size)
{
    struct stk_doc *doc = self;
    if (__builtin_expect(doc->capacity - doc->size < size || doc->overflow, 0)) {
        doc->overflow = 1;
        return -1;
    }
    memcpy(doc->data + doc->size, data, size);
    doc->size += (uint32_t)size;
    return 0;
}

/* Like append, for a size that the compiler does not know. Keys and ids are short: two copies of a
 * fixed size that may overlap cost less than a call. */
static inline void append_text(struct stk_doc *doc, const char *data, uint32_t size)
{
    uint8_t *at = doc->data + doc->size;
    if (__builtin_expect(doc->capacity - doc->size < size || doc->overflow, 0)) {
        doc->overflow = 1;
        return;
    }
    doc->size += size;
    if (size > 32) {
        memcpy(at, data, size);
    } else if (size >= 16) {
        memcpy(at, data, 16);
        memcpy(at + size - 16, data + size - 16, 16);
    } else if (size >= 8) {
        memcpy(at, data, 8);
        memcpy(at + size - 8, data + size - 8, 8);
    } else if (size >= 4) {
        memcpy(at, data, 4);
        memcpy(at + size - 4, data + size - 4, 4);
    } else if (size > 0) {
        at[0] = (uint8_t)data[0];
        at[size / 2] = (uint8_t)data[size / 2];
        at[size - 1] = (uint8_t)data[size - 1];
    }
}

static inline msgpack_packer packer(struct stk_doc *doc)
{
    return (msgpack_packer){doc, append};
}

void stk_doc_nil(struct stk_doc *doc)
{
    msgpack_packer pk = packer(doc);
    msgpack_pack_nil(&pk);
}

void stk_doc_bool(struct stk_doc *doc, int value)
{
    msgpack_packer pk = packer(doc);
    if (value)
        msgpack_pack_true(&pk);
    else
        msgpack_pack_false(&pk);
}

void stk_doc_int(struct stk_doc *doc, int64_t value)
{
    msgpack_packer pk = packer(doc);
    msgpack_pack_int64(&pk, value);
}

void stk_doc_uint(struct stk_doc *doc, uint64_t value)
{
    msgpack_packer pk = packer(doc);
    msgpack_pack_uint64(&pk, value);
}

void stk_doc_str(struct stk_doc *doc, struct stk_bytes text)
{
    msgpack_packer pk = packer(doc);
    msgpack_pack_str(&pk, text.size);
    append_text(doc, text.data, text.size);
}

void stk_doc_bin(struct stk_doc *doc, const void *data, uint32_t size)
{
    msgpack_packer pk = packer(doc);
    msgpack_pack_bin(&pk, size);
    if (size)
        append(doc, data, size);
}

void stk_doc_raw(struct stk_doc *doc, const void *data, uint32_t size)
{
    if (size)
        append(doc, data, size);
}

void stk_doc_map(struct stk_doc *doc, uint32_t pairs)
{
    msgpack_packer pk = packer(doc);
    msgpack_pack_map(&pk, pairs);
}

void stk_doc_array(struct stk_doc *doc, uint32_t items)
{
    msgpack_packer pk = packer(doc);
    msgpack_pack_array(&pk, items);
}

/* Nearly every map has a header of one byte; what follows is moved for a longer one. */
uint32_t stk_doc_map_open(struct stk_doc *doc)
{
    uint32_t mark = doc->size;
    stk_doc_map(doc, 0);
    return mark;
}

void stk_doc_map_close(struct stk_doc *doc, uint32_t mark, uint32_t pairs)
{
    uint8_t header[5];
    struct stk_doc head = stk_doc(header, sizeof header);
    if (doc->overflow)
        return;
    stk_assert(doc->size > mark && doc->data[mark] == 0x80);
    if (pairs < 16) {
        doc->data[mark] = (uint8_t)(0x80 | pairs);
        return;
    }
    stk_doc_map(&head, pairs);
    if (doc->capacity - doc->size < head.size - 1) {
        doc->overflow = 1;
        return;
    }
    memmove(doc->data + mark + head.size, doc->data + mark + 1, doc->size - mark - 1);
    memcpy(doc->data + mark, header, head.size);
    doc->size += head.size - 1;
}

/* The longest header (five bytes) is taken at once; its count is put in when it is known. */
uint32_t stk_doc_array_open(struct stk_doc *doc)
{
    uint32_t mark = doc->size;
    stk_doc_array(doc, UINT32_MAX);
    return mark;
}

void stk_doc_array_close(struct stk_doc *doc, uint32_t mark, uint32_t items)
{
    if (doc->overflow)
        return;
    stk_assert(doc->size >= mark + 5 && doc->data[mark] == 0xdd);
    _msgpack_store32(doc->data + mark + 1, items);
}

/* --- reader --- */

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "a number stored into the union reads back as the boolean that it is");

/* A token is what one header says: the type, and a number that is the value itself, the bytes that
 * follow, or the children that follow. Small enough to be returned in registers. */
struct token {
    uint64_t number;
    uint8_t type;
    uint8_t size;   /* bytes of the header, of the number behind it too */
    uint8_t status; /* STK_OK, STK_AGAIN: cut off, STK_MALFORMED */
};

enum { NEVER = 0xff, SIGNED = 0x80 }; /* in the table below, beside enum stk_value_type */

/* Headers 0xc0 to 0xdf: the type, and how many bytes of number follow. */
static const struct {
    uint8_t type;
    uint8_t width;
} wide_headers[32] = {
    {STK_VALUE_NIL, 0},          {NEVER, 0},
    {STK_VALUE_BOOL, 0},         {STK_VALUE_BOOL, 0},
    {STK_VALUE_BIN, 1},          {STK_VALUE_BIN, 2},
    {STK_VALUE_BIN, 4},          {STK_VALUE_EXT, 1},
    {STK_VALUE_EXT, 2},          {STK_VALUE_EXT, 4},
    {STK_VALUE_FLOAT, 4},        {STK_VALUE_FLOAT, 8},
    {STK_VALUE_INT, 1},          {STK_VALUE_INT, 2},
    {STK_VALUE_INT, 4},          {STK_VALUE_INT, 8},
    {STK_VALUE_INT | SIGNED, 1}, {STK_VALUE_INT | SIGNED, 2},
    {STK_VALUE_INT | SIGNED, 4}, {STK_VALUE_INT | SIGNED, 8},
    {STK_VALUE_EXT, 0},          {STK_VALUE_EXT, 0},
    {STK_VALUE_EXT, 0},          {STK_VALUE_EXT, 0},
    {STK_VALUE_EXT, 0},          {STK_VALUE_STR, 1},
    {STK_VALUE_STR, 2},          {STK_VALUE_STR, 4},
    {STK_VALUE_ARRAY, 2},        {STK_VALUE_ARRAY, 4},
    {STK_VALUE_MAP, 2},          {STK_VALUE_MAP, 4},
};

/* A big-endian number of 0, 1, 2, 4 or 8 bytes. */
static inline uint64_t load(const uint8_t *at, unsigned width)
{
    uint16_t two;
    uint32_t four;
    uint64_t eight;
    switch (width) {
    case 1:
        return *at;
    case 2:
        memcpy(&two, at, sizeof two);
        return __builtin_bswap16(two);
    case 4:
        memcpy(&four, at, sizeof four);
        return __builtin_bswap32(four);
    case 8:
        memcpy(&eight, at, sizeof eight);
        return __builtin_bswap64(eight);
    default:
        return 0;
    }
}

static uint64_t float_bits(uint64_t number, unsigned width)
{
    double real;
    float narrow;
    uint32_t half = (uint32_t)number;
    if (width == 8)
        return number;
    memcpy(&narrow, &half, sizeof narrow);
    real = (double)narrow;
    memcpy(&number, &real, sizeof number);
    return number;
}

/* The token at `at`, whose header is one of 0xc0 to 0xdf. */
static struct token token_wide(const uint8_t *at, const uint8_t *end)
{
    uint8_t header = *at;
    unsigned width = wide_headers[header - 0xc0].width;
    struct token token = {.type = wide_headers[header - 0xc0].type, .size = (uint8_t)(1 + width)};
    if (token.type == NEVER)
        return (struct token){.status = STK_MALFORMED};
    if ((size_t)(end - at) < token.size)
        return (struct token){.size = token.size, .status = STK_AGAIN};
    token.number = load(at + 1, width);
    if (token.type & SIGNED) {
        unsigned shift = 64 - 8 * width;
        token.type = STK_VALUE_INT;
        token.number = (uint64_t)((int64_t)(token.number << shift) >> shift);
    } else if (token.type == STK_VALUE_INT && token.number > INT64_MAX) {
        token.type = STK_VALUE_UINT;
    } else if (token.type == STK_VALUE_FLOAT) {
        token.number = float_bits(token.number, width);
    } else if (token.type == STK_VALUE_BOOL) {
        token.number = header & 1;
    } else if (token.type == STK_VALUE_EXT) {
        if (width == 0)
            token.number = 1u << (header - 0xd4);
        token.size++; /* the kind of extension: nobody here knows any */
        if ((size_t)(end - at) < token.size)
            return (struct token){.size = token.size, .status = STK_AGAIN};
    }
    return token;
}

static inline struct token token_read(const uint8_t *at, const uint8_t *end)
{
    if (at == end)
        return (struct token){.size = 1, .status = STK_AGAIN};
    uint8_t header = *at;
    if (header < 0x80)
        return (struct token){header, STK_VALUE_INT, 1, STK_OK};
    if ((header & 0xe0) == 0xa0)
        return (struct token){header & 0x1f, STK_VALUE_STR, 1, STK_OK};
    if (header < 0x90)
        return (struct token){header & 0x0f, STK_VALUE_MAP, 1, STK_OK};
    if (header < 0xa0)
        return (struct token){header & 0x0f, STK_VALUE_ARRAY, 1, STK_OK};
    if (header >= 0xe0)
        return (struct token){(uint64_t)(int64_t)(int8_t)header, STK_VALUE_INT, 1, STK_OK};
    return token_wide(at, end);
}

/* Children still to be read of one container. */
struct level {
    struct stk_value *next;
    struct stk_value *end;
};

/* Why a document ended too early: size_max can never hold what it needs, or more has to come. */
static enum stk_status lacks(const void *data, const uint8_t *at, uint64_t need, size_t size_max)
{
    return (uint64_t)(at - (const uint8_t *)data) + need > size_max ? STK_TOO_LARGE : STK_AGAIN;
}

enum stk_status stk_doc_parse(const void *data, size_t size, size_t size_max, unsigned depth_max,
                              struct stk_value *values, uint32_t values_max, struct stk_parse *out)
{
    const uint8_t *at = data;
    const uint8_t *end = at + (size < size_max ? size : size_max);
    struct stk_value *free_next = values + 1;
    struct stk_value *value = values;
    struct level levels[STK_DEPTH_MAX + 1];
    struct level *level = levels; /* the innermost container that is open; the first: the root */
    stk_assert(depth_max <= STK_DEPTH_MAX);
    if (values_max == 0)
        return STK_TOO_LARGE;
    levels[0] = (struct level){values + 1, values + 1};
    for (;;) {
        struct token token = token_read(at, end);
        if (__builtin_expect(token.status != STK_OK, 0))
            return token.status == STK_AGAIN ? lacks(data, at, token.size, size_max) : token.status;
        at += token.size;
        value->type = token.type;
        value->size = (uint32_t)token.number;
        if (token.type < STK_VALUE_STR) {
            value->as.unsigned_integer = token.number;
        } else if (token.type < STK_VALUE_ARRAY) {
            value->as.text = (const char *)at;
            if (__builtin_expect((uint64_t)(end - at) < token.number, 0))
                return lacks(data, at, token.number, size_max);
            at += token.number;
        } else {
            uint64_t items = token.number << (token.type == STK_VALUE_MAP);
            if (items > (uint64_t)(values + values_max - free_next) || level == levels + depth_max)
                return STK_TOO_LARGE;
            level++;
            value->as.items = level->next = free_next;
            free_next += items;
            level->end = free_next;
        }
        while (level->next == level->end) {
            if (level == levels) {
                *out = (struct stk_parse){values, (size_t)(at - (const uint8_t *)data)};
                return STK_OK;
            }
            level--;
        }
        value = level->next++;
    }
}

enum stk_status stk_doc_extent(const void *data, size_t size, size_t size_max, size_t *at,
                               uint64_t *open)
{
    const uint8_t *next = (const uint8_t *)data + *at;
    const uint8_t *end = (const uint8_t *)data + (size < size_max ? size : size_max);
    uint64_t left = *at ? *open : 1; /* values to come; in the beginning the root */
    enum stk_status status = STK_OK;
    stk_assert(*at <= size && *at <= size_max);
    while (left > 0) {
        struct token token = token_read(next, end);
        uint64_t whole = token.size, inside = 0;
        status = token.status;
        if (status == STK_MALFORMED)
            break;
        if (token.type == STK_VALUE_MAP)
            inside = 2 * token.number;
        else if (token.type == STK_VALUE_ARRAY)
            inside = token.number;
        else if (token.type >= STK_VALUE_STR)
            whole += token.number;
        if (status == STK_AGAIN || (uint64_t)(end - next) < whole) {
            status = lacks(data, next, whole, size_max);
            break;
        }
        next += whole;
        left += inside - 1;
        /* Each value to come takes a byte at least. */
        if (left > size_max - (size_t)(next - (const uint8_t *)data)) {
            status = STK_TOO_LARGE;
            break;
        }
    }
    *at = (size_t)(next - (const uint8_t *)data);
    *open = left;
    return status;
}

const struct stk_value *stk_value_get(const struct stk_value *map, const char *key)
{
    size_t size = strlen(key);
    if (map->type != STK_VALUE_MAP)
        return NULL;
    for (uint32_t i = 0; i < map->size; i++) {
        const struct stk_value *name = &map->as.items[2 * i];
        if (name->type == STK_VALUE_STR && name->size == size &&
            memcmp(name->as.text, key, size) == 0)
            return name + 1;
    }
    return NULL;
}

/* --- UTF-8 --- */

/* Bytes of the character at text, 0 when it is none: too long a form, a surrogate, beyond U+10FFFF,
 * NUL, or cut off. */
static size_t utf8_character(const uint8_t *text, size_t size)
{
    uint8_t first = text[0];
    uint8_t low = 0x80, high = 0xbf; /* bounds of the second byte */
    size_t length;
    if (first < 0x80)
        return first != 0;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (size < length)
        return 0;
    if (first == 0xe0)
        low = 0xa0;
    else if (first == 0xed)
        high = 0x9f;
    else if (first == 0xf0)
        low = 0x90;
    else if (first == 0xf4)
        high = 0x8f;
    if (text[1] < low || text[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    return length;
}

/* Eight plain letters: no top bit set, and no byte that is zero. */
static inline int plain_eight(const uint8_t *at)
{
    const uint64_t ones = 0x0101010101010101, tops = 0x8080808080808080;
    uint64_t eight;
    memcpy(&eight, at, sizeof eight);
    return ((eight | (eight - ones)) & tops) == 0;
}

int stk_utf8_valid(const char *text, size_t size)
{
    const uint8_t *at = (const uint8_t *)text;
    if (size == 0) /* the text may be NULL then */
        return 1;
    const uint8_t *end = at + size;
    while (at < end) {
        size_t length = (size_t)(end - at);
        if (length >= 8 && plain_eight(at)) {
            at += 8;
            continue;
        }
        /* the last few of a longer text, looked at together with those before them */
        if (length < 8 && size >= 8 && plain_eight(end - 8))
            return 1;
        length = utf8_character(at, length);
        if (length == 0)
            return 0;
        at += length;
    }
    return 1;
}
