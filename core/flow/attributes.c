/* Encoded attributes: u8 version, varint mask of what is there, then each in the order of the mask.
 */
#include "core/flow/attributes.h"
#include "core/base/codec.h"

#define VERSION 1

enum {
    HAS_TITLE = 1,
    HAS_TAX_CLASS = 2,
    HAS_BARCODES = 4,
    HAS_ALIASES = 8,
    HAS_TAGS = 16,
    HAS_COST = 32,
    HAS_LIST_PRICE = 64,
    HAS_MAP_PRICE = 128,
    HAS_CURRENCY = 256,
    HAS_REORDER = 512,
    HAS_LEAD_TIME = 1024,
};

static uint32_t read_list(struct stk_reader *in, struct stk_bytes list[STK_ATTR_LIST_MAX])
{
    uint64_t count = stk_get_varint(in);
    if (count > STK_ATTR_LIST_MAX)
        return (uint32_t)stk_reader_fail(in);
    for (uint64_t i = 0; i < count; i++)
        list[i] = stk_get_bytes(in);
    return (uint32_t)count;
}

enum stk_status stk_attributes_read(struct stk_bytes bytes, struct stk_attributes *out)
{
    struct stk_reader in = stk_reader(bytes.data, bytes.size);
    memset(out, 0, sizeof *out);
    out->cost = out->list_price = out->map_price = INT64_MIN;
    if (bytes.size == 0)
        return STK_OK;
    if (stk_get_u8(&in) != VERSION)
        return STK_CORRUPT;
    uint64_t mask = stk_get_varint(&in);
    if (mask & HAS_TITLE)
        out->title = stk_get_bytes(&in);
    if (mask & HAS_TAX_CLASS)
        out->tax_class = stk_get_bytes(&in);
    if (mask & HAS_BARCODES)
        out->barcode_count = read_list(&in, out->barcodes);
    if (mask & HAS_ALIASES)
        out->alias_count = read_list(&in, out->aliases);
    if (mask & HAS_TAGS)
        out->tag_count = read_list(&in, out->tags);
    if (mask & HAS_COST)
        out->cost = stk_get_zigzag(&in);
    if (mask & HAS_LIST_PRICE)
        out->list_price = stk_get_zigzag(&in);
    if (mask & HAS_MAP_PRICE)
        out->map_price = stk_get_zigzag(&in);
    if (mask & HAS_CURRENCY)
        out->currency = (stk_currency_t)stk_get_varint(&in);
    if (mask & HAS_REORDER) {
        out->reorder_point = (uint32_t)stk_get_varint(&in);
        out->reorder_quantity = (uint32_t)stk_get_varint(&in);
    }
    if (mask & HAS_LEAD_TIME)
        out->lead_time_days = (uint32_t)stk_get_varint(&in);
    return in.bad || in.at != in.end ? STK_CORRUPT : STK_OK;
}

static uint8_t *write_list(uint8_t *at, const struct stk_bytes *list, uint32_t count)
{
    if (!count)
        return at;
    at = stk_put_varint(at, count);
    for (uint32_t i = 0; i < count; i++)
        at = stk_put_bytes(at, list[i].data, list[i].size);
    return at;
}

static uint64_t mask_of(const struct stk_attributes *a)
{
    uint64_t mask = 0;
    mask |= a->title.size ? HAS_TITLE : 0;
    mask |= a->tax_class.size ? HAS_TAX_CLASS : 0;
    mask |= a->barcode_count ? HAS_BARCODES : 0;
    mask |= a->alias_count ? HAS_ALIASES : 0;
    mask |= a->tag_count ? HAS_TAGS : 0;
    mask |= a->cost != INT64_MIN ? HAS_COST : 0;
    mask |= a->list_price != INT64_MIN ? HAS_LIST_PRICE : 0;
    mask |= a->map_price != INT64_MIN ? HAS_MAP_PRICE : 0;
    mask |= a->currency ? HAS_CURRENCY : 0;
    mask |= a->reorder_point || a->reorder_quantity ? HAS_REORDER : 0;
    mask |= a->lead_time_days ? HAS_LEAD_TIME : 0;
    return mask;
}

uint32_t stk_attributes_write(const struct stk_attributes *a, uint8_t *room)
{
    uint64_t mask = mask_of(a);
    uint8_t *at = room;
    if (!mask)
        return 0;
    *at++ = VERSION;
    at = stk_put_varint(at, mask);
    if (mask & HAS_TITLE)
        at = stk_put_bytes(at, a->title.data, a->title.size);
    if (mask & HAS_TAX_CLASS)
        at = stk_put_bytes(at, a->tax_class.data, a->tax_class.size);
    at = write_list(at, a->barcodes, a->barcode_count);
    at = write_list(at, a->aliases, a->alias_count);
    at = write_list(at, a->tags, a->tag_count);
    if (mask & HAS_COST)
        at = stk_put_zigzag(at, a->cost);
    if (mask & HAS_LIST_PRICE)
        at = stk_put_zigzag(at, a->list_price);
    if (mask & HAS_MAP_PRICE)
        at = stk_put_zigzag(at, a->map_price);
    if (mask & HAS_CURRENCY)
        at = stk_put_varint(at, a->currency);
    if (mask & HAS_REORDER) {
        at = stk_put_varint(at, a->reorder_point);
        at = stk_put_varint(at, a->reorder_quantity);
    }
    if (mask & HAS_LEAD_TIME)
        at = stk_put_varint(at, a->lead_time_days);
    return (uint32_t)(at - room);
}
