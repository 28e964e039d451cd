/* Names are compared without case, spaces and punctuation. What a person maps wins; then a column
 * that bears a field's own name; then the known names, the first column first. */
#include "tools/stockade/columns.h"
#include "tools/stockade/texts.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* A name may mean several fields: the first one that the file's kind has is taken. */
static const struct {
    const char *name, *field;
} known[] = {
    {"orderid", "order"},
    {"orderno", "order"},
    {"ordernumber", "order"},
    {"invoiceno", "order"},
    {"invoice", "order"},
    {"amazonorderid", "order"},
    {"订单号", "order"},
    {"订单编号", "order"},
    {"订单id", "order"},
    {"单号", "order"},
    {"stockcode", "sku"},
    {"itemcode", "sku"},
    {"item", "sku"},
    {"productcode", "sku"},
    {"sellersku", "sku"},
    {"skuid", "sku"},
    {"货号", "sku"},
    {"商品编码", "sku"},
    {"商品编号", "sku"},
    {"商家编码", "sku"},
    {"物料编码", "sku"},
    {"产品编码", "sku"},
    {"sku编码", "sku"},
    {"sku编号", "sku"},
    {"listingid", "listing"},
    {"asin", "listing"},
    {"商品id", "listing"},
    {"链接id", "listing"},
    {"qty", "quantity"},
    {"stock", "quantity"},
    {"onhand", "quantity"},
    {"inventory", "quantity"},
    {"数量", "quantity"},
    {"库存", "quantity"},
    {"库存数量", "quantity"},
    {"可用库存", "quantity"},
    {"件数", "quantity"},
    {"price", "unit_price"},
    {"price", "list_price"},
    {"itemprice", "unit_price"},
    {"单价", "unit_price"},
    {"价格", "unit_price"},
    {"价格", "list_price"},
    {"售价", "unit_price"},
    {"售价", "list_price"},
    {"成交价", "unit_price"},
    {"currencycode", "currency"},
    {"币种", "currency"},
    {"货币", "currency"},
    {"name", "title"},
    {"description", "title"},
    {"productname", "title"},
    {"producttitle", "title"},
    {"名称", "title"},
    {"商品名称", "title"},
    {"产品名称", "title"},
    {"品名", "title"},
    {"标题", "title"},
    {"barcode", "barcodes"},
    {"ean", "barcodes"},
    {"upc", "barcodes"},
    {"gtin", "barcodes"},
    {"条码", "barcodes"},
    {"条形码", "barcodes"},
    {"alias", "aliases"},
    {"别名", "aliases"},
    {"unitcost", "cost"},
    {"成本", "cost"},
    {"成本价", "cost"},
    {"进价", "cost"},
    {"rrp", "list_price"},
    {"吊牌价", "list_price"},
    {"市场价", "list_price"},
    {"零售价", "list_price"},
    {"tag", "tags"},
    {"标签", "tags"},
    {"补货点", "reorder_point"},
    {"安全库存", "reorder_point"},
    {"补货数量", "reorder_quantity"},
    {"交期", "lead_time_days"},
    {"warehouse", "location"},
    {"仓库", "location"},
    {"仓库编码", "location"},
    {"库位", "location"},
    {"customerid", "customer"},
    {"buyer", "customer"},
    {"buyerid", "customer"},
    {"客户", "customer"},
    {"客户编号", "customer"},
    {"买家", "customer"},
    {"会员", "customer"},
    {"shipcountry", "country"},
    {"国家", "country"},
    {"国家地区", "country"},
    {"国家/地区", "country"},
    {"marketplace", "channel"},
    {"渠道", "channel"},
    {"平台", "channel"},
    {"店铺", "channel"},
    {"优惠", "discount"},
    {"折扣", "discount"},
    {"税额", "tax"},
    {"date", "placed_at"},
    {"date", "as_of"},
    {"orderdate", "placed_at"},
    {"invoicedate", "placed_at"},
    {"purchasedate", "placed_at"},
    {"createdat", "placed_at"},
    {"下单时间", "placed_at"},
    {"订单时间", "placed_at"},
    {"创建时间", "placed_at"},
    {"日期", "placed_at"},
    {"日期", "as_of"},
    {"countedat", "as_of"},
    {"盘点时间", "as_of"},
    {"盘点日期", "as_of"},
    {"po", "document"},
    {"purchaseorder", "document"},
    {"采购单号", "document"},
    {"单据号", "document"},
};
#define KNOWN (sizeof(known) / sizeof(*known))

void columns_plain(const char *name, size_t size, char *room)
{
    size_t at = 0;
    for (size_t i = 0; i < size && at + 1 < COLUMNS_NAME; i++) {
        unsigned char c = (unsigned char)name[i];
        if (c >= 0x80 || isalnum(c))
            room[at++] = (char)tolower(c);
    }
    room[at] = '\0';
}

int columns_field(const struct columns *columns, const char *name)
{
    char want[COLUMNS_NAME], own[COLUMNS_NAME];
    for (int i = 0; columns->fields[i]; i++) /* our own spelling: asked for each cell */
        if (!strcmp(columns->fields[i], name))
            return i;
    columns_plain(name, strlen(name), want);
    for (int i = 0; columns->fields[i]; i++) {
        columns_plain(columns->fields[i], strlen(columns->fields[i]), own);
        if (!strcmp(own, want))
            return i;
    }
    return -1;
}

int columns_has(const struct columns *columns, const char *name)
{
    int field = columns_field(columns, name);
    return field >= 0 && columns->column[field] >= 0;
}

static struct stk_bytes trim(struct stk_bytes text)
{
    while (text.size && strchr(" \t", text.data[0]) && text.data[0]) {
        text.data++;
        text.size--;
    }
    while (text.size && strchr(" \t", text.data[text.size - 1]) && text.data[text.size - 1])
        text.size--;
    return text;
}

struct stk_bytes columns_cell(const struct columns *columns, const struct csv_row *row, int field)
{
    int column = field < 0 ? -1 : columns->column[field];
    if (column < 0 || (uint32_t)column >= row->count)
        return (struct stk_bytes){"", 0};
    return trim(row->fields[column]);
}

static void list_fields(const struct columns *columns, struct buffer *out)
{
    for (int i = 0; columns->fields[i]; i++)
        buffer_printf(out, "%s%s", i ? ", " : "", columns->fields[i]);
}

/* The column that a person named: "#3" or its name. */
static int find_column(const struct columns *columns, const char *name, size_t size)
{
    char want[COLUMNS_NAME], own[COLUMNS_NAME];
    if (size > 1 && name[0] == '#') {
        unsigned long number = strtoul(name + 1, NULL, 10);
        return number >= 1 && number <= columns->count ? (int)number - 1 : -1;
    }
    columns_plain(name, size, want);
    for (uint32_t i = 0; i < columns->count; i++) {
        columns_plain(columns->names[i], strlen(columns->names[i]), own);
        if (!strcmp(own, want))
            return (int)i;
    }
    return -1;
}

/* One "column=field". taken: columns that a person has spoken about. */
static enum stk_status map_one(struct columns *columns, const char *pair, size_t size, char *taken,
                               struct stk_error *err)
{
    const char *equals = memrchr(pair, '=', size);
    size_t name_size = equals ? (size_t)(equals - pair) : 0;
    char field_name[COLUMNS_NAME];
    if (!name_size || size - name_size >= sizeof(field_name))
        return stk_error_set(err, STK_INVALID, T_MAP_PAIR, (int)size, pair);
    memcpy(field_name, equals + 1, size - name_size - 1);
    field_name[size - name_size - 1] = '\0';
    int column = find_column(columns, pair, name_size);
    if (column < 0)
        return stk_error_set(err, STK_INVALID, T_MAP_COLUMN, (int)name_size, pair,
                             (int)columns->header.size, buffer_string(&columns->header));
    taken[column] = 1;
    if (!strcmp(field_name, "-"))
        return STK_OK;
    int field = columns_field(columns, field_name);
    if (field < 0) {
        struct buffer list = {0};
        list_fields(columns, &list);
        stk_error_set(err, STK_INVALID, T_MAP_FIELD, field_name, buffer_string(&list));
        buffer_fini(&list);
        return STK_INVALID;
    }
    if (columns->column[field] >= 0)
        return stk_error_set(err, STK_INVALID, T_MAP_TWICE, columns->fields[field]);
    columns->column[field] = column;
    return STK_OK;
}

/* The columns that nobody spoke about, by their names. */
static void map_known(struct columns *columns, const char *taken)
{
    char own[COLUMNS_NAME];
    for (uint32_t c = 0; c < columns->count; c++) {
        int field = taken[c] ? -1 : columns_field(columns, columns->names[c]);
        if (field >= 0 && columns->column[field] < 0)
            columns->column[field] = (int)c;
    }
    for (uint32_t c = 0; c < columns->count; c++) {
        columns_plain(columns->names[c], strlen(columns->names[c]), own);
        if (taken[c] || columns_field(columns, columns->names[c]) >= 0)
            continue;
        for (size_t i = 0; i < KNOWN; i++) {
            int field = strcmp(known[i].name, own) ? -1 : columns_field(columns, known[i].field);
            if (field >= 0 && columns->column[field] < 0) {
                columns->column[field] = (int)c;
                break;
            }
        }
    }
}

enum stk_status columns_init(struct columns *columns, const char *const *fields,
                             const struct csv_row *header, const char *const *maps,
                             uint32_t map_count, struct stk_error *err)
{
    enum stk_status status = STK_OK;
    memset(columns, 0, sizeof(*columns));
    columns->fields = fields;
    columns->count = header->count;
    columns->names = must_alloc(header->count * sizeof(*columns->names));
    for (int i = 0; i < COLUMNS_FIELDS_MAX; i++)
        columns->column[i] = -1;
    for (uint32_t i = 0; i < header->count; i++) {
        struct stk_bytes name = trim(header->fields[i]);
        columns->names[i] = must_copy(name.data, name.size);
        csv_field(&columns->header, name, i == 0);
    }
    char *taken = must_alloc(header->count);
    for (uint32_t i = 0; i < map_count && status == STK_OK; i++) {
        for (const char *at = maps[i]; *at && status == STK_OK;) {
            size_t size = strcspn(at, ",");
            status = map_one(columns, at, size, taken, err);
            at += size + (at[size] == ',');
        }
    }
    if (status == STK_OK)
        map_known(columns, taken);
    free(taken);
    return status;
}

void columns_fini(struct columns *columns)
{
    for (uint32_t i = 0; i < columns->count; i++)
        free(columns->names[i]);
    free(columns->names);
    buffer_fini(&columns->header);
    columns->names = NULL;
    columns->count = 0;
}
