/* Options: declared by the plugin, written in the instance's YAML below `options:`, checked by the
 * host before init. Stability: stable. */
#ifndef STOCKADE_CONFIG_H
#define STOCKADE_CONFIG_H

#include <stockade/plugin.h>

#define STK_EXT_OPTIONS "stk.options/1" /* of the plugin */
#define STK_EXT_CONFIG  "stk.config/1"  /* of the host */

#define STK_OPTIONS_MAX 128u

enum stk_option_kind {
    STK_OPTION_KIND_TEXT = 1, /* range: bytes */
    STK_OPTION_KIND_INT = 2,  /* range: values; the unit stands at the end of the name */
    STK_OPTION_KIND_BOOL = 3,
    STK_OPTION_KIND_CHOICE = 4, /* a text that is one of `choices` */
};

/* Strings are constant, lent until the plugin is destroyed. */
struct stk_plugin_option {
    const char *name;     /* [a-z0-9_], with its unit: "poll_ms"; unique */
    const char *text;     /* one line for people */
    const char *fallback; /* as it would be written in YAML; NULL = the option is required */
    const char *choices;  /* CHOICE: "read,write,both"; else NULL */
    int64_t min;          /* INT: smallest value; TEXT: fewest bytes */
    int64_t max;          /* INT: largest value; TEXT: most bytes */
    uint32_t kind;        /* enum stk_option_kind */
    uint32_t reserved;    /* zero */
};

struct stk_plugin_options {
    uint32_t count; /* at most STK_OPTIONS_MAX */
    uint32_t reserved;
    const struct stk_plugin_option *options;
};

struct stk_host_config {
    /* The value of an option that was declared: given, or its fallback; within its range.
     * STK_NOT_FOUND: not declared. STK_INVALID: of another kind (text takes CHOICE too). The text
     * is lent until destroy returns and ends with a zero that is not counted. Constant.
     * Local. [any-thread] */
    stk_status_t (*text)(const struct stk_host *host, const char *name, struct stk_bytes *value);
    stk_status_t (*integer)(const struct stk_host *host, const char *name, int64_t *value);
    stk_status_t (*boolean)(const struct stk_host *host, const char *name, uint8_t *value);
};

#endif
