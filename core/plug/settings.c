/* Options by name, each of its kind and within its range; a fallback is read like a given value, so
 * that a plugin whose own fallback is wrong is told so. */
#include "core/plug/settings.h"
#include "core/plug/check.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static enum stk_status fault(struct stk_error *err, const struct stk_plugin_option *option,
                             const char *what)
{
    return stk_error_set(err, STK_INVALID, "options.%.64s: %s", option->name, what);
}

static enum stk_status read_int(struct stk_setting *setting, const char *text,
                                struct stk_error *err)
{
    const struct stk_plugin_option *option = setting->option;
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno || end == text || *end)
        return fault(err, option, "must be a whole number");
    if (number < option->min || number > option->max)
        return stk_error_set(err, STK_INVALID, "options.%.64s: must be %lld to %lld, is %lld",
                             option->name, (long long)option->min, (long long)option->max, number);
    setting->number = number;
    return STK_OK;
}

/* One of "read,write,both". */
static int is_choice(const char *choices, const char *text)
{
    size_t size = strlen(text);
    for (const char *at = choices; at && *at;) {
        size_t word = strcspn(at, ",");
        if (word == size && memcmp(at, text, size) == 0)
            return 1;
        at += word + (at[word] == ',');
    }
    return 0;
}

static enum stk_status read_value(struct stk_settings *settings, struct stk_setting *setting,
                                  struct stk_bytes value, struct stk_error *err)
{
    const struct stk_plugin_option *option = setting->option;
    char *text = settings->text + settings->used;
    if (value.size + 1 > STK_SETTINGS_TEXT - settings->used)
        return fault(err, option, "the options together are too long");
    memcpy(text, value.data, value.size);
    text[value.size] = 0;
    setting->offset = settings->used;
    setting->size = value.size;
    settings->used += value.size + 1;
    if (!stk_check_text(text, value.size))
        return fault(err, option, "must be UTF-8 without control characters");
    switch (option->kind) {
    case STK_OPTION_KIND_INT:
        return read_int(setting, text, err);
    case STK_OPTION_KIND_BOOL:
        setting->number = strcmp(text, "true") == 0;
        return setting->number || strcmp(text, "false") == 0
                   ? STK_OK
                   : fault(err, option, "must be true or false");
    case STK_OPTION_KIND_CHOICE:
        return is_choice(option->choices, text)
                   ? STK_OK
                   : stk_error_set(err, STK_INVALID, "options.%.64s: must be one of %.200s",
                                   option->name, option->choices ? option->choices : "");
    case STK_OPTION_KIND_TEXT:
        if ((int64_t)value.size < option->min || (option->max && (int64_t)value.size > option->max))
            return stk_error_set(err, STK_INVALID, "options.%.64s: must have %lld to %lld bytes",
                                 option->name, (long long)option->min, (long long)option->max);
        return STK_OK;
    default:
        return fault(err, option, "is declared of a kind that is not known");
    }
}

static const struct stk_setting_given *given_of(const struct stk_setting_given *given,
                                                uint32_t count, const char *name)
{
    for (uint32_t i = 0; i < count; i++)
        if (given[i].name.size == strlen(name) &&
            memcmp(given[i].name.data, name, given[i].name.size) == 0)
            return &given[i];
    return NULL;
}

static enum stk_status none_unknown(const struct stk_settings *settings,
                                    const struct stk_setting_given *given, uint32_t count,
                                    struct stk_error *err)
{
    for (uint32_t i = 0; i < count; i++) {
        char name[65] = {0};
        memcpy(name, given[i].name.data, given[i].name.size < 64 ? given[i].name.size : 64);
        if (!stk_settings_find(settings, name))
            return stk_error_set(err, STK_INVALID, "options.%s: the plugin has no such option",
                                 name);
    }
    return STK_OK;
}

enum stk_status stk_settings_read(struct stk_settings *settings,
                                  const struct stk_plugin_options *declared,
                                  const struct stk_setting_given *given, uint32_t count,
                                  struct stk_error *err)
{
    settings->count = settings->used = 0;
    if (declared && declared->count > STK_OPTIONS_MAX)
        return stk_error_set(err, STK_INVALID, "options: the plugin declares more than %u",
                             STK_OPTIONS_MAX);
    for (uint32_t i = 0; declared && i < declared->count; i++) {
        struct stk_setting *setting = &settings->setting[settings->count++];
        const struct stk_plugin_option *option = &declared->options[i];
        const struct stk_setting_given *found = given_of(given, count, option->name);
        *setting = (struct stk_setting){.option = option};
        if (!found && !option->fallback)
            return fault(err, option, "is missing");
        struct stk_bytes value =
            found ? found->value
                  : (struct stk_bytes){option->fallback, (uint32_t)strlen(option->fallback)};
        enum stk_status status = read_value(settings, setting, value, err);
        if (status != STK_OK)
            return status;
    }
    return none_unknown(settings, given, count, err);
}

const struct stk_setting *stk_settings_find(const struct stk_settings *settings, const char *name)
{
    for (uint32_t i = 0; i < settings->count; i++)
        if (strcmp(settings->setting[i].option->name, name) == 0)
            return &settings->setting[i];
    return NULL;
}
