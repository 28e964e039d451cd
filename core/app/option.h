/* The table of options: names, ranges, help, and where their values lie in struct stk_config.
 * Internal to config; main thread. */
#ifndef STK_APP_OPTION_H
#define STK_APP_OPTION_H

#include "core/app/config.h"

enum stk_option_type {
    STK_OPTION_NUMBER,    /* a plain number */
    STK_OPTION_BYTES,     /* a number with B, KiB ... */
    STK_OPTION_SPAN,      /* ms in the config; written with ms, s, min, h, d */
    STK_OPTION_FLAG,      /* true or false; 1 byte */
    STK_OPTION_CHOICE,    /* one of names; 1 byte */
    STK_OPTION_TEXT,      /* a string of at most size - 1 bytes */
    STK_OPTION_ADDRESSES, /* a list of strings: rpc_listen */
};

struct stk_option {
    const char *section; /* NULL: at the top */
    const char *name;    /* NULL ends the table */
    uint8_t type;
    uint8_t width; /* bytes of a number: 4 or 8 */
    uint16_t size; /* TEXT */
    uint32_t offset;
    int64_t min, max;
    const char *const *names;
    const char *help;
};
struct stk_section {
    const char *name; /* NULL ends the table */
    const char *help;
};

const struct stk_option *stk_options(void);
/* NULL when there is none. section NULL: at the top. */
const struct stk_option *stk_option_find(const char *section, const char *name);
const struct stk_section *stk_section_find(const char *name);
/* The known name that comes nearest; NULL when none is near. section NULL: of sections, and of
 * options at the top. */
const char *stk_option_nearest(const char *section, const char *wanted);

/* Numbers, flags, choices. */
int64_t stk_option_get(const struct stk_config *config, const struct stk_option *option);
void stk_option_set(struct stk_config *config, const struct stk_option *option, int64_t value);
/* "500", "8MiB", "7 d". 0 when it is no such number. */
int stk_option_parse(const struct stk_option *option, const char *text, int64_t *value);
/* With the largest unit that divides it: reads back the same. */
void stk_option_format(const struct stk_option *option, int64_t value, char *text, size_t size);

#endif
