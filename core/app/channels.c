/* Instances of plugins as YAML. A plugin is a path, or the name of one in `plugins` beside the
 * program. What a plugin declares of its own options is checked where it is loaded. */
#include "core/app/channels.h"
#include "core/app/option.h"
#include "core/base/mem.h"
#include "core/plug/child.h"
#include "core/plug/elf_note.h"
#include <stddef.h>
#include <string.h>

#define MEMORY_DEFAULT (UINT64_C(1) << 30)
#define FILES_DEFAULT  512
#define DAY_MS         INT64_C(86400000)

enum kind { NAME, PLUGIN, ISOLATION, MATCH, SPAN, BYTES, NUMBER, OPTIONS, SECRETS };
static const struct field {
    const char *name;
    enum kind kind;
    uint32_t offset;
    int64_t min, max, fallback;
    const char *help;
} fields[] = {
    {"name", NAME, 0, 0, 0, 0, "of the channel; orders, listings and notes belong to it"},
    {"plugin", PLUGIN, 0, 0, 0, 0, "a file, or a name: plugins/NAME.so beside the program"},
    {"isolation", ISOLATION, 0, 0, 0, 0,
     "process: a child of its own; in_process: with the engine"},
    {"match", MATCH, 0, 0, 0, 0,
     "auto: listings that are found are paired by SKU, then barcode; no"},
    {"flush_ms", SPAN, offsetof(struct stk_instance_options, courier.flush_ms), 10, DAY_MS, 120000,
     "between normal flushes; what is urgent does not wait"},
    {"poll_ms", SPAN, offsetof(struct stk_instance_options, courier.poll_ms), 10, DAY_MS, 60000,
     "between polls of orders"},
    {"read_back_ms", SPAN, offsetof(struct stk_instance_options, courier.read_back_ms), 10,
     7 * DAY_MS, 60000, "between looks at a sample of listings"},
    {"since_ms", SPAN, offsetof(struct stk_instance_options, courier.since_ms), 0, 400 * DAY_MS,
     7 * DAY_MS, "first contact: orders of so long ago"},
    {"memory_max", BYTES, offsetof(struct stk_instance_options, memory_max), 64 << 20,
     INT64_C(1) << 40, MEMORY_DEFAULT, "address space of the child"},
    {"files_max", NUMBER, offsetof(struct stk_instance_options, files_max), 16, 65536,
     FILES_DEFAULT, "open files of the child"},
    {"options", OPTIONS, 0, 0, 0, 0, "what the plugin declares"},
    {"secrets", SECRETS, 0, 0, 0, 0, "{name: {file: PATH}} or {name: {environment: VARIABLE}}"},
};
#define FIELDS (sizeof fields / sizeof *fields)

static enum stk_status read_text(const struct stk_yaml *yaml, const struct stk_yaml_node *node,
                                 const char *what, char *text, size_t size, struct stk_error *err)
{
    if (node->type != STK_YAML_SCALAR || !*node->text)
        return stk_yaml_fault(yaml, node, 0, err, "%s: must be a text", what);
    if (strlen(node->text) >= size)
        return stk_yaml_fault(yaml, node, 0, err, "%s: longer than %zu bytes", what, size - 1);
    snprintf(text, size, "%s", node->text);
    return STK_OK;
}

static enum stk_status read_name(const struct stk_yaml *yaml, const struct stk_yaml_node *node,
                                 struct stk_instance_options *to, struct stk_error *err)
{
    enum stk_status status = read_text(yaml, node, "name", to->name, sizeof to->name, err);
    if (status == STK_OK && strspn(to->name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                             "0123456789._-") != strlen(to->name))
        return stk_yaml_fault(yaml, node, 0, err, "name: letters, digits, '.', '_' and '-' only");
    return status;
}

static enum stk_status read_plugin(const struct stk_yaml *yaml, const struct stk_yaml_node *node,
                                   struct stk_instance_options *to, struct stk_error *err)
{
    char word[900], file[960];
    enum stk_status status = read_text(yaml, node, "plugin", word, sizeof word, err);
    if (status != STK_OK)
        return status;
    snprintf(file, sizeof file, "plugins/%s.so", word);
    if (strchr(word, '/'))
        snprintf(to->plugin, sizeof to->plugin, "%s", word);
    else
        stk_child_beside(file, to->plugin, sizeof to->plugin);
    return STK_OK;
}

/* The first of two words is 0, the second 1. */
static enum stk_status read_word(const struct stk_yaml *yaml, const struct stk_yaml_node *node,
                                 const char *what, const char *first, const char *second,
                                 int *value, struct stk_error *err)
{
    int is_first = node->type == STK_YAML_SCALAR && strcmp(node->text, first) == 0;
    int is_second = node->type == STK_YAML_SCALAR && strcmp(node->text, second) == 0;
    if (!is_first && !is_second)
        return stk_yaml_fault(yaml, node, 0, err, "%s: must be %s or %s", what, first, second);
    *value = is_second;
    return STK_OK;
}

static enum stk_status read_number(const struct stk_yaml *yaml, const struct stk_yaml_node *node,
                                   const struct field *field, struct stk_instance_options *to,
                                   struct stk_error *err)
{
    struct stk_option option = {.name = field->name,
                                .type = field->kind == SPAN    ? STK_OPTION_SPAN
                                        : field->kind == BYTES ? STK_OPTION_BYTES
                                                               : STK_OPTION_NUMBER};
    int64_t value;
    if (node->type != STK_YAML_SCALAR || !stk_option_parse(&option, node->text, &value))
        return stk_yaml_fault(yaml, node, 0, err, "%s: must be a number%s", field->name,
                              field->kind == SPAN    ? " of ms, s, min, h or d"
                              : field->kind == BYTES ? " of B, KiB, MiB or GiB"
                                                     : "");
    if (value < field->min || value > field->max)
        return stk_yaml_fault(yaml, node, 0, err, "%s: must be %lld to %lld", field->name,
                              (long long)field->min, (long long)field->max);
    if (field->kind == NUMBER)
        memcpy((char *)to + field->offset, &(uint32_t){(uint32_t)value}, 4);
    else
        memcpy((char *)to + field->offset, &value, 8);
    return STK_OK;
}

static enum stk_status read_pairs(const struct stk_yaml *yaml, const struct stk_yaml_node *node,
                                  const char *what, uint32_t max, int secrets,
                                  struct stk_instance_pair **pairs, uint32_t *count,
                                  struct stk_error *err)
{
    if (node->type != STK_YAML_MAP)
        return stk_yaml_fault(yaml, node, 0, err, "%s: must be a map", what);
    if (node->count > max)
        return stk_yaml_fault(yaml, node, 0, err, "%s: no more than %u", what, max);
    *pairs = stk_alloc((node->count + 1) * sizeof **pairs);
    if (!*pairs)
        return stk_error_set(err, STK_NO_MEMORY, "out of memory");
    for (const struct stk_yaml_node *entry = node->first; entry; entry = entry->next) {
        struct stk_instance_pair *pair = &(*pairs)[*count];
        const struct stk_yaml_node *value = entry;
        if (strlen(entry->key) >= sizeof pair->name)
            return stk_yaml_fault(yaml, entry, 1, err, "%s: the name is too long", what);
        snprintf(pair->name, sizeof pair->name, "%s", entry->key);
        if (secrets) {
            value = entry->type == STK_YAML_MAP && entry->count == 1 ? entry->first : NULL;
            if (!value || (strcmp(value->key, "file") && strcmp(value->key, "environment")))
                return stk_yaml_fault(yaml, entry, 0, err,
                                      "secrets.%s: must be {file: PATH} or {environment: VARIABLE}",
                                      pair->name);
            pair->is_environment = strcmp(value->key, "environment") == 0;
        }
        if (value->type != STK_YAML_SCALAR || strlen(value->text) >= sizeof pair->value)
            return stk_yaml_fault(yaml, value, 0, err, "%s.%s: must be a text or a number", what,
                                  pair->name);
        snprintf(pair->value, sizeof pair->value, "%s", value->text);
        ++*count;
    }
    return STK_OK;
}

static enum stk_status read_field(const struct stk_yaml *yaml, const struct stk_yaml_node *node,
                                  const struct field *field, struct stk_instance_options *to,
                                  struct stk_error *err)
{
    switch (field->kind) {
    case NAME:
        return read_name(yaml, node, to, err);
    case PLUGIN:
        return read_plugin(yaml, node, to, err);
    case ISOLATION:
        return read_word(yaml, node, "isolation", "process", "in_process", &to->in_process, err);
    case MATCH:
        return read_word(yaml, node, "match", "no", "auto", &to->match, err);
    case OPTIONS:
        return read_pairs(yaml, node, "options", STK_OPTIONS_MAX, 0, &to->option,
                          &to->options_count, err);
    case SECRETS:
        return read_pairs(yaml, node, "secrets", STK_INSTANCE_SECRETS_MAX, 1, &to->secret,
                          &to->secrets_count, err);
    default:
        return read_number(yaml, node, field, to, err);
    }
}

static void set_defaults(struct stk_instance_options *to)
{
    to->match = 1;
    for (size_t i = 0; i < FIELDS; i++)
        if (fields[i].kind == NUMBER)
            memcpy((char *)to + fields[i].offset, &(uint32_t){(uint32_t)fields[i].fallback}, 4);
        else if (fields[i].kind == SPAN || fields[i].kind == BYTES)
            memcpy((char *)to + fields[i].offset, &fields[i].fallback, 8);
}

static enum stk_status read_channel(struct stk_instance_options *to, const struct stk_yaml *yaml,
                                    const struct stk_yaml_node *node, struct stk_error *err)
{
    set_defaults(to);
    if (node->type != STK_YAML_MAP)
        return stk_yaml_fault(yaml, node, 0, err, "a channel must be a map");
    for (const struct stk_yaml_node *entry = node->first; entry; entry = entry->next) {
        const struct field *field = NULL;
        for (size_t i = 0; i < FIELDS; i++)
            if (strcmp(fields[i].name, entry->key) == 0)
                field = &fields[i];
        if (!field)
            return stk_yaml_fault(
                yaml, entry, 1, err,
                "unknown \"%.64s\"; a channel has name, plugin, isolation, match, "
                "flush_ms, poll_ms, read_back_ms, since_ms, memory_max, "
                "files_max, options, secrets",
                entry->key);
        enum stk_status status = read_field(yaml, entry, field, to, err);
        if (status != STK_OK)
            return status;
    }
    if (!*to->name || !*to->plugin)
        return stk_yaml_fault(yaml, node, 0, err, "a channel without %s",
                              *to->name ? "plugin" : "name");
    return STK_OK;
}

enum stk_status stk_channels_read(struct stk_instance_options **channels, uint32_t *count,
                                  const struct stk_yaml *yaml, const struct stk_yaml_node *node,
                                  struct stk_error *err)
{
    enum stk_status status = STK_OK;
    stk_channels_free(*channels, *count);
    *channels = NULL;
    *count = 0;
    if (node->type != STK_YAML_LIST)
        return stk_yaml_fault(yaml, node, 0, err, "channels: must be a list");
    if (node->count > STK_APP_CHANNELS_MAX)
        return stk_yaml_fault(yaml, node, 0, err, "channels: no more than %d",
                              STK_APP_CHANNELS_MAX);
    *channels = stk_alloc((node->count + 1) * sizeof **channels);
    if (!*channels)
        return stk_error_set(err, STK_NO_MEMORY, "out of memory");
    for (const struct stk_yaml_node *item = node->first; status == STK_OK && item;
         item = item->next) {
        struct stk_instance_options *to = &(*channels)[(*count)++];
        status = read_channel(to, yaml, item, err);
        for (uint32_t i = 0; status == STK_OK && i + 1 < *count; i++)
            if (strcmp((*channels)[i].name, to->name) == 0)
                status = stk_yaml_fault(yaml, item, 0, err, "two channels named \"%s\"", to->name);
    }
    if (status != STK_OK) {
        stk_channels_free(*channels, *count);
        *channels = NULL;
        *count = 0;
    }
    return status;
}

void stk_channels_free(struct stk_instance_options *channels, uint32_t count)
{
    for (uint32_t i = 0; channels && i < count; i++) {
        stk_free(channels[i].option);
        stk_free(channels[i].secret);
    }
    stk_free(channels);
}

/* ---- printing and checking ---- */

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

static void print_number(const struct field *field, const struct stk_instance_options *from,
                         FILE *out)
{
    struct stk_option option = {.type = field->kind == SPAN    ? STK_OPTION_SPAN
                                        : field->kind == BYTES ? STK_OPTION_BYTES
                                                               : STK_OPTION_NUMBER};
    char text[64];
    int64_t value;
    uint32_t narrow;
    memcpy(&value, (const char *)from + field->offset, 8);
    memcpy(&narrow, (const char *)from + field->offset, 4);
    stk_option_format(&option, field->kind == NUMBER ? (int64_t)narrow : value, text, sizeof text);
    fputs(text, out);
}

static void print_pairs(const struct stk_instance_pair *pairs, uint32_t count, int secrets,
                        FILE *out)
{
    fputc('{', out);
    for (uint32_t i = 0; i < count; i++) {
        fputs(i ? ", " : "", out);
        print_text(out, pairs[i].name);
        fputs(!secrets ? ": " : pairs[i].is_environment ? ": {environment: " : ": {file: ", out);
        print_text(out, pairs[i].value);
        fputs(secrets ? "}" : "", out);
    }
    fputc('}', out);
}

static void print_channel(const struct stk_instance_options *from, FILE *out)
{
    for (size_t i = 0; i < FIELDS; i++) {
        fprintf(out, "%s%s: ", i ? "    " : "  - ", fields[i].name);
        switch (fields[i].kind) {
        case NAME:
            print_text(out, from->name);
            break;
        case PLUGIN:
            print_text(out, from->plugin);
            break;
        case ISOLATION:
            fputs(from->in_process ? "in_process" : "process", out);
            break;
        case MATCH:
            fputs(from->match ? "auto" : "no", out);
            break;
        case OPTIONS:
            print_pairs(from->option, from->options_count, 0, out);
            break;
        case SECRETS:
            print_pairs(from->secret, from->secrets_count, 1, out);
            break;
        default:
            print_number(&fields[i], from, out);
        }
        fputc('\n', out);
    }
}

void stk_channels_print(const struct stk_instance_options *channels, uint32_t count, FILE *out)
{
    fputs("\n# Channels: instances of plugins. Each has\n", out);
    for (size_t i = 0; i < FIELDS; i++)
        fprintf(out, "#   %s: %s\n", fields[i].name, fields[i].help);
    fputs(count ? "channels:\n" : "channels: []\n", out);
    for (uint32_t i = 0; i < count; i++)
        print_channel(&channels[i], out);
}

enum stk_status stk_channels_check(const struct stk_instance_options *channels, uint32_t count,
                                   struct stk_error *err)
{
    struct stk_plugin_manifest manifest;
    for (uint32_t i = 0; i < count; i++)
        if (stk_elf_note_read(channels[i].plugin, &manifest, err) != STK_OK)
            return stk_error_prefix(err, "channel %s", channels[i].name);
    return STK_OK;
}
