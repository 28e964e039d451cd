/* The words of an import: one table for reading them and for the help. */
#include "tools/stockade/import.h"
#include "tools/stockade/texts.h"
#include "tools/stockade/when.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct option {
    const char *name;
    enum { TEXT, FLAG, NUMBER, MAP } type;
    size_t offset;
    const char *kinds; /* s skus, t stock, o orders */
    const char *value, *help;
} options[] = {
#define AT(member) offsetof(struct import_options, member)
    {"map", MAP, 0, "sto", "COLUMN=FIELD,...", T_OPT_MAP},
    {"source", TEXT, AT(source), "sto", "TEXT", T_OPT_SOURCE},
    {"location", TEXT, AT(location), "t", "ID", T_OPT_LOCATION},
    {"currency", TEXT, AT(currency), "so", "GBP", T_OPT_CURRENCY},
    {"country", TEXT, AT(country), "o", "GB", T_OPT_COUNTRY},
    {"channel", TEXT, AT(channel), "o", "NAME", T_OPT_CHANNEL},
    {"dry-run", FLAG, AT(dry_run), "sto", "", T_OPT_DRY_RUN},
    {"rejects", TEXT, AT(rejects), "sto", "FILE", T_OPT_REJECTS},
    {"skip-sku", TEXT, AT(skip_sku), "sto", "REGEX", T_OPT_SKIP_SKU},
    {"sku-case", TEXT, AT(sku_case), "sto", "upper|lower", T_OPT_SKU_CASE},
    {"fact", FLAG, AT(fact), "o", "", T_OPT_FACT},
    {"split", FLAG, AT(split), "o", "", T_OPT_SPLIT},
    {"stage", TEXT, AT(stage), "o", "placed|paid|shipped", T_OPT_STAGE},
    {"cancel-prefix", TEXT, AT(cancel_prefix), "o", "TEXT", T_OPT_CANCEL},
    {"group-rows", NUMBER, AT(group_rows), "o", "N", T_OPT_GROUP},
    {"as", TEXT, AT(as), "t", "count|receive|snapshot", T_OPT_AS},
    {"as-of", TEXT, AT(as_of), "t", "TIME", T_OPT_AS_OF},
    {"missing", TEXT, AT(missing), "t", "keep|zero", T_OPT_MISSING},
    {"sum", FLAG, AT(sum), "t", "", T_OPT_SUM},
    {"percent", NUMBER, AT(percent), "t", "N", T_OPT_PERCENT},
    {"only-positive", FLAG, AT(only_positive), "t", "", T_OPT_POSITIVE},
    {"batch", TEXT, AT(batch), "st", "TEXT", T_OPT_BATCH},
    {"date-format", TEXT, AT(date_format), "to", "FORMAT", T_OPT_DATE_FORMAT},
    {"utc-offset", TEXT, AT(utc_offset), "to", "+08:00", T_OPT_UTC_OFFSET},
    {"decimal", TEXT, AT(decimal), "so", ".|,", T_OPT_DECIMAL},
    {"separator", TEXT, AT(separator), "sto", ",|;|tab", T_OPT_SEPARATOR},
    {"encoding", TEXT, AT(encoding), "sto", "NAME", T_OPT_ENCODING},
#undef AT
};
#define OPTIONS (sizeof(options) / sizeof(*options))

static char kind_letter(const struct import_kind *kind)
{
    return kind == &import_skus ? 's' : kind == &import_stock ? 't' : 'o';
}

int import_help(const struct import_kind *kind)
{
    printf(T_IMPORT_HELP, kind->name, kind->name);
    fputs(T_IMPORT_FIELDS, stdout);
    for (int i = 0; kind->fields[i]; i++)
        printf("%s%s", i ? ", " : "", kind->fields[i]);
    fputs("\n\n", stdout);
    for (size_t i = 0; i < OPTIONS; i++)
        if (strchr(options[i].kinds, kind_letter(kind)))
            printf("  --%-15s %-24s %s\n", options[i].name, options[i].value, options[i].help);
    return EXIT_DONE;
}

static enum stk_status set_option(struct import *import, const struct option *option,
                                  const char *value, struct stk_error *err)
{
    char *at = (char *)&import->options + option->offset, *end;
    switch (option->type) {
    case FLAG:
        *(int *)(void *)at = 1;
        return STK_OK;
    case NUMBER:
        errno = 0;
        *(int64_t *)(void *)at = strtoll(value, &end, 10);
        if (errno || *end || !*value || *(int64_t *)(void *)at < 1)
            return stk_error_set(err, STK_INVALID, T_OPT_NUMBER, option->name, value);
        return STK_OK;
    case MAP:
        if (import->options.map_count == IMPORT_MAPS_MAX)
            return stk_error_set(err, STK_INVALID, T_OPT_MAPS, IMPORT_MAPS_MAX);
        import->options.maps[import->options.map_count++] = value;
        return STK_OK;
    default:
        *(const char **)(void *)at = value;
        return STK_OK;
    }
}

static enum stk_status take_option(struct import *import, const char *word, char **next, int *used,
                                   struct stk_error *err)
{
    size_t size = strcspn(word + 2, "=");
    const struct option *found = NULL;
    for (size_t i = 0; i < OPTIONS && !found; i++)
        if (strlen(options[i].name) == size && !strncmp(options[i].name, word + 2, size) &&
            strchr(options[i].kinds, kind_letter(import->kind)))
            found = &options[i];
    if (!found)
        return stk_error_set(err, STK_INVALID, T_OPT_UNKNOWN, import->kind->name, word);
    const char *value = word[2 + size] ? word + 3 + size : NULL;
    if (!value && found->type != FLAG) {
        if (!*next)
            return stk_error_set(err, STK_INVALID, T_VALUE_NEEDED, word);
        value = *next;
        *used = 1;
    }
    return set_option(import, found, value, err);
}

static enum stk_status one_of(const char *name, const char **value, const char *const *allowed,
                              struct stk_error *err)
{
    struct buffer list = {0};
    if (!*value)
        *value = allowed[0];
    for (int i = 0; allowed[i]; i++) {
        if (!strcmp(allowed[i], *value)) {
            buffer_fini(&list);
            return STK_OK;
        }
        buffer_printf(&list, "%s%s", i ? ", " : "", allowed[i]);
    }
    stk_error_set(err, STK_INVALID, T_OPT_ENUM, name, *value, buffer_string(&list));
    buffer_fini(&list);
    return STK_INVALID;
}

static enum stk_status check_separator(struct import_options *chosen, struct stk_error *err)
{
    static const char *const names[] = {"tab", "comma", "semicolon"};
    static const char *const signs[] = {"\t", ",", ";"};
    for (int i = 0; chosen->separator && i < 3; i++)
        if (!strcmp(chosen->separator, names[i]))
            chosen->separator = signs[i];
    if (chosen->separator &&
        (strlen(chosen->separator) != 1 || strchr("\"\r\n", *chosen->separator)))
        return stk_error_set(err, STK_INVALID, T_OPT_SEPARATOR_BAD, chosen->separator);
    return STK_OK;
}

static enum stk_status check_options(struct import *import, struct stk_error *err)
{
    static const char *const cases[] = {"upper", "lower", NULL};
    static const char *const stages[] = {"placed", "paid", "shipped", NULL};
    static const char *const kinds[] = {"count", "receive", "snapshot", NULL};
    static const char *const rules[] = {"keep", "zero", NULL};
    static const char *const decimals[] = {".", ",", NULL};
    struct import_options *chosen = &import->options;
    if (!import->path)
        return stk_error_set(err, STK_INVALID, T_IMPORT_NO_FILE, import->kind->name);
    if ((chosen->sku_case && one_of("sku-case", &chosen->sku_case, cases, err) != STK_OK) ||
        one_of("stage", &chosen->stage, stages, err) != STK_OK ||
        one_of("as", &chosen->as, kinds, err) != STK_OK ||
        one_of("missing", &chosen->missing, rules, err) != STK_OK ||
        one_of("decimal", &chosen->decimal, decimals, err) != STK_OK ||
        check_separator(chosen, err) != STK_OK)
        return STK_INVALID;
    if (chosen->utc_offset && when_offset(chosen->utc_offset, &import->offset_ms, err) != STK_OK)
        return stk_error_prefix(err, "--utc-offset");
    if (chosen->currency) {
        if (strlen(chosen->currency) != 3)
            return stk_error_set(err, STK_INVALID, T_IMPORT_CODE, 10, chosen->currency);
        for (int i = 0; i < 3; i++)
            import->exponent_of[i] = (char)toupper((unsigned char)chosen->currency[i]);
    }
    if (chosen->skip_sku && regcomp(&import->skip, chosen->skip_sku, REG_EXTENDED | REG_NOSUB)) {
        const char *bad = chosen->skip_sku;
        chosen->skip_sku = NULL; /* nothing to free */
        return stk_error_set(err, STK_INVALID, T_OPT_REGEX, bad);
    }
    if (!chosen->source)
        chosen->source = "import";
    return STK_OK;
}

enum stk_status import_take_words(struct import *import, struct stk_error *err)
{
    struct cli *cli = import->cli;
    for (int i = 0; i < cli->argc; i++) {
        char *none = NULL, **next = i + 1 < cli->argc ? &cli->argv[i + 1] : &none;
        int used = 0;
        if (!strncmp(cli->argv[i], "--", 2)) {
            if (take_option(import, cli->argv[i], next, &used, err) != STK_OK)
                return err->status;
        } else if (import->path) {
            return stk_error_set(err, STK_INVALID, T_IMPORT_TWO_FILES, cli->argv[i]);
        } else {
            import->path = cli->argv[i];
        }
        i += used;
    }
    return check_options(import, err);
}
