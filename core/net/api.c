/* Calls from any door: verb, scope, decoding, and what is answered without the engine.
 *
 * Always true: no answer of a write is made here, only refusals that leave no trace (BUSY, INVALID,
 * DENIED ...), which may be sent before anything is durable. Tokens are compared by their hashes,
 * all of them each time, in constant time. One thread. */
#include "core/net/api.h"
#include "core/base/hash.h"
#include "core/base/mem.h"
#include <string.h>

/* A queue is as long as it may take to answer, at the best rate of the last two seconds: a disk
 * that stops for a moment does not shut the door. */
#define RATES        8
#define QUEUE_MS     100
#define INFLIGHT_MIN 16384 /* before anything is known; 100 ms at a rate that is poor */

struct stk_api {
    struct stk_api_options options;
    const struct stk_verb *last; /* most calls ask for the same verb as the one before */
    uint32_t inflight;           /* handed over and not yet answered */
    uint32_t inflight_max;       /* beyond this the answer would come too late */
    uint32_t answered;           /* since the last tick */
    uint32_t rates[RATES];       /* answers per second in the last ticks, the newest anywhere */
    uint32_t rate_next;
    struct stk_api_counters counters;
};

static const char *const scope_names[] = {"view", "stock", "orders", "catalog", "operate"};
static_assert(sizeof scope_names / sizeof *scope_names == STK_SCOPE_OPERATE + 1, "every scope");

const char *stk_scope_name(unsigned scope)
{
    return scope <= STK_SCOPE_OPERATE ? scope_names[scope] : NULL;
}

uint32_t stk_api_who(const char *name)
{
    uint32_t who = (uint32_t)stk_hash64(name, strlen(name), 0) & INT32_MAX;
    return who ? who : 1;
}

struct stk_api *stk_api_create(const struct stk_api_options *options, struct stk_error *err)
{
    struct stk_api *api = stk_alloc(sizeof *api);
    if (!api) {
        stk_error_set(err, STK_NO_MEMORY, "api: out of memory");
        return NULL;
    }
    stk_assert(options->token_count <= STK_API_TOKENS_MAX);
    api->options = *options;
    api->inflight_max = INFLIGHT_MIN;
    return api;
}

void stk_api_destroy(struct stk_api *api)
{
    stk_free(api);
}

struct stk_caller stk_caller_local(void)
{
    return (struct stk_caller){.scopes = STK_SCOPES_ALL};
}

struct stk_caller stk_caller_unknown(void)
{
    return (struct stk_caller){0};
}

const struct stk_api_counters *stk_api_counters(const struct stk_api *api)
{
    return &api->counters;
}

/* --- refusals --- */

enum stk_status stk_api_refuse(struct stk_doc *answer, enum stk_status status, const char *message)
{
    stk_doc_map(answer, 2);
    stk_doc_key_text(answer, "code", stk_status_name((int)status));
    stk_doc_key_text(answer, "message", message);
    return status;
}

static enum stk_status refuse_unknown(struct stk_doc *answer, struct stk_bytes name)
{
    struct stk_error err;
    if (name.size > STK_ID_MAX || !stk_utf8_valid(name.data, name.size))
        return stk_api_refuse(answer, STK_UNKNOWN, "no such verb (its name is no verb's)");
    stk_error_set(&err, STK_UNKNOWN, "no such verb: \"%.*s\"", (int)name.size, name.data);
    return stk_api_refuse(answer, STK_UNKNOWN, err.text);
}

static enum stk_status refuse_scope(struct stk_api *api, const struct stk_caller *caller,
                                    unsigned scope, struct stk_doc *answer)
{
    struct stk_error err;
    stk_counter_add(&api->counters.unauthorized, 1);
    if (!caller->scopes)
        return stk_api_refuse(answer, STK_UNAUTHORIZED, "call auth with a token first");
    stk_error_set(&err, STK_DENIED, "needs the scope \"%s\", which this token has not",
                  stk_scope_name(scope));
    return stk_api_refuse(answer, STK_DENIED, err.text);
}

/* --- auth: the door's own verb --- */

static const struct stk_value *only_text(const struct stk_value *params, const char *name)
{
    const struct stk_value *value = stk_value_get(params, name);
    return value && value->type == STK_VALUE_STR && params->size == 1 ? value : NULL;
}

/* All tokens are looked at, and every byte of each. */
static const struct stk_api_token *token_of(const struct stk_api *api, struct stk_bytes text)
{
    uint8_t hash[STK_CHAIN_BYTES];
    const struct stk_api_token *found = NULL;
    stk_chain_digest(text.data, text.size, hash);
    for (uint32_t i = 0; i < api->options.token_count; i++) {
        volatile uint8_t differs = 0;
        for (unsigned j = 0; j < STK_CHAIN_BYTES; j++)
            differs |= hash[j] ^ api->options.tokens[i].sha256[j];
        if (!differs)
            found = &api->options.tokens[i];
    }
    return found;
}

static enum stk_status call_auth(struct stk_api *api, struct stk_caller *caller,
                                 const struct stk_value *params, struct stk_doc *answer)
{
    const struct stk_value *token = only_text(params, "token");
    const struct stk_api_token *known;
    uint32_t scopes = 0;
    if (!token)
        return stk_api_refuse(answer, STK_INVALID, "params: must hold token, a string, alone");
    known = token_of(api, stk_value_bytes(token));
    if (!known) {
        caller->failures++;
        stk_counter_add(&api->counters.unauthorized, 1);
        return stk_api_refuse(answer, STK_UNAUTHORIZED, "unknown token");
    }
    caller->scopes = known->scopes;
    caller->who = stk_api_who(known->name);
    for (unsigned i = 0; stk_scope_name(i); i++)
        scopes += (known->scopes >> i) & 1;
    stk_doc_map(answer, 2);
    stk_doc_key_text(answer, "name", known->name);
    stk_doc_text(answer, "scopes");
    stk_doc_array(answer, scopes);
    for (unsigned i = 0; stk_scope_name(i); i++)
        if ((known->scopes >> i) & 1)
            stk_doc_text(answer, stk_scope_name(i));
    return STK_OK;
}

/* --- help: the verb table, for whoever can connect --- */

static const char *const type_names[] = {[STK_FIELD_STR] = "id",
                                         [STK_FIELD_INT] = "integer",
                                         [STK_FIELD_QUANTITY] = "integer",
                                         [STK_FIELD_MONEY] = "money",
                                         [STK_FIELD_TIME] = "time",
                                         [STK_FIELD_SPAN] = "milliseconds",
                                         [STK_FIELD_BOOL] = "boolean",
                                         [STK_FIELD_ENUM] = "name",
                                         [STK_FIELD_CURRENCY] = "currency",
                                         [STK_FIELD_COUNTRY] = "country",
                                         [STK_FIELD_LIST] = "list",
                                         [STK_FIELD_STRS] = "ids",
                                         [STK_FIELD_TEXT] = "text",
                                         [STK_FIELD_COUNTRIES] = "countries"};
static const char *const kind_names[] = {"write", "read", "cell", "reader"};

static void help_fields(struct stk_doc *answer, const struct stk_field *fields)
{
    uint32_t mark = stk_doc_array_open(answer);
    uint32_t count = 0;
    for (const struct stk_field *field = fields; field->name; field++, count++) {
        uint32_t pairs = 4;
        uint32_t map = stk_doc_map_open(answer);
        stk_doc_key_text(answer, "name", field->name);
        stk_doc_key_text(answer, "type", type_names[field->type]);
        stk_doc_key_bool(answer, "required", field->required);
        stk_doc_key_text(answer, "help", field->help);
        if (field->max) {
            stk_doc_key_int(answer, "min", field->min);
            stk_doc_key_int(answer, "max", field->max);
            pairs += 2;
        }
        if (field->fallback) {
            stk_doc_key_int(answer, "default", field->fallback);
            pairs++;
        }
        if (field->names) {
            uint32_t names = 0;
            stk_doc_text(answer, "names");
            uint32_t list = stk_doc_array_open(answer);
            for (; field->names[names]; names++)
                stk_doc_text(answer, field->names[names]);
            stk_doc_array_close(answer, list, names);
            pairs++;
        }
        if (field->sub) {
            stk_doc_text(answer, "fields");
            help_fields(answer, field->sub); /* items hold no lists: as deep as it goes */
            pairs++;
        }
        stk_doc_map_close(answer, map, pairs);
    }
    stk_doc_array_close(answer, mark, count);
}

static void help_verb(struct stk_doc *answer, const struct stk_verb *verb)
{
    stk_doc_map(answer, 8);
    stk_doc_key_text(answer, "name", verb->name);
    stk_doc_key_text(answer, "kind", kind_names[verb->kind]);
    stk_doc_key_text(answer, "scope", stk_scope_name(verb->scope));
    stk_doc_key_text(answer, "source",
                     verb->kind == STK_VERB_WRITE ? "required"
                     : verb->takes_source         ? "optional"
                                                  : "none");
    stk_doc_key_text(answer, "id",
                     verb->id_required              ? "required"
                     : verb->kind == STK_VERB_WRITE ? "optional"
                                                    : "none");
    stk_doc_key_text(answer, "help", verb->help);
    stk_doc_key_text(answer, "result", verb->result);
    stk_doc_text(answer, "fields");
    help_fields(answer, verb->fields);
}

static enum stk_status call_help(const struct stk_value *params, struct stk_doc *answer)
{
    const struct stk_value *name;
    const struct stk_verb *verb;
    if (params->type == STK_VALUE_MAP && params->size == 0) {
        stk_doc_map(answer, 1);
        stk_doc_text(answer, "verbs");
        stk_doc_array(answer, STK_VERB_COUNT - 1);
        for (unsigned i = 1; i < STK_VERB_COUNT; i++)
            help_verb(answer, stk_verb_by_number(i));
        return STK_OK;
    }
    name = only_text(params, "verb");
    if (!name)
        return stk_api_refuse(answer, STK_INVALID, "params: may hold verb, a string, and no more");
    verb = stk_verb_by_name(stk_value_bytes(name));
    if (!verb)
        return refuse_unknown(answer, stk_value_bytes(name));
    help_verb(answer, verb);
    return STK_OK;
}

/* --- stock.get: read at the cell --- */

static enum stk_status refuse_name(struct stk_doc *answer, const char *what, struct stk_bytes name)
{
    struct stk_error err;
    stk_error_set(&err, STK_NOT_FOUND, "%s: there is no \"%.*s\"", what, (int)name.size, name.data);
    return stk_api_refuse(answer, STK_NOT_FOUND, err.text);
}

static void write_stock(const struct stk_engine *engine, const struct stk_stock_view *view,
                        struct stk_bytes sku, struct stk_doc *answer)
{
    stk_doc_map(answer, 4);
    stk_doc_key_str(answer, "sku", sku);
    stk_doc_key_uint(answer, "available", view->available);
    stk_doc_key_uint(answer, "exposed", view->exposed);
    stk_doc_text(answer, "cells");
    stk_doc_array(answer, view->cells);
    for (uint32_t i = 0; i < view->cells; i++) {
        const struct stk_cell_view *cell = &view->cell[i];
        stk_doc_map(answer, 5);
        stk_doc_key_str(answer, "location", stk_engine_location_id(engine, cell->location));
        stk_doc_key_uint(answer, "on_hand", cell->on_hand);
        stk_doc_key_uint(answer, "held", cell->held);
        stk_doc_key_uint(answer, "unsellable", cell->unsellable);
        stk_doc_key_uint(answer, "earmarked", cell->earmarked);
    }
}

static enum stk_status call_stock(struct stk_api *api, const struct stk_verb *verb,
                                  const struct stk_value *params, struct stk_doc *answer)
{
    _Alignas(8) uint8_t room[1024]; /* three ids */
    const struct stk_engine *engine = api->options.engine;
    const struct stk_command *command = (const void *)room;
    const struct stk_args_stock_get *args;
    stk_location_t location = UINT16_MAX;
    struct stk_stock_view view;
    struct stk_bytes name;
    struct stk_error err;
    enum stk_status status = stk_command_decode(verb, params, room, sizeof room, &err);
    stk_sku_t sku;
    if (status != STK_OK)
        return stk_api_refuse(answer, status, err.text);
    args = stk_command_args(command);
    name = stk_command_bytes(command, args->sku);
    sku = stk_engine_find_sku(engine, name);
    if (sku == STK_NONE)
        return refuse_name(answer, "sku", name);
    if (args->location.size) {
        location = stk_engine_find_location(engine, stk_command_bytes(command, args->location));
        if (location == UINT16_MAX)
            return refuse_name(answer, "location", stk_command_bytes(command, args->location));
    }
    status =
        stk_engine_stock(engine, sku, stk_command_bytes(command, args->channel), location, &view);
    if (status != STK_OK) /* deleted since it was found, or no such channel */
        return stk_api_refuse(answer, status, stk_status_text((int)status));
    write_stock(engine, &view, name, answer);
    return STK_OK;
}

/* --- calls --- */

static const struct stk_verb *verb_of(struct stk_api *api, struct stk_bytes name)
{
    const struct stk_verb *last = api->last;
    if (!last || last->name_size != name.size || memcmp(last->name, name.data, name.size) != 0)
        last = stk_verb_by_name(name);
    if (last)
        api->last = last;
    return last;
}

static int is_named(struct stk_bytes name, const char *text)
{
    return name.size == strlen(text) && memcmp(name.data, text, name.size) == 0;
}

static enum stk_status submit(struct stk_api *api, const struct stk_caller *caller,
                              const struct stk_verb *verb, const struct stk_value *params,
                              uint32_t message_size, uint64_t ticket, struct stk_doc *answer)
{
    uint32_t bound = stk_command_bound(verb, params, message_size);
    struct stk_command *command = NULL;
    struct stk_error err;
    enum stk_status status;
    if (api->inflight < api->inflight_max)
        command = stk_inbox_reserve(api->options.inbox, bound);
    if (!command) {
        stk_counter_add(&api->counters.busy, 1);
        return stk_api_refuse(answer, STK_BUSY, stk_status_text(STK_BUSY));
    }
    status = stk_command_decode(verb, params, command, bound, &err);
    if (status != STK_OK) /* what was reserved is reserved anew by the next call */
        return stk_api_refuse(answer, status, err.text);
    command->ticket = ticket;
    command->who = caller->who;
    stk_inbox_commit(api->options.inbox, command);
    api->inflight++;
    return STK_AGAIN;
}

/* The door's own verbs: they have no number. */
static enum stk_status call_own(struct stk_api *api, struct stk_caller *caller,
                                struct stk_bytes name, const struct stk_value *params,
                                struct stk_doc *answer)
{
    if (is_named(name, "auth"))
        return call_auth(api, caller, params, answer);
    if (is_named(name, "help"))
        return call_help(params, answer);
    return refuse_unknown(answer, name);
}

enum stk_status stk_api_call(struct stk_api *api, struct stk_caller *caller, struct stk_bytes name,
                             const struct stk_value *params, uint32_t message_size, uint64_t ticket,
                             uint16_t *verb, struct stk_doc *answer)
{
    const struct stk_verb *found = verb_of(api, name);
    enum stk_status status;
    stk_counter_add(&api->counters.calls, 1);
    *verb = found ? found->number : 0;
    if (!found)
        status = call_own(api, caller, name, params, answer);
    else if (!(caller->scopes & STK_SCOPE_BIT(found->scope)))
        status = refuse_scope(api, caller, found->scope, answer);
    else if (found->kind == STK_VERB_CELL)
        status = call_stock(api, found, params, answer);
    else if (found->number == STK_VERB_STATUS && params->type == STK_VALUE_MAP && !params->size)
        status = (api->options.status(api->options.arg, answer), STK_OK);
    else
        status = submit(api, caller, found, params, message_size, ticket, answer);
    if (status != STK_OK && status != STK_AGAIN)
        stk_counter_add(&api->counters.refused, 1);
    return status;
}

uint32_t stk_api_weight(unsigned verb)
{
    const struct stk_verb *found = stk_verb_by_number(verb);
    return !found || found->kind == STK_VERB_WRITE ? 1 : STK_API_WEIGHT_PAGE;
}

void stk_api_publish(struct stk_api *api)
{
    stk_inbox_publish(api->options.inbox);
}

const struct stk_answer *stk_api_answer(struct stk_api *api)
{
    const struct stk_answer *answer = stk_inbox_answer(api->options.inbox);
    if (answer) {
        stk_assert(api->inflight > 0);
        api->inflight--;
        api->answered++;
    }
    return answer;
}

void stk_api_tick(struct stk_api *api, uint32_t passed_ms)
{
    uint64_t best = 0, most;
    if (!passed_ms)
        return;
    api->rates[api->rate_next++ % RATES] = (uint32_t)((uint64_t)api->answered * 1000 / passed_ms);
    api->answered = 0;
    for (unsigned i = 0; i < RATES; i++)
        best = api->rates[i] > best ? api->rates[i] : best;
    most = best * QUEUE_MS / 1000;
    api->inflight_max = most > INFLIGHT_MIN ? (uint32_t)most : INFLIGHT_MIN;
}

void stk_api_release(struct stk_api *api)
{
    stk_inbox_release(api->options.inbox);
}
