/* Decoding: every field type, every way it can be wrong, and what the hashes depend on. */
#include "core/base/hash.h"
#include "core/flow/verb.h"
#include "core/state/order.h"
#include "tests/lib/json_doc.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROOM (1 << 20)
static _Alignas(8) uint8_t room[ROOM];
static struct stk_error err;

static const struct stk_verb *verb_of(const char *name)
{
    const struct stk_verb *verb =
        stk_verb_by_name((struct stk_bytes){name, (uint32_t)strlen(name)});
    assert_non_null(verb);
    return verb;
}

static enum stk_status decode(const char *verb, const char *json)
{
    struct test_value value = test_value_json(json);
    enum stk_status status;
    memset(&err, 0, sizeof err);
    status = stk_command_decode(verb_of(verb), value.root, room, ROOM, &err);
    if (status == STK_OK) {
        struct stk_command *command = (void *)room;
        assert_true(command->size <= stk_command_bound(verb_of(verb), value.root, value.size));
        assert_int_equal(command->verb, verb_of(verb)->number);
    }
    test_value_free(&value);
    return status;
}

static const struct stk_command *decoded(const char *verb, const char *json)
{
    if (decode(verb, json) != STK_OK)
        fail_msg("%s %s: %s", verb, json, err.text);
    return (const void *)room;
}

static int is(const struct stk_command *command, struct stk_ref ref, const char *text)
{
    struct stk_bytes bytes = stk_command_bytes(command, ref);
    return bytes.size == strlen(text) && memcmp(bytes.data, text, bytes.size) == 0;
}

#define ORDER                                                                                      \
    "{'source':'shop','id':'o-1','channel':'web','country':'GB','currency':'GBP','ttl_ms':900000," \
    "'for':'vip','lines':[{'sku':'A','quantity':2,'unit_price':1999},{'listing':'L9',"             \
    "'quantity':1,'discount':5,'discount_by':'channel','tax':7,'tax_included':true}]}"

static void an_order_comes_through_whole(void **state)
{
    (void)state;
    const struct stk_command *command = decoded("order.place", ORDER);
    const struct stk_args_order_place *args = stk_command_args(command);
    const struct stk_args_line *line = stk_command_list(command, args->lines);
    assert_true(is(command, command->source, "shop"));
    assert_true(is(command, command->id, "o-1"));
    assert_true(is(command, args->channel, "web"));
    assert_true(is(command, args->use, "vip"));
    assert_int_equal(args->country, 'G' << 8 | 'B');
    assert_int_equal(args->currency, 'G' << 16 | 'B' << 8 | 'P');
    assert_int_equal(args->ttl_ms, 900000);
    assert_int_equal(args->lines.size, 2);
    assert_true(is(command, line[0].sku, "A"));
    assert_int_equal(line[0].quantity, 2);
    assert_int_equal(line[0].unit_price, 1999);
    assert_false(STK_GIVEN(&line[0], LINE_LISTING));
    assert_true(is(command, line[1].listing, "L9"));
    assert_int_equal(line[1].discount, 5);
    assert_int_equal(line[1].discount_by, STK_FUNDED_CHANNEL);
    assert_int_equal(line[1].tax, 7);
    assert_int_equal(line[1].tax_included, 1);
    assert_true(STK_GIVEN(args, ORDER_PLACE_TTL_MS));
    assert_false(STK_GIVEN(args, ORDER_PLACE_PLACED_AT));
    assert_false(STK_GIVEN(args, ORDER_PLACE_FACT));
    assert_int_equal(command->ticket, 0);
    assert_int_equal(command->attach, STK_ATTACH_NONE);
    assert_true(command->key_size > 0);
}

static void defaults_are_written_and_not_called_given(void **state)
{
    (void)state;
    const struct stk_command *command;
    const struct stk_args_location_put *location;
    const struct stk_args_listing_put *listing;
    command = decoded("location.put", "{'source':'s','location':'main','country':null}");
    location = stk_command_args(command);
    assert_int_equal(location->ships, 1);
    assert_int_equal(location->split, 1);
    assert_int_equal(location->priority, 100);
    assert_int_equal(location->present, STK_FIELD_BIT(STK_HAS_LOCATION_PUT_LOCATION));
    assert_int_equal(command->key_size, 0);
    command = decoded("listing.put", "{'source':'s','channel':'c','listing':'l','components':"
                                     "[{'sku':'A'},{'sku':'B','units':3}],'active':false}");
    listing = stk_command_args(command);
    const struct stk_args_component *component = stk_command_list(command, listing->components);
    assert_int_equal(listing->active, 0);
    assert_true(STK_GIVEN(listing, LISTING_PUT_ACTIVE));
    assert_int_equal(component[0].units, 1);
    assert_false(STK_GIVEN(&component[0], COMPONENT_UNITS));
    assert_int_equal(component[1].units, 3);
    const struct stk_args_page *page = stk_command_args(decoded("order.list", "{'state':'paid'}"));
    assert_int_equal(page->limit, STK_PAGE_DEFAULT);
    assert_int_equal(page->state, STK_ORDER_PAID);
}

static void lists_of_words_and_countries(void **state)
{
    (void)state;
    const struct stk_command *command =
        decoded("sku.put", "{'source':'s','sku':'A','barcodes':['4006381333931','x'],'tags':[]}");
    const struct stk_args_sku_put *args = stk_command_args(command);
    const struct stk_ref *word = stk_command_list(command, args->barcodes);
    assert_int_equal(args->barcodes.size, 2);
    assert_true(is(command, word[0], "4006381333931"));
    assert_true(is(command, word[1], "x"));
    assert_true(STK_GIVEN(args, SKU_PUT_TAGS));
    assert_int_equal(args->tags.size, 0);
    command = decoded("location.put", "{'source':'s','location':'m','near':['DE','AT']}");
    const struct stk_args_location_put *put = stk_command_args(command);
    const stk_country_t *near = stk_command_list(command, put->near);
    assert_int_equal(put->near.size, 2);
    assert_int_equal(near[0], 'D' << 8 | 'E');
    assert_int_equal(near[1], 'A' << 8 | 'T');
}

static void lines_of_amend_and_of_parts_go_to_their_own_members(void **state)
{
    (void)state;
    const struct stk_command *command =
        decoded("order.amend", "{'source':'s','id':'1','order':'o','lines':[{'line':1,'quantity':"
                               "0},{'sku':'B','quantity':4}]}");
    const struct stk_args_order *args = stk_command_args(command);
    const struct stk_args_line *line = stk_command_list(command, args->lines);
    assert_true(STK_GIVEN(args, ORDER_LINES));
    assert_false(STK_GIVEN(args, ORDER_PARTS));
    assert_int_equal(line[0].line, 1);
    assert_true(STK_GIVEN(&line[0], LINE_QUANTITY));
    assert_false(STK_GIVEN(&line[1], LINE_LINE));
    command = decoded("order.return", "{'source':'s','id':'1','order':'o','lines':[{'line':2,"
                                      "'quantity':1,'unsellable':true}],'location':'main'}");
    args = stk_command_args(command);
    const struct stk_args_part *part = stk_command_list(command, args->parts);
    assert_true(STK_GIVEN(args, ORDER_PARTS));
    assert_int_equal(part[0].line, 2);
    assert_int_equal(part[0].unsellable, 1);
}

struct bad {
    const char *verb, *json, *text;
};
static const struct bad bads[] = {
    /* shape */
    {"order.place", "[]", "params: must be a map"},
    {"order.place", "7", "params: must be a map"},
    {"order.place", "{'source':'s','id':'1','lines':[7]}", "params.lines[0]: must be a map"},
    {"order.place", "{'source':'s','id':'1','lines':7}", "params.lines: must be a list"},
    {"order.place", "{'source':'s','id':'1','lines':[]}", "params.lines: must be 1 to 1000 items"},
    /* missing */
    {"order.place", "{'id':'1','lines':[{'sku':'A','quantity':1}]}", "params.source: is missing"},
    {"order.place", "{'source':'s','lines':[{'sku':'A','quantity':1}]}", "params.id: is missing"},
    {"order.place", "{'source':'s','id':'1'}", "params.lines: is missing"},
    {"order.place", "{'source':'s','id':'1','lines':null}", "params.lines: is missing"},
    {"order.place", "{'source':'s','id':'1','lines':[{'sku':'A','quantity':1},{'sku':'B'}]}",
     "params.lines[1].quantity: is missing"},
    {"order.get", "{'order':'o'}", "params.order_source: is missing"},
    /* unknown */
    {"order.place", "{'source':'s','id':'1','color':'red','lines':[{'sku':'A','quantity':1}]}",
     "params.color: no such field"},
    {"order.sell", "{'source':'s','id':'1','ttl_ms':5,'lines':[{'sku':'A','quantity':1}]}",
     "params.ttl_ms: no such field"},
    {"order.place", "{'source':'s','id':'1','lines':[{'sku':'A','quantity':1,'line':1}]}",
     "params.lines[0].line: no such field"},
    {"sku.get", "{'sku':'A','id':'1'}", "params.id: no such field"},
    {"sku.get", "{'sku':'A','source':'s'}", "params.source: no such field"},
    {"order.place", "{'\\u0001':1}", "no such field"},
    /* types */
    {"stock.receive", "{'source':'s','id':'1','sku':7,'location':'m','quantity':1}",
     "params.sku: must be a string"},
    {"stock.receive", "{'source':'s','id':'1','sku':'A','location':'m','quantity':'1'}",
     "params.quantity: must be a whole number"},
    {"stock.receive", "{'source':'s','id':'1','sku':'A','location':'m','quantity':1.5}",
     "params.quantity: must be a whole number"},
    {"stock.receive",
     "{'source':'s','id':'1','sku':'A','location':'m','quantity':1,'unsellable':1}",
     "params.unsellable: must be true or false"},
    {"sku.put", "{'source':'s','sku':'A','tags':'x'}", "params.tags: must be a list"},
    {"sku.put", "{'source':'s','sku':'A','tags':[1]}", "params.tags: must be a string"},
    {"sku.put", "{'source':1,'sku':'A'}", "params.source: must be a string"},
    /* ranges */
    {"stock.receive", "{'source':'s','id':'1','sku':'A','location':'m','quantity':0}",
     "params.quantity: must be 1 to 2147483647, is 0"},
    {"stock.receive", "{'source':'s','id':'1','sku':'A','location':'m','quantity':-1}",
     "params.quantity: must be 1 to 2147483647, is -1"},
    {"stock.receive", "{'source':'s','id':'1','sku':'A','location':'m','quantity':2147483648}",
     "params.quantity: must be 1 to 2147483647, is 2147483648"},
    {"sku.put", "{'source':'s','sku':''}", "params.sku: must be 1 to 64 bytes, is 0"},
    {"sku.put", "{'source':'','sku':'A'}", "params.source: must be 1 to 64 bytes, is 0"},
    {"sku.put",
     "{'source':'s','sku':'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'}",
     "params.sku: must be 1 to 64 bytes, is 65"},
    {"sku.put", "{'source':'s','sku':'A','tags':['']}", "params.tags: must be 1 to 64 bytes"},
    {"sku.list", "{'limit':1001}", "params.limit: must be 1 to 1000, is 1001"},
    {"sku.put", "{'source':'s','sku':'A','cost':-1}", "params.cost: must be 0 to"},
    /* enums, currencies, countries */
    {"stock.adjust",
     "{'source':'s','id':'1','sku':'A','location':'m','quantity':1,'kind':'stolen'}",
     "params.kind: must be one of found, lost, damaged, repaired, scrapped"},
    {"stock.adjust", "{'source':'s','id':'1','sku':'A','location':'m','quantity':1,'kind':1}",
     "params.kind: must be one of"},
    {"sku.put", "{'source':'s','sku':'A','currency':'gbp'}", "params.currency: must be three"},
    {"sku.put", "{'source':'s','sku':'A','currency':'GB'}", "params.currency: must be three"},
    {"location.put", "{'source':'s','location':'A','country':'GBR'}",
     "params.country: must be two"},
    {"location.put", "{'source':'s','location':'A','near':['D']}", "params.near: must be two"},
    /* text */
    {"sku.put", "{'source':'s','sku':'A\\nB'}", "params.sku: has a control character"},
    {"sku.put", "{'source':'s','sku':'A\\u0000'}", "params.sku: is not UTF-8"},
    {"sku.put", "{'source':'s','sku':'A\\u0085'}", "params.sku: has a control character"},
    {"sku.put", "{'source':'s','sku':'A','title':'a\\u0007'}",
     "params.title: has a control character"},
    /* card numbers (of test cards) in free text */
    {"sku.put", "{'source':'s','sku':'A','title':'4111111111111111'}", "params.title: holds what"},
    {"order.cancel", "{'source':'s','id':'1','order':'o','reason':'pay 5500-0000-0000-0004 back'}",
     "params.reason: holds what"},
    {"order.cancel",
     "{'source':'s','id':'1','order':'o','reason':'card 4111 1111 1111 1111 12/27'}",
     "params.reason: holds what"},
    {"stock.adjust",
     "{'source':'s','id':'1','sku':'A','location':'m','quantity':1,'kind':'lost','note':"
     "'3782 822463 10005'}",
     "params.note: holds what"},
    {"location.put", "{'source':'s','location':'A','name':'6011000990139424 9'}",
     "params.name: holds what"},
};

static void each_fault_is_named_with_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bads / sizeof *bads; i++) {
        enum stk_status status = decode(bads[i].verb, bads[i].json);
        if (status != STK_INVALID || strncmp(err.text, bads[i].text, strlen(bads[i].text)) != 0)
            if (status != STK_INVALID || !strstr(err.text, bads[i].text))
                fail_msg("%s %s: status %d, \"%s\", wanted \"%s\"", bads[i].verb, bads[i].json,
                         status, err.text, bads[i].text);
        assert_true(stk_utf8_valid(err.text, strlen(err.text)));
    }
}

static void what_only_looks_odd_is_taken(void **state)
{
    (void)state;
    static const char *const titles[] = {
        "EAN 4006381333931",        /* a barcode, fails the check of cards */
        "4111111111111112",         /* fails the check */
        "1111111111111117",         /* passes it, but no card begins with 1 */
        "411111111111",             /* too short */
        "41111111111111111111",     /* too long */
        "4111 1111 1111 1111x",     /* still one: see below */
        "tel 0044 20 7946 0018",    /* a phone number */
        "\xe8\xa1\xac\xe8\xa1\xab", /* Chinese */
        "two\\nlines\\tand a tab",  /* free text may */
        "caf\xc3\xa9 \xf0\x9f\x91\x95",
        "",
    };
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) {
        char json[256];
        snprintf(json, sizeof json, "{'source':'s','sku':'A','title':'%s'}", titles[i]);
        enum stk_status wanted = i == 5 ? STK_INVALID : STK_OK;
        if (decode("sku.put", json) != wanted)
            fail_msg("%s: %s", titles[i], err.text);
    }
    assert_int_equal(decode("sku.get", "{'sku':'4111111111111111'}"), STK_OK);
    assert_int_equal(decode("sku.get", "{'sku':'\xe8\xa1\xac 1'}"), STK_OK);
    assert_int_equal(decode("status", "{}"), STK_OK);
}

/* What JSON cannot say. */
static enum stk_status decode_raw(const char *verb, const char *bytes, size_t size)
{
    struct stk_value values[64];
    struct stk_parse parse;
    assert_int_equal(stk_doc_parse(bytes, size, STK_MESSAGE_MAX, STK_DEPTH_MAX, values, 64, &parse),
                     STK_OK);
    return stk_command_decode(verb_of(verb), parse.root, room, ROOM, &err);
}
#define RAW(verb, bytes) decode_raw(verb, bytes, sizeof(bytes) - 1)

static void what_json_cannot_say(void **state)
{
    (void)state;
    assert_int_equal(RAW("sku.get", "\x82\xa3sku\xa1"
                                    "A\xa3sku\xa1"
                                    "A"),
                     STK_INVALID);
    assert_string_equal(err.text, "params.sku: is given twice");
    assert_int_equal(RAW("sku.get", "\x82\xa3sku\xc0\xa3sku\xa1"
                                    "A"),
                     STK_INVALID);
    assert_string_equal(err.text, "params.sku: is given twice");
    assert_int_equal(RAW("sku.get", "\x81\x01\xa1"
                                    "A"),
                     STK_INVALID);
    assert_int_equal(RAW("sku.get", "\x81\xa3sku\xc4\x01"
                                    "A"),
                     STK_INVALID); /* bin */
    assert_int_equal(RAW("sku.get", "\x81\xa3sku\xa2\xc3\x28"), STK_INVALID);
    assert_string_equal(err.text, "params.sku: is not UTF-8");
    assert_int_equal(RAW("sku.get", "\x81\xa3\xff\xfe\xfd\xa1"
                                    "A"),
                     STK_INVALID);
    assert_true(stk_utf8_valid(err.text, strlen(err.text)));
    assert_int_equal(RAW("sku.list", "\x81\xa5limit\xcf\xff\xff\xff\xff\xff\xff\xff\xff"),
                     STK_INVALID);
    assert_string_equal(err.text, "params.limit: is beyond 63 bits");
    assert_int_equal(RAW("sku.list", "\x81\xa5limit\xd4\x01\x01"), STK_INVALID); /* ext */
}

static void every_control_byte_at_every_place_is_found(void **state)
{
    (void)state;
    for (uint32_t size = 1; size <= 20; size++)
        for (uint32_t at = 0; at < size; at++)
            for (int byte = 0; byte < 0x80; byte++) {
                char message[32] = "\x81\xa3sku";
                message[5] = (char)(0xa0 | size);
                memset(message + 6, 'x', size);
                message[6 + at] = (char)byte;
                enum stk_status wanted = byte >= 0x20 && byte != 0x7f ? STK_OK : STK_INVALID;
                if (decode_raw("sku.get", message, 6 + size) != wanted)
                    fail_msg("byte %d at %u of %u", byte, at, size);
            }
}

static void nothing_is_written_beyond_the_room(void **state)
{
    (void)state;
    struct test_value value = test_value_json(ORDER);
    const struct stk_verb *verb = verb_of("order.place");
    uint32_t whole = decoded("order.place", ORDER)->size;
    for (uint32_t size = 0; size <= whole; size++) {
        uint8_t *tight = malloc(size + 16);
        enum stk_status status;
        memset(tight + size, 0x5a, 16);
        status = stk_command_decode(verb, value.root, tight, size, &err);
        assert_int_equal(status, size < whole ? STK_TOO_LARGE : STK_OK);
        for (int i = 0; i < 16; i++)
            assert_int_equal(tight[size + (uint32_t)i], 0x5a);
        free(tight);
    }
    test_value_free(&value);
}

static void decoding_is_the_same_in_any_memory(void **state)
{
    (void)state;
    static _Alignas(8) uint8_t other[4096];
    struct test_value value = test_value_json(ORDER);
    memset(room, 0xff, 4096);
    memset(other, 0x55, sizeof other);
    assert_int_equal(stk_command_decode(verb_of("order.place"), value.root, room, ROOM, &err), 0);
    assert_int_equal(
        stk_command_decode(verb_of("order.place"), value.root, other, sizeof other, &err), 0);
    assert_memory_equal(room, other, ((struct stk_command *)(void *)room)->size);
    test_value_free(&value);
}

static struct stk_hash body_of(const char *verb, const char *json)
{
    return decoded(verb, json)->body;
}

static void the_body_hash_does_not_see_the_order_of_keys(void **state)
{
    (void)state;
    struct stk_hash hash = body_of("order.place", ORDER);
    struct stk_hash moved =
        body_of("order.place",
                "{'lines':[{'unit_price':1999,'quantity':2,'sku':'A'},{'tax_included':true,'tax':7,"
                "'discount_by':'channel','discount':5,'quantity':1,'listing':'L9'}],'for':'vip',"
                "'ttl_ms':900000,'currency':'GBP','country':'GB','channel':'web','placed_at':null,"
                "'id':'another id','source':'another source'}");
    assert_true(stk_hash_equal(hash, moved));
}

static void the_body_hash_sees_everything_else(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "{'source':'s','id':'1','lines':[{'sku':'A','quantity':1},{'sku':'B','quantity':2}]}",
        "{'source':'s','id':'1','lines':[{'sku':'B','quantity':2},{'sku':'A','quantity':1}]}",
        "{'source':'s','id':'1','lines':[{'sku':'A','quantity':2},{'sku':'B','quantity':1}]}",
        "{'source':'s','id':'1','lines':[{'sku':'A','quantity':1}]}",
        "{'source':'s','id':'1','lines':[{'listing':'A','quantity':1}]}",
        "{'source':'s','id':'1','lines':[{'sku':'A','quantity':1,'unit_price':0}]}",
        "{'source':'s','id':'1','lines':[{'sku':'A','quantity':1,'discount':0}]}",
        "{'source':'s','id':'1','channel':'A','lines':[{'sku':'A','quantity':1}]}",
        "{'source':'s','id':'1','for':'A','lines':[{'sku':'A','quantity':1}]}",
        "{'source':'s','id':'1','fact':true,'lines':[{'sku':'A','quantity':1}]}",
        "{'source':'s','id':'1','fact':false,'lines':[{'sku':'A','quantity':1}]}",
        "{'source':'s','id':'1','split':true,'lines':[{'sku':'A','quantity':1}]}",
    };
    enum { COUNT = sizeof bodies / sizeof *bodies };
    struct stk_hash hash[COUNT + 1];
    for (size_t i = 0; i < COUNT; i++)
        hash[i] = body_of("order.place", bodies[i]);
    hash[COUNT] = body_of("order.sell", bodies[0]);
    for (size_t i = 0; i <= COUNT; i++)
        for (size_t j = 0; j < i; j++)
            assert_false(stk_hash_equal(hash[i], hash[j]));
}

/* Longer than the chunk that is hashed at a time: every line matters. */
static void the_body_hash_of_a_long_order(void **state)
{
    (void)state;
    char *json = malloc(1 << 17);
    struct stk_hash hash[4];
    for (int variant = 0; variant < 4; variant++) {
        size_t used = (size_t)sprintf(json, "{'source':'s','id':'1','lines':[");
        for (int i = 0; i < 1000; i++)
            used +=
                (size_t)sprintf(json + used, "%s{'sku':'sku-number-%d','quantity':%d}",
                                i ? "," : "", i, variant == i / 400 + 1 && i % 400 == 10 ? 8 : 7);
        sprintf(json + used, "]}");
        hash[variant] = body_of("order.place", json);
        const struct stk_args_order_place *args = stk_command_args((const void *)room);
        assert_int_equal(args->lines.size, 1000);
    }
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < i; j++)
            assert_false(stk_hash_equal(hash[i], hash[j]));
    free(json);
}

static void keys_keep_spaces_sources_and_ids_apart(void **state)
{
    (void)state;
    struct stk_bytes ab = {"ab", 2}, a = {"a", 1}, b = {"b", 1}, bc = {"bc", 2}, c = {"c", 1};
    assert_false(stk_hash_equal(stk_command_key(1, ab, c), stk_command_key(1, a, bc)));
    assert_false(stk_hash_equal(stk_command_key(1, a, b), stk_command_key(2, a, b)));
    assert_true(stk_hash_equal(stk_command_key(1, a, b), stk_command_key(1, a, b)));
    struct stk_hash place = decoded("order.place", ORDER)->key;
    struct stk_hash shop_o1 =
        stk_command_key(STK_KEY_ORDER, (struct stk_bytes){"shop", 4}, (struct stk_bytes){"o-1", 3});
    assert_true(stk_hash_equal(place, shop_o1));
    const struct stk_command *pay =
        decoded("order.pay", "{'source':'shop','id':'o-1','order':'o-1'}");
    assert_true(stk_hash_equal(pay->order_key, shop_o1));
    assert_false(stk_hash_equal(pay->key, shop_o1));
    pay = decoded("order.pay", "{'source':'till','id':'9','order':'o-1','order_source':'shop'}");
    assert_true(stk_hash_equal(pay->order_key, shop_o1));
    pay = decoded("order.get", "{'order':'o-1','order_source':'shop'}");
    assert_true(stk_hash_equal(pay->order_key, shop_o1));
    pay = decoded("shortfall.resolve", "{'source':'x','id':'9','order':'o-1','order_source':'shop',"
                                       "'line':1,'action':'back_order'}");
    assert_true(stk_hash_equal(pay->order_key, shop_o1));
    const struct stk_args_shortfall_resolve *args = stk_command_args(pay);
    assert_int_equal(args->action, STK_RESOLVE_BACK_ORDER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_order_comes_through_whole),
        cmocka_unit_test(defaults_are_written_and_not_called_given),
        cmocka_unit_test(lists_of_words_and_countries),
        cmocka_unit_test(lines_of_amend_and_of_parts_go_to_their_own_members),
        cmocka_unit_test(each_fault_is_named_with_its_place),
        cmocka_unit_test(what_only_looks_odd_is_taken),
        cmocka_unit_test(what_json_cannot_say),
        cmocka_unit_test(every_control_byte_at_every_place_is_found),
        cmocka_unit_test(nothing_is_written_beyond_the_room),
        cmocka_unit_test(decoding_is_the_same_in_any_memory),
        cmocka_unit_test(the_body_hash_does_not_see_the_order_of_keys),
        cmocka_unit_test(the_body_hash_sees_everything_else),
        cmocka_unit_test(the_body_hash_of_a_long_order),
        cmocka_unit_test(keys_keep_spaces_sources_and_ids_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
