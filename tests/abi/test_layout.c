/* Sizes, offsets, numbers and ids of the public headers are those of pins.h. What can be checked by
 * the compiler is: this file does not compile when one has moved. Also compiled as C++ by
 * test_headers.sh. What remains is checked at run time: ids, padding that a struct must not have.
 */
#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <stockade/ext/draft/carrier.h>
#include <stockade/ext/draft/fulfilment.h>
#include <stockade/ext/draft/payments.h>
#include <stockade/ext/draft/rates.h>
#include <stockade/ext/draft/returns.h>
#include <stockade/ext/draft/settlement.h>
#include <stockade/ext/draft/stock.h>
#include <stockade/ext/draft/supplier.h>
#include <stockade/stockade.h>

#define PIN_SIZE(name, bytes) static_assert(sizeof(struct name) == (bytes), "size of " #name)
#define PIN(name, field, at)                                                                       \
    static_assert(offsetof(struct name, field) == (at), "place of " #name "." #field)
#define PIN_VALUE(name, value) static_assert((int)(name) == (value), "value of " #name)
#include "tests/abi/pins.h"

/* Flat structs step by multiples of 8, so that lists of them and what follows stay aligned. */
#define FLAT(name) static_assert(sizeof(struct name) % 8 == 0, #name " is no multiple of 8")
FLAT(stk_message);
FLAT(stk_text);
FLAT(stk_list);
FLAT(stk_messages);
FLAT(stk_event_line);
FLAT(stk_event_part);
FLAT(stk_event_offer);
FLAT(stk_event_stock_row);
FLAT(stk_event_subtracted);
FLAT(stk_published_key);
FLAT(stk_write_outcome);
FLAT(stk_budget);
FLAT(stk_update);
FLAT(stk_kv_entry);
FLAT(stk_event_answer);
FLAT(stk_listing_name);
FLAT(stk_webhook_header);
FLAT(stk_fulfil_part);
FLAT(stk_parcel);
FLAT(stk_quote);

/* The note is read as bytes by both kinds of note reader: no hole, the manifest at 24. */
static_assert(offsetof(struct stk_manifest_note, manifest) == 24, "place of the manifest");
static_assert(sizeof(struct stk_manifest_note) % 8 == 0, "the note is a multiple of 8");

static int passed, failed;

static void same(const char *name, const char *is, const char *want)
{
    int equal = !strcmp(is, want);
    passed += equal;
    failed += !equal;
    if (!equal)
        printf("%s is \"%s\", was published as \"%s\"\n", name, is, want);
}

int main(void)
{
    same("STK_EXT_LOG", STK_EXT_LOG, "stk.log/1");
    same("STK_EXT_CLOCK", STK_EXT_CLOCK, "stk.clock/1");
    same("STK_EXT_TIMER", STK_EXT_TIMER, "stk.timer/1");
    same("STK_EXT_FD", STK_EXT_FD, "stk.fd/1");
    same("STK_EXT_OPTIONS", STK_EXT_OPTIONS, "stk.options/1");
    same("STK_EXT_CONFIG", STK_EXT_CONFIG, "stk.config/1");
    same("STK_EXT_SECRET", STK_EXT_SECRET, "stk.secret/1");
    same("STK_EXT_METRICS", STK_EXT_METRICS, "stk.metrics/1");
    same("STK_EXT_THREAD_CHECK", STK_EXT_THREAD_CHECK, "stk.thread-check/1");
    same("STK_EXT_KV", STK_EXT_KV, "stk.kv/1");
    same("STK_EXT_SUBMIT", STK_EXT_SUBMIT, "stk.submit/1");
    same("STK_EXT_ORDERS_IN", STK_EXT_ORDERS_IN, "stk.orders-in/1");
    same("STK_EXT_OFFERS_IN", STK_EXT_OFFERS_IN, "stk.offers-in/1");
    same("STK_EXT_LISTING_UPDATES", STK_EXT_LISTING_UPDATES, "stk.listing-updates/1");
    same("STK_EXT_DISCOVERY", STK_EXT_DISCOVERY, "stk.discovery/1");
    same("STK_EXT_WEBHOOK_IN", STK_EXT_WEBHOOK_IN, "stk.webhook-in/1");
    same("STK_EXT_EVENTS_OUT", STK_EXT_EVENTS_OUT, "stk.events-out/1");
    same("STK_EXT_AUTHORIZE", STK_EXT_AUTHORIZE, "stk.authorize/1");
    same("STK_EXT_STOCK_IN", STK_EXT_STOCK_IN, "stk.stock-in/1");
    same("STK_EXT_SUPPLIER_COST_IN", STK_EXT_SUPPLIER_COST_IN, "stk.supplier-cost-in/1");
    same("STK_EXT_PAYMENTS_IN", STK_EXT_PAYMENTS_IN, "stk.payments-in/1");
    same("STK_EXT_RETURNS_IN", STK_EXT_RETURNS_IN, "stk.returns-in/1");
    same("STK_EXT_SETTLEMENT_IN", STK_EXT_SETTLEMENT_IN, "stk.settlement-in/1");
    same("STK_EXT_RATES_IN", STK_EXT_RATES_IN, "stk.rates-in/1");
    same("STK_EXT_FULFILMENT_OUT", STK_EXT_FULFILMENT_OUT, "stk.fulfilment-out/1");
    same("STK_EXT_CARRIER", STK_EXT_CARRIER, "stk.carrier/1");
    same("STK_FACTORY_PLUGINS", STK_FACTORY_PLUGINS, "stk.plugin-factory/1");
    same("STK_ENTRY_SYMBOL", STK_ENTRY_SYMBOL, "stk_entry");
    same("STK_NOTE_OWNER", STK_NOTE_OWNER, "Stockade");
    same("STK_NOTE_SECTION", STK_NOTE_SECTION, ".note.stockade");
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
