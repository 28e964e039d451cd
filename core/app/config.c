/* The configuration: defaults, YAML in, checks, YAML out.
 *
 * Always true: what is printed reads back the same. Cold path, main thread. */
#include "core/app/config.h"
#include "core/app/channels.h"
#include "core/app/option.h"
#include "core/app/yaml.h"
#include <string.h>

#define DAY_MS INT64_C(86400000)
#define GIB    (INT64_C(1) << 30)
#define MIB    (INT64_C(1) << 20)

/* --- defaults --- */

void stk_config_defaults(struct stk_config *config)
{
    memset(config, 0, sizeof *config);
    snprintf(config->data, sizeof config->data, "data");
    config->log_level = STK_LOG_INFO;
    stk_engine_defaults(&config->engine);
    config->journal.segment_bytes = STK_SEGMENT_BYTES_DEFAULT;
    config->journal.retain_bytes = (uint64_t)(20 * GIB);
    config->journal.retain_ms = 30 * DAY_MS;
    config->journal.free_bytes_min = (uint64_t)GIB;
    config->state_map_bytes = (uint64_t)GIB;
    config->fold.pause_ms = 500;
    config->fold.batch_bytes_max = 32 * (uint32_t)MIB;
    config->fold.run_keys = 1000000;
    config->fold.run_age_ms = 3600000;
    config->fold.order_window_ms = 400 * DAY_MS;
    stk_rpc_defaults(&config->rpc);
    config->rpc_listen_count = 1;
    snprintf(config->rpc_listen[0], STK_ADDRESS_MAX, "127.0.0.1:7460");
}

/* --- reading --- */

static enum stk_status unknown(const struct stk_yaml *yaml, const struct stk_yaml_node *node,
                               const char *section, struct stk_error *err)
{
    const char *nearest = stk_option_nearest(section, node->key);
    return stk_yaml_fault(yaml, node, 1, err, "unknown option \"%s%s%.64s\"%s%s%s",
                          section ? section : "", section ? "." : "", node->key,
                          nearest ? "; did you mean \"" : "", nearest ? nearest : "",
                          nearest ? "\"?" : "");
}

static enum stk_status read_number(struct stk_config *config, const struct stk_option *option,
                                   const struct stk_yaml *yaml, const struct stk_yaml_node *node,
                                   struct stk_error *err)
{
    static const char *const kinds[] = {[STK_OPTION_NUMBER] = "a whole number",
                                        [STK_OPTION_BYTES] = "a number of B, KiB, MiB, GiB or TiB",
                                        [STK_OPTION_SPAN] = "a number of ms, s, min, h or d"};
    char low[32], high[32];
    int64_t value;
    if (node->type != STK_YAML_SCALAR || !stk_option_parse(option, node->text, &value))
        return stk_yaml_fault(yaml, node, 0, err, "%s: must be %s", option->name,
                              kinds[option->type]);
    if (value < option->min || value > option->max) {
        stk_option_format(option, option->min, low, sizeof low);
        stk_option_format(option, option->max, high, sizeof high);
        return stk_yaml_fault(yaml, node, 0, err, "%s: must be %s to %s, is %s", option->name, low,
                              high, node->text);
    }
    stk_option_set(config, option, value);
    return STK_OK;
}

static enum stk_status read_word(struct stk_config *config, const struct stk_option *option,
                                 const struct stk_yaml *yaml, const struct stk_yaml_node *node,
                                 struct stk_error *err)
{
    static const char *const flags[] = {"false", "true", NULL};
    const char *const *names = option->type == STK_OPTION_FLAG ? flags : option->names;
    for (int64_t i = 0; node->type == STK_YAML_SCALAR && names[i]; i++)
        if (strcmp(names[i], node->text) == 0) {
            stk_option_set(config, option, i);
            return STK_OK;
        }
    return stk_yaml_fault(yaml, node, 0, err, "%s: must be %s", option->name,
                          option->type == STK_OPTION_FLAG ? "true or false" : option->help);
}

/* A text that fits and has no control characters. */
static enum stk_status read_text(const struct stk_yaml *yaml, const struct stk_yaml_node *node,
                                 const char *name, char *text, size_t size, struct stk_error *err)
{
    if (node->type != STK_YAML_SCALAR)
        return stk_yaml_fault(yaml, node, 0, err, "%s: must be a text", name);
    if (strlen(node->text) >= size)
        return stk_yaml_fault(yaml, node, 0, err, "%s: longer than %zu bytes", name, size - 1);
    for (const char *at = node->text; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            return stk_yaml_fault(yaml, node, 0, err, "%s: has a control character", name);
    snprintf(text, size, "%s", node->text);
    return STK_OK;
}

static enum stk_status read_addresses(struct stk_config *config, const struct stk_option *option,
                                      const struct stk_yaml *yaml, const struct stk_yaml_node *node,
                                      struct stk_error *err)
{
    uint32_t count = 0;
    if (node->type != STK_YAML_LIST)
        return stk_yaml_fault(yaml, node, 0, err, "%s: must be a list", option->name);
    if (node->count > STK_RPC_ADDRESSES_MAX - 1)
        return stk_yaml_fault(yaml, node, 0, err, "%s: no more than %d", option->name,
                              STK_RPC_ADDRESSES_MAX - 1);
    for (const struct stk_yaml_node *item = node->first; item; item = item->next) {
        enum stk_status status =
            read_text(yaml, item, option->name, config->rpc_listen[count++], STK_ADDRESS_MAX, err);
        if (status != STK_OK)
            return status;
    }
    config->rpc_listen_count = count;
    return STK_OK;
}

static enum stk_status read_option(struct stk_config *config, const struct stk_option *option,
                                   const struct stk_yaml *yaml, const struct stk_yaml_node *node,
                                   struct stk_error *err)
{
    switch (option->type) {
    case STK_OPTION_FLAG:
    case STK_OPTION_CHOICE:
        return read_word(config, option, yaml, node, err);
    case STK_OPTION_TEXT:
        return read_text(yaml, node, option->name, (char *)config + option->offset, option->size,
                         err);
    case STK_OPTION_ADDRESSES:
        return read_addresses(config, option, yaml, node, err);
    default:
        return read_number(config, option, yaml, node, err);
    }
}

/* --- tokens --- */

static int hex_digit(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

static enum stk_status read_hash(const struct stk_yaml *yaml, const struct stk_yaml_node *node,
                                 uint8_t *hash, struct stk_error *err)
{
    int good = node->type == STK_YAML_SCALAR && strlen(node->text) == 2 * STK_CHAIN_BYTES;
    for (int i = 0; good && i < STK_CHAIN_BYTES; i++) {
        int high = hex_digit(node->text[2 * i]), low = hex_digit(node->text[2 * i + 1]);
        good = high >= 0 && low >= 0;
        if (good)
            hash[i] = (uint8_t)(high << 4 | low);
    }
    return good ? STK_OK
                : stk_yaml_fault(yaml, node, 0, err,
                                 "sha256: must be 64 hex digits (printf %%s TOKEN | sha256sum)");
}

static enum stk_status read_scopes(const struct stk_yaml *yaml, const struct stk_yaml_node *node,
                                   uint32_t *scopes, struct stk_error *err)
{
    *scopes = 0;
    if (node->type != STK_YAML_LIST || !node->count)
        return stk_yaml_fault(yaml, node, 0, err, "scopes: must be a list, not empty");
    for (const struct stk_yaml_node *item = node->first; item; item = item->next) {
        unsigned scope = 0;
        while (item->type == STK_YAML_SCALAR && stk_scope_name(scope) &&
               strcmp(stk_scope_name(scope), item->text) != 0)
            scope++;
        if (item->type != STK_YAML_SCALAR || !stk_scope_name(scope))
            return stk_yaml_fault(yaml, item, 0, err,
                                  "scopes: must be of view, stock, orders, catalog, operate");
        *scopes |= STK_SCOPE_BIT(scope);
    }
    return STK_OK;
}

static enum stk_status read_token(struct stk_config *config, const struct stk_yaml *yaml,
                                  const struct stk_yaml_node *node, struct stk_error *err)
{
    static const char *const needed[] = {"name", "sha256", "scopes"};
    struct stk_api_token *token = &config->tokens[config->token_count];
    enum stk_status status;
    if (node->type != STK_YAML_MAP)
        return stk_yaml_fault(yaml, node, 0, err, "a token must be a map of name, sha256, scopes");
    for (const struct stk_yaml_node *entry = node->first; entry; entry = entry->next)
        if (strcmp(entry->key, needed[0]) && strcmp(entry->key, needed[1]) &&
            strcmp(entry->key, needed[2]))
            return stk_yaml_fault(yaml, entry, 1, err,
                                  "unknown \"%.64s\"; a token has name, sha256, scopes",
                                  entry->key);
    for (int i = 0; i < 3; i++)
        if (!stk_yaml_get(node, needed[i]))
            return stk_yaml_fault(yaml, node, 0, err, "a token without %s", needed[i]);
    status =
        read_text(yaml, stk_yaml_get(node, "name"), "name", token->name, sizeof token->name, err);
    if (status == STK_OK && !*token->name)
        status = stk_yaml_fault(yaml, node, 0, err, "a token with an empty name");
    if (status == STK_OK)
        status = read_hash(yaml, stk_yaml_get(node, "sha256"), token->sha256, err);
    if (status == STK_OK)
        status = read_scopes(yaml, stk_yaml_get(node, "scopes"), &token->scopes, err);
    for (uint32_t i = 0; status == STK_OK && i < config->token_count; i++)
        if (stk_api_who(config->tokens[i].name) == stk_api_who(token->name))
            status = stk_yaml_fault(yaml, node, 0, err, "two tokens named \"%s\"", token->name);
    if (status == STK_OK)
        config->token_count++;
    return status;
}

static enum stk_status read_tokens(struct stk_config *config, const struct stk_yaml *yaml,
                                   const struct stk_yaml_node *node, struct stk_error *err)
{
    config->token_count = 0;
    if (node->type != STK_YAML_LIST)
        return stk_yaml_fault(yaml, node, 0, err, "tokens: must be a list");
    if (node->count > STK_API_TOKENS_MAX)
        return stk_yaml_fault(yaml, node, 0, err, "tokens: no more than %d", STK_API_TOKENS_MAX);
    for (const struct stk_yaml_node *item = node->first; item; item = item->next) {
        enum stk_status status = read_token(config, yaml, item, err);
        if (status != STK_OK)
            return status;
    }
    return STK_OK;
}

/* --- the file --- */

static int is_empty(const struct stk_yaml_node *node)
{
    return node->type == STK_YAML_SCALAR && !*node->text && !node->quoted;
}

static enum stk_status read_section(struct stk_config *config, const struct stk_section *section,
                                    const struct stk_yaml *yaml, const struct stk_yaml_node *node,
                                    struct stk_error *err)
{
    if (is_empty(node))
        return STK_OK;
    if (node->type != STK_YAML_MAP)
        return stk_yaml_fault(yaml, node, 0, err, "%s: must be a map of options", section->name);
    for (const struct stk_yaml_node *entry = node->first; entry; entry = entry->next) {
        const struct stk_option *option = stk_option_find(section->name, entry->key);
        enum stk_status status = option ? read_option(config, option, yaml, entry, err)
                                        : unknown(yaml, entry, section->name, err);
        if (status != STK_OK)
            return status;
    }
    return STK_OK;
}

static enum stk_status read_all(struct stk_config *config, const struct stk_yaml *yaml,
                                struct stk_error *err)
{
    const struct stk_yaml_node *root = stk_yaml_root(yaml);
    if (root->type != STK_YAML_MAP)
        return stk_yaml_fault(yaml, root, 0, err, "must be a map of sections");
    for (const struct stk_yaml_node *entry = root->first; entry; entry = entry->next) {
        const struct stk_section *section = stk_section_find(entry->key);
        const struct stk_option *option = stk_option_find(NULL, entry->key);
        enum stk_status status;
        if (section)
            status = read_section(config, section, yaml, entry, err);
        else if (option)
            status = read_option(config, option, yaml, entry, err);
        else if (strcmp(entry->key, "tokens") == 0)
            status = read_tokens(config, yaml, entry, err);
        else if (strcmp(entry->key, "channels") == 0)
            status = stk_channels_read(&config->channels, &config->channel_count, yaml, entry, err);
        else
            status = unknown(yaml, entry, NULL, err);
        if (status != STK_OK)
            return status;
    }
    return STK_OK;
}

enum stk_status stk_config_load(struct stk_config *config, const char *path, struct stk_error *err)
{
    struct stk_yaml *yaml;
    enum stk_status status = stk_yaml_load(&yaml, path, err);
    if (status != STK_OK)
        return status;
    status = read_all(config, yaml, err);
    stk_yaml_free(yaml);
    return status;
}

enum stk_status stk_config_parse(struct stk_config *config, const char *name, const char *text,
                                 size_t size, struct stk_error *err)
{
    struct stk_yaml *yaml;
    enum stk_status status = stk_yaml_parse(&yaml, name, text, size, err);
    if (status != STK_OK)
        return status;
    status = read_all(config, yaml, err);
    stk_yaml_free(yaml);
    return status;
}

/* --- checks across options --- */

enum stk_status stk_config_check(const struct stk_config *config, struct stk_error *err)
{
    int no_unix = strcmp(config->rpc_unix, "none") == 0;
    if (!*config->data)
        return stk_error_set(err, STK_INVALID, "data: must not be empty");
    if (no_unix && !config->rpc_listen_count)
        return stk_error_set(err, STK_INVALID,
                             "rpc: neither unix nor listen: nobody could ever connect");
    for (uint32_t i = 0; i < config->rpc_listen_count; i++) {
        const char *address = config->rpc_listen[i];
        if (strncmp(address, "unix:", 5) == 0)
            return stk_error_set(err, STK_INVALID, "rpc.listen: %s: a Unix socket is named by unix",
                                 address);
        if (stk_address_is_local(address))
            continue;
        if (!config->token_count)
            return stk_error_set(
                err, STK_INVALID,
                "rpc.listen: %s can be reached by others, and there are no tokens; "
                "set tokens, or listen at 127.0.0.1 only",
                address);
        if (!config->rpc_plaintext)
            return stk_error_set(
                err, STK_INVALID,
                "rpc.listen: %s can be reached by others, and there is no TLS yet; "
                "listen at 127.0.0.1 behind a tunnel, or accept clear text with "
                "rpc.plaintext: true",
                address);
    }
    if (config->engine.cells < config->engine.skus)
        return stk_error_set(err, STK_INVALID,
                             "engine.cells (%u) is smaller than engine.skus (%u): some SKUs could "
                             "never have stock",
                             config->engine.cells, config->engine.skus);
    if (config->engine.holds < config->engine.orders)
        return stk_error_set(err, STK_INVALID,
                             "engine.holds (%u) is smaller than engine.orders (%u): each order "
                             "holds something",
                             config->engine.holds, config->engine.orders);
    return STK_OK;
}

/* --- printing --- */

/* In double quotes, so that it reads back whatever is in it. */
static void print_text(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

static void print_value(const struct stk_config *config, const struct stk_option *option, FILE *out)
{
    char text[64];
    switch (option->type) {
    case STK_OPTION_FLAG:
        fputs(stk_option_get(config, option) ? "true" : "false", out);
        break;
    case STK_OPTION_CHOICE:
        fputs(option->names[stk_option_get(config, option)], out);
        break;
    case STK_OPTION_TEXT:
        print_text(out, (const char *)config + option->offset);
        break;
    case STK_OPTION_ADDRESSES:
        fputc('[', out);
        for (uint32_t i = 0; i < config->rpc_listen_count; i++) {
            fputs(i ? ", " : "", out);
            print_text(out, config->rpc_listen[i]);
        }
        fputc(']', out);
        break;
    default:
        stk_option_format(option, stk_option_get(config, option), text, sizeof text);
        fputs(text, out);
    }
}

static void print_range(const struct stk_option *option, FILE *out)
{
    char low[32], high[32];
    if (option->type > STK_OPTION_SPAN)
        return;
    stk_option_format(option, option->min, low, sizeof low);
    stk_option_format(option, option->max, high, sizeof high);
    fprintf(out, " (%s to %s)", low, high);
}

static void print_tokens(const struct stk_config *config, FILE *out)
{
    fputs("\n# Who may come by TCP once there is one of these: the first call is auth with the "
          "token.\n"
          "# A token is a secret text; here stands its hash (printf %s TOKEN | sha256sum), and "
          "its\n"
          "# scopes, of view, stock, orders, catalog, operate. Its name is in the journal.\n",
          out);
    if (!config->token_count) {
        fputs("tokens: []\n", out);
        return;
    }
    fputs("tokens:\n", out);
    for (uint32_t i = 0; i < config->token_count; i++) {
        const struct stk_api_token *token = &config->tokens[i];
        const char *comma = "";
        fputs("  - name: ", out);
        print_text(out, token->name);
        fputs("\n    sha256: \"", out);
        for (int j = 0; j < STK_CHAIN_BYTES; j++)
            fprintf(out, "%02x", token->sha256[j]);
        fputs("\"\n    scopes: [", out);
        for (unsigned scope = 0; stk_scope_name(scope); scope++)
            if (token->scopes & STK_SCOPE_BIT(scope)) {
                fprintf(out, "%s%s", comma, stk_scope_name(scope));
                comma = ", ";
            }
        fputs("]\n", out);
    }
}

void stk_config_print(const struct stk_config *config, FILE *out)
{
    const char *section = NULL;
    fputs("# Configuration of stockaded. Every option is here with the value in force.\n", out);
    for (const struct stk_option *option = stk_options(); option->name; option++) {
        const char *indent = option->section ? "  " : "";
        if (option->section && (!section || strcmp(section, option->section) != 0)) {
            section = option->section;
            fprintf(out, "\n# %s\n%s:\n", stk_section_find(section)->help, section);
        }
        fprintf(out, "%s# %s", indent, option->help);
        print_range(option, out);
        fprintf(out, "\n%s%s: ", indent, option->name);
        print_value(config, option, out);
        fputc('\n', out);
    }
    print_tokens(config, out);
    stk_channels_print(config->channels, config->channel_count, out);
}

void stk_config_free(struct stk_config *config)
{
    stk_channels_free(config->channels, config->channel_count);
    config->channels = NULL;
    config->channel_count = 0;
}
