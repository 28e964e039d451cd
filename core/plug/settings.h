/* The options of an instance: what the plugin declares against what the config says. */
#ifndef STK_PLUG_SETTINGS_H
#define STK_PLUG_SETTINGS_H

#include "core/base/err.h"
#include <stockade/ext/config.h>

#define STK_SETTINGS_TEXT (64u * 1024) /* of all texts of one instance */

struct stk_setting {
    const struct stk_plugin_option *option; /* the plugin's */
    int64_t number;                         /* INT, BOOL */
    uint32_t offset, size;                  /* TEXT, CHOICE: in text, ended by zero */
};
struct stk_settings {
    uint32_t count, used;
    struct stk_setting setting[STK_OPTIONS_MAX];
    char text[STK_SETTINGS_TEXT];
};
struct stk_setting_given {
    struct stk_bytes name, value;
};

/* declared may be NULL: then nothing may be given. STK_INVALID, and err names the option and what
 * is wrong with it. */
enum stk_status stk_settings_read(struct stk_settings *settings,
                                  const struct stk_plugin_options *declared,
                                  const struct stk_setting_given *given, uint32_t count,
                                  struct stk_error *err);
/* NULL: not declared. */
const struct stk_setting *stk_settings_find(const struct stk_settings *settings, const char *name);

#endif
