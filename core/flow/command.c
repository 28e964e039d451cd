/* From a parsed message to a flat command.
 *
 * Two passes over a map: its pairs are matched to the fields of the table (a client sends them in
 * the same order each time, so the search begins behind the last match), then the table is walked
 * in its own order, each value checked, copied and put into the body hash.
 *
 * Always true: nothing is written beyond room_size, every byte of the command is written or zero,
 * and the hash is of (field number, value) of the fields that were given, whatever their order in
 * the message and wherever they lie in the structs. Any thread; nothing is shared or allocated. */
#include "core/base/hash.h"
#include "core/flow/verb.h"
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define BODY_SEED UINT64_C(0x73746b2d626f6479) /* "stk-body" */

/* Shown of what a client sent. */
#define SHOWN_MAX 64

/* A hash over pieces: gathered into a chunk, each full chunk is mixed into the one before. */
#define CHUNK_BYTES 1024
struct digest {
    struct stk_hash chain;
    uint32_t used;
    uint8_t chunk[CHUNK_BYTES];
};

struct decode {
    uint8_t *room;
    uint32_t room_size;
    uint32_t used;
    struct stk_error *err;
    const char *list; /* where we are, for messages: in an item of this list, or NULL */
    uint32_t item;
    struct digest digest;
};

/* --- short runs of bytes: most are shorter than a call of libc costs --- */

static inline uint64_t load64(const char *at)
{
    uint64_t word;
    memcpy(&word, at, 8);
    return word;
}

static inline uint64_t load32(const char *at)
{
    uint32_t word;
    memcpy(&word, at, 4);
    return word;
}

static inline int same_bytes(const char *a, const char *b, uint32_t size)
{
    if (size >= 8) {
        for (uint32_t at = 0; at + 8 < size; at += 8)
            if (load64(a + at) != load64(b + at))
                return 0;
        return load64(a + size - 8) == load64(b + size - 8);
    }
    if (size >= 4)
        return load32(a) == load32(b) && load32(a + size - 4) == load32(b + size - 4);
    for (uint32_t at = 0; at < size; at++)
        if (a[at] != b[at])
            return 0;
    return 1;
}

static inline void copy_bytes(void *to, const char *from, uint32_t size)
{
    char *at = to;
    if (size > 16) {
        memcpy(at, from, size);
    } else if (size >= 8) {
        uint64_t first = load64(from), last = load64(from + size - 8);
        memcpy(at, &first, 8);
        memcpy(at + size - 8, &last, 8);
    } else if (size >= 4) {
        uint32_t first = (uint32_t)load32(from), last = (uint32_t)load32(from + size - 4);
        memcpy(at, &first, 4);
        memcpy(at + size - 4, &last, 4);
    } else {
        for (uint32_t i = 0; i < size; i++)
            at[i] = from[i];
    }
}

/* --- the body hash --- */

static void digest_fold(struct digest *digest)
{
    struct stk_hash hash = stk_hash128(digest->chunk, digest->used, BODY_SEED ^ digest->chain.low);
    digest->chain.low = hash.low ^ digest->chain.high;
    digest->chain.high = hash.high;
    digest->used = 0;
}

static inline uint8_t *digest_room(struct digest *digest, uint32_t size)
{
    if (__builtin_expect(digest->used + size > CHUNK_BYTES, 0))
        digest_fold(digest);
    uint8_t *at = digest->chunk + digest->used;
    digest->used += size;
    return at;
}

static inline void digest_number(struct digest *digest, uint8_t mark, int64_t value)
{
    uint8_t *at = digest_room(digest, 9);
    at[0] = mark;
    memcpy(at + 1, &value, 8);
}

/* size is at most STK_TITLE_MAX: it fits into a chunk. */
static inline void digest_bytes(struct digest *digest, uint8_t mark, const char *data,
                                uint32_t size)
{
    uint8_t *at = digest_room(digest, 3 + size);
    at[0] = mark;
    at[1] = (uint8_t)size;
    at[2] = (uint8_t)(size >> 8);
    copy_bytes(at + 3, data, size);
}
static_assert(STK_TITLE_MAX + 3 <= CHUNK_BYTES, "the longest text fits into a chunk");
enum { MARK_END = 0xff, MARK_VERB = 0xfe }; /* beside the bits of fields */

/* --- faults --- */

/* "params.lines[2].quantity: " and what is wrong with it. */
static enum stk_status fault(struct decode *in, const char *name, uint32_t name_size,
                             const char *what)
{
    if (in->list)
        return stk_error_set(in->err, STK_INVALID, "params.%s[%u].%.*s: %s", in->list, in->item,
                             (int)name_size, name, what);
    return stk_error_set(in->err, STK_INVALID, "params.%.*s: %s", (int)name_size, name, what);
}

static enum stk_status fault_of(struct decode *in, const struct stk_field *field, const char *what)
{
    return fault(in, field->name, field->name_size, what);
}

static enum stk_status fault_name(struct decode *in, const struct stk_value *key, const char *what)
{
    if (key->type != STK_VALUE_STR)
        return fault(in, "?", 1, "the name of a field must be a string");
    if (key->size > SHOWN_MAX || !stk_utf8_valid(key->as.text, key->size))
        return fault(in, "?", 1, what);
    return fault(in, key->as.text, key->size, what);
}

static enum stk_status fault_range(struct decode *in, const struct stk_field *field, int64_t value)
{
    char what[128];
    snprintf(what, sizeof what, "must be %lld to %lld, is %lld", (long long)field->min,
             (long long)field->max, (long long)value);
    return fault_of(in, field, what);
}

static enum stk_status fault_size(struct decode *in, const struct stk_field *field,
                                  const char *units, uint32_t size)
{
    char what[128];
    snprintf(what, sizeof what, "must be %lld to %lld %s, is %u", (long long)field->min,
             (long long)field->max, units, size);
    return fault_of(in, field, what);
}

static enum stk_status fault_room(struct decode *in)
{
    return stk_error_set(in->err, STK_TOO_LARGE,
                         "params: more than fits into one command (%u "
                         "bytes)",
                         in->room_size);
}

/* --- room --- */

/* Take size bytes, aligned; 0 when they are not there (0 is inside the header: never an answer). */
static inline uint32_t take(struct decode *in, uint32_t size, uint32_t align)
{
    uint32_t at = (in->used + align - 1) & ~(align - 1);
    if (__builtin_expect(at > in->room_size || in->room_size - at < size, 0))
        return 0;
    if (align > 1)
        memset(in->room + in->used, 0, at - in->used);
    in->used = at + size;
    return at;
}

/* --- text --- */

/* Not zero when a byte of the word is outside of 0x20 to 0x7e. */
static inline uint64_t unplain_word(uint64_t word)
{
    const uint64_t each = UINT64_C(0x0101010101010101);
    return ((word | (word + each)) & (each << 7)) | (~(word | word << 1) & (each << 6));
}

/* 1 when all bytes are printable ASCII: nearly every id. Loads overlap at the end. */
static inline int plain(const char *text, uint32_t size)
{
    const uint64_t spaces = UINT64_C(0x2020202020202020);
    uint64_t bad = 0;
    if (size >= 8) {
        for (uint32_t at = 0; at + 8 <= size; at += 8)
            bad |= unplain_word(load64(text + at));
        return !(bad | unplain_word(load64(text + size - 8)));
    }
    if (size >= 4)
        return !unplain_word(load32(text) | load32(text + size - 4) << 32);
    for (uint32_t i = 0; i < size; i++)
        bad = bad << 8 | (uint8_t)text[i];
    return !unplain_word(bad | spaces << (8 * size));
}

/* Well-formed UTF-8 that is free of control characters (U+0000 to 1F, 7F to 9F). */
static const char *text_fault(const char *text, uint32_t size, int free_text)
{
    if (!stk_utf8_valid(text, size))
        return "is not UTF-8";
    for (uint32_t i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)text[i];
        int control = byte < 0x20 || byte == 0x7f || (byte == 0xc2 && (uint8_t)text[i + 1] < 0xa0);
        if (control && !(free_text && (byte == '\t' || byte == '\n' || byte == '\r')))
            return "has a control character";
    }
    return NULL;
}

static int luhn(const uint8_t *digits, unsigned count)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < count; i++) {
        unsigned digit = digits[count - 1 - i];
        if (i & 1)
            digit = digit > 4 ? 2 * digit - 9 : 2 * digit;
        sum += digit;
    }
    return sum % 10 == 0;
}

/* 13 to 19 digits in whole groups (single spaces or dashes between them) that begin as cards do and
 * pass their check. Looked for from each group of a run on, so that a date behind the number or a
 * house number before it does not hide it. */
static int has_card_number(const char *text, uint32_t size)
{
    for (uint32_t start = 0; start < size; start++) {
        uint8_t digits[19];
        unsigned count = 0;
        if (text[start] < '3' || text[start] > '6' ||
            (start > 0 && text[start - 1] >= '0' && text[start - 1] <= '9'))
            continue;
        for (uint32_t at = start; at < size && count < sizeof digits; at++) {
            int is_digit = text[at] >= '0' && text[at] <= '9';
            if (is_digit)
                digits[count++] = (uint8_t)(text[at] - '0');
            else if (text[at] != ' ' && text[at] != '-')
                break;
            else if (text[at - 1] == ' ' || text[at - 1] == '-')
                break;
            int ends = at + 1 == size || text[at + 1] < '0' || text[at + 1] > '9';
            if (is_digit && ends && count >= 13 && luhn(digits, count))
                return 1;
        }
    }
    return 0;
}

static enum stk_status check_text(struct decode *in, const struct stk_field *field,
                                  const struct stk_value *value, int64_t low, int64_t high)
{
    const char *what;
    int free_text = field->type == STK_FIELD_TEXT;
    if (value->type != STK_VALUE_STR)
        return fault_of(in, field, "must be a string");
    if (value->size < low || value->size > high) {
        struct stk_field bounds = *field;
        bounds.min = low, bounds.max = high;
        return fault_size(in, &bounds, "bytes", value->size);
    }
    if (!plain(value->as.text, value->size) &&
        (what = text_fault(value->as.text, value->size, free_text)))
        return fault_of(in, field, what);
    if (free_text && has_card_number(value->as.text, value->size))
        return fault_of(in, field, "holds what looks like a card number; these are never stored");
    return STK_OK;
}

/* --- values --- */

static inline enum stk_status copy_text(struct decode *in, const struct stk_value *value,
                                        struct stk_ref *ref)
{
    uint32_t at = take(in, value->size, 1);
    if (!at)
        return fault_room(in);
    copy_bytes(in->room + at, value->as.text, value->size);
    *ref = (struct stk_ref){at, value->size};
    return STK_OK;
}

static inline enum stk_status value_text(struct decode *in, const struct stk_field *field,
                                         const struct stk_value *value, uint8_t *slot)
{
    struct stk_ref ref;
    enum stk_status status = check_text(in, field, value, field->min, field->max);
    if (status == STK_OK)
        status = copy_text(in, value, &ref);
    if (status != STK_OK)
        return status;
    digest_bytes(&in->digest, field->bit, value->as.text, value->size);
    memcpy(slot, &ref, sizeof ref);
    return STK_OK;
}

static inline void store(uint8_t *slot, unsigned type, int64_t value)
{
    uint32_t narrow = (uint32_t)value;
    uint16_t country = (uint16_t)value;
    switch (type) {
    case STK_FIELD_QUANTITY:
    case STK_FIELD_CURRENCY:
        memcpy(slot, &narrow, sizeof narrow);
        break;
    case STK_FIELD_COUNTRY:
        memcpy(slot, &country, sizeof country);
        break;
    case STK_FIELD_BOOL:
    case STK_FIELD_ENUM:
        *slot = (uint8_t)value;
        break;
    default:
        memcpy(slot, &value, sizeof value);
    }
}

static enum stk_status number_of(struct decode *in, const struct stk_field *field,
                                 const struct stk_value *value, int64_t *number)
{
    if (value->type == STK_VALUE_UINT)
        return fault_of(in, field, "is beyond 63 bits");
    if (value->type != STK_VALUE_INT)
        return fault_of(in, field, "must be a whole number");
    if (value->as.integer < field->min || value->as.integer > field->max)
        return fault_range(in, field, value->as.integer);
    *number = value->as.integer;
    return STK_OK;
}

/* Three or two capital letters as one number. */
static enum stk_status letters_of(struct decode *in, const struct stk_field *field,
                                  const struct stk_value *value, unsigned letters, int64_t *number)
{
    int64_t packed = 0;
    int good = value->type == STK_VALUE_STR && value->size == letters;
    for (unsigned i = 0; good && i < letters; i++) {
        good = value->as.text[i] >= 'A' && value->as.text[i] <= 'Z';
        packed = packed << 8 | value->as.text[i];
    }
    if (!good)
        return fault_of(in, field,
                        letters == 3 ? "must be three capital letters (ISO 4217)"
                                     : "must be two capital letters (ISO 3166)");
    *number = packed;
    return STK_OK;
}

static enum stk_status name_of(struct decode *in, const struct stk_field *field,
                               const struct stk_value *value, int64_t *number)
{
    char what[192] = "must be one of";
    for (int64_t i = 0; value->type == STK_VALUE_STR && field->names[i]; i++)
        if (strlen(field->names[i]) == value->size &&
            memcmp(field->names[i], value->as.text, value->size) == 0) {
            *number = i;
            return STK_OK;
        }
    for (unsigned i = 0; field->names[i]; i++) {
        size_t used = strlen(what);
        snprintf(what + used, sizeof what - used, "%s %s", i ? "," : "", field->names[i]);
    }
    return fault_of(in, field, what);
}

static enum stk_status value_number(struct decode *in, const struct stk_field *field,
                                    const struct stk_value *value, uint8_t *slot)
{
    int64_t number = 0;
    enum stk_status status = STK_OK;
    switch (field->type) {
    case STK_FIELD_BOOL:
        if (value->type != STK_VALUE_BOOL)
            return fault_of(in, field, "must be true or false");
        number = value->as.boolean != 0;
        break;
    case STK_FIELD_ENUM:
        status = name_of(in, field, value, &number);
        break;
    case STK_FIELD_CURRENCY:
        status = letters_of(in, field, value, 3, &number);
        break;
    case STK_FIELD_COUNTRY:
        status = letters_of(in, field, value, 2, &number);
        break;
    default:
        status = number_of(in, field, value, &number);
    }
    if (status != STK_OK)
        return status;
    digest_number(&in->digest, field->bit, number);
    store(slot, field->type, number);
    return STK_OK;
}

/* --- lists --- */

static enum stk_status list_begin(struct decode *in, const struct stk_field *field,
                                  const struct stk_value *value, uint32_t item_size,
                                  struct stk_ref *ref)
{
    if (value->type != STK_VALUE_ARRAY)
        return fault_of(in, field, "must be a list");
    if (value->size < field->min || value->size > field->max)
        return fault_size(in, field, "items", value->size);
    uint32_t at = take(in, value->size * item_size, 8);
    if (!at)
        return fault_room(in);
    memset(in->room + at, 0, value->size * item_size);
    *ref = (struct stk_ref){at, value->size};
    digest_number(&in->digest, field->bit, value->size);
    return STK_OK;
}

static enum stk_status value_strs(struct decode *in, const struct stk_field *field,
                                  const struct stk_value *value, uint8_t *slot)
{
    struct stk_ref ref;
    enum stk_status status = list_begin(in, field, value, sizeof(struct stk_ref), &ref);
    for (uint32_t i = 0; status == STK_OK && i < ref.size; i++) {
        struct stk_ref item = {0};
        const struct stk_value *text = &value->as.items[i];
        status = check_text(in, field, text, 1, STK_ID_MAX);
        if (status == STK_OK)
            status = copy_text(in, text, &item);
        if (status != STK_OK)
            break;
        digest_bytes(&in->digest, field->bit, text->as.text, text->size);
        memcpy(in->room + ref.offset + i * sizeof item, &item, sizeof item);
    }
    memcpy(slot, &ref, sizeof ref);
    return status;
}

static enum stk_status value_countries(struct decode *in, const struct stk_field *field,
                                       const struct stk_value *value, uint8_t *slot)
{
    struct stk_ref ref;
    enum stk_status status = list_begin(in, field, value, sizeof(stk_country_t), &ref);
    for (uint32_t i = 0; status == STK_OK && i < ref.size; i++) {
        int64_t number = 0;
        status = letters_of(in, field, &value->as.items[i], 2, &number);
        digest_number(&in->digest, field->bit, number);
        store(in->room + ref.offset + i * sizeof(stk_country_t), STK_FIELD_COUNTRY, number);
    }
    memcpy(slot, &ref, sizeof ref);
    return status;
}

static enum stk_status decode_map(struct decode *in, const struct stk_field *fields,
                                  const struct stk_value *map, const struct stk_verb *top,
                                  uint32_t args, const struct stk_value **names);

/* Items hold no lists themselves: this is as deep as it goes. */
static enum stk_status value_list(struct decode *in, const struct stk_field *field,
                                  const struct stk_value *value, uint8_t *slot)
{
    struct stk_ref ref;
    enum stk_status status = list_begin(in, field, value, field->sub_size, &ref);
    stk_assert(!in->list);
    for (uint32_t i = 0; status == STK_OK && i < ref.size; i++) {
        in->list = field->name;
        in->item = i;
        status = decode_map(in, field->sub, &value->as.items[i], NULL,
                            ref.offset + i * field->sub_size, NULL);
    }
    in->list = NULL;
    memcpy(slot, &ref, sizeof ref);
    return status;
}

static enum stk_status decode_value(struct decode *in, const struct stk_field *field,
                                    const struct stk_value *value, uint8_t *slot)
{
    switch (field->type) {
    case STK_FIELD_STR:
    case STK_FIELD_TEXT:
        return value_text(in, field, value, slot);
    case STK_FIELD_LIST:
        return value_list(in, field, value, slot);
    case STK_FIELD_STRS:
        return value_strs(in, field, value, slot);
    case STK_FIELD_COUNTRIES:
        return value_countries(in, field, value, slot);
    default:
        return value_number(in, field, value, slot);
    }
}

/* --- maps --- */

static inline int is_named(const struct stk_value *key, const char *name, uint32_t size)
{
    return key->size == size && same_bytes(key->as.text, name, size);
}

enum { NAME_SOURCE, NAME_ID, NAMES };

/* What stands in every verb's map and in none of the tables: source, id. -1: none of these. */
static inline int common_name(const struct stk_verb *verb, const struct stk_value *key)
{
    if (is_named(key, "id", 2) && verb->kind == STK_VERB_WRITE)
        return NAME_ID;
    if (is_named(key, "source", 6) && (verb->kind == STK_VERB_WRITE || verb->takes_source))
        return NAME_SOURCE;
    return -1;
}

/* The number of the field in its table, -1 when there is none. hint: where to look first. */
static inline int field_number(const struct stk_field *fields, unsigned hint,
                               const struct stk_value *key)
{
    for (unsigned i = hint; fields[i].name; i++)
        if (is_named(key, fields[i].name, fields[i].name_size))
            return (int)i;
    for (unsigned i = 0; i < hint; i++)
        if (is_named(key, fields[i].name, fields[i].name_size))
            return (int)i;
    return -1;
}

/* Pairs to fields. found: by number in the table, valid where `given` has its bit; nil counts as
 * absent. */
static enum stk_status match(struct decode *in, const struct stk_field *fields,
                             const struct stk_value *map, const struct stk_verb *top,
                             const struct stk_value **found, const struct stk_value **names,
                             uint32_t *given)
{
    uint32_t seen = 0, nils = 0;
    unsigned hint = 0;
    for (uint32_t i = 0; i < map->size; i++) {
        const struct stk_value *key = &map->as.items[2 * i];
        const struct stk_value **slot;
        uint32_t bit;
        int number;
        if (key->type != STK_VALUE_STR)
            return fault_name(in, key, NULL);
        if (top && (number = common_name(top, key)) >= 0) {
            slot = &names[number];
            bit = UINT32_C(1) << (STK_FIELDS_MAX + number);
        } else if ((number = field_number(fields, hint, key)) >= 0) {
            slot = &found[number];
            bit = UINT32_C(1) << number;
            hint = (unsigned)number + 1;
        } else {
            return fault_name(in, key, "no such field");
        }
        if (seen & bit)
            return fault_name(in, key, "is given twice");
        seen |= bit;
        if (key[1].type == STK_VALUE_NIL)
            nils |= bit;
        *slot = key + 1;
    }
    *given = seen & ~nils;
    return STK_OK;
}
static_assert(STK_FIELDS_MAX + NAMES <= 32, "a bit for each field and name");

#define FIELDS_MASK ((UINT32_C(1) << STK_FIELDS_MAX) - 1)

/* Fields that were not given: missing, or of their default value. */
static enum stk_status without(struct decode *in, const struct stk_field *fields, uint32_t given,
                               uint32_t args)
{
    for (const struct stk_field *field = fields; field->name; field++, given >>= 1) {
        if (given & 1)
            continue;
        if (field->required)
            return fault_of(in, field, "is missing");
        if (field->fallback)
            store(in->room + args + field->offset, field->type, field->fallback);
    }
    return STK_OK;
}

/* A map into the struct at `args`, which is zero. top: the verb, for the outermost map. */
static enum stk_status decode_map(struct decode *in, const struct stk_field *fields,
                                  const struct stk_value *map, const struct stk_verb *top,
                                  uint32_t args, const struct stk_value **names)
{
    const struct stk_value *found[STK_FIELDS_MAX];
    uint64_t present = 0;
    uint32_t given = 0;
    enum stk_status status;
    if (map->type != STK_VALUE_MAP)
        return in->list ? stk_error_set(in->err, STK_INVALID, "params.%s[%u]: must be a map",
                                        in->list, in->item)
                        : stk_error_set(in->err, STK_INVALID, "params: must be a map");
    status = match(in, fields, map, top, found, names, &given);
    for (uint32_t left = given & FIELDS_MASK; status == STK_OK && left; left &= left - 1) {
        unsigned number = (unsigned)__builtin_ctz(left);
        const struct stk_field *field = &fields[number];
        status = decode_value(in, field, found[number], in->room + args + field->offset);
        present |= STK_FIELD_BIT(field->bit);
    }
    if (status == STK_OK)
        status = without(in, fields, given, args);
    digest_room(&in->digest, 1)[0] = MARK_END;
    memcpy(in->room + args, &present, sizeof present);
    return status;
}

/* --- the command --- */

static const struct stk_field source_field = {
    .name = "source", .name_size = 6, .type = STK_FIELD_STR, .min = 1, .max = STK_ID_MAX};
static const struct stk_field id_field = {
    .name = "id", .name_size = 2, .type = STK_FIELD_STR, .min = 1, .max = STK_ID_MAX};

static enum stk_status common(struct decode *in, const struct stk_field *field,
                              const struct stk_value *value, int required, struct stk_ref *ref)
{
    enum stk_status status;
    if (!value || value->type == STK_VALUE_NIL)
        return required ? fault_of(in, field, "is missing") : STK_OK;
    status = check_text(in, field, value, field->min, field->max);
    return status == STK_OK ? copy_text(in, value, ref) : status;
}

/* The key of the command itself, and of the order that it is about. */
static enum stk_status fill_keys(struct decode *in, const struct stk_verb *verb,
                                 struct stk_command *command)
{
    struct stk_bytes source = stk_command_bytes(command, command->source);
    if (command->id.size) {
        command->key_size = command->id.size;
        command->key =
            stk_command_key(verb->key_space, source, stk_command_bytes(command, command->id));
    }
    if (verb->order_at) {
        /* order_source follows order in both structs */
        struct stk_ref order[2];
        memcpy(order, (const uint8_t *)stk_command_args(command) + verb->order_at, sizeof order);
        if (order[1].size)
            source = stk_command_bytes(command, order[1]);
        if (!source.size)
            return fault(in, "order_source", 12, "is missing, and source too");
        command->order_key =
            stk_command_key(STK_KEY_ORDER, source, stk_command_bytes(command, order[0]));
    }
    return STK_OK;
}
static_assert(offsetof(struct stk_args_order, order_source) ==
                  offsetof(struct stk_args_order, order) + sizeof(struct stk_ref),
              "order_source follows order");
static_assert(offsetof(struct stk_args_shortfall_resolve, order_source) ==
                  offsetof(struct stk_args_shortfall_resolve, order) + sizeof(struct stk_ref),
              "order_source follows order");

enum stk_status stk_command_decode(const struct stk_verb *verb, const struct stk_value *params,
                                   void *room, uint32_t room_size, struct stk_error *err)
{
    struct decode in;
    struct stk_command *command = room;
    const struct stk_value *names[NAMES] = {NULL, NULL};
    int writes = verb->kind == STK_VERB_WRITE;
    enum stk_status status;
    in.room = room;
    in.room_size = room_size < STK_COMMAND_MAX ? room_size : STK_COMMAND_MAX;
    in.used = STK_COMMAND_ARGS + verb->args_size;
    in.err = err;
    in.list = NULL;
    in.digest.chain = (struct stk_hash){0};
    in.digest.used = 0;
    if (in.used > in.room_size)
        return fault_room(&in);
    memset(room, 0, in.used);
    digest_number(&in.digest, MARK_VERB, verb->number);
    status = decode_map(&in, verb->fields, params, verb, STK_COMMAND_ARGS, names);
    if (status == STK_OK)
        status = common(&in, &source_field, names[NAME_SOURCE], writes, &command->source);
    if (status == STK_OK)
        status = common(&in, &id_field, names[NAME_ID], verb->id_required, &command->id);
    if (status != STK_OK)
        return status;
    digest_fold(&in.digest);
    command->size = in.used;
    command->verb = verb->number;
    command->body = in.digest.chain;
    return fill_keys(&in, verb, command);
}

/* The widest struct of any list's item. */
#define WIDEST_ITEM sizeof(struct stk_args_line)

uint32_t stk_command_bound(const struct stk_verb *verb, const struct stk_value *params,
                           uint32_t message_size)
{
    uint64_t bound = STK_COMMAND_ARGS + verb->args_size + (uint64_t)message_size;
    uint64_t items = 0, lists = 0;
    if (params->type == STK_VALUE_MAP)
        for (uint32_t i = 0; i < params->size; i++)
            if (params->as.items[2 * i + 1].type == STK_VALUE_ARRAY) {
                items += params->as.items[2 * i + 1].size;
                lists++;
            }
    if (lists)
        bound += items * WIDEST_ITEM + lists * 8;
    return bound < STK_COMMAND_MAX ? (uint32_t)bound : STK_COMMAND_MAX;
}
