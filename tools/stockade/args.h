/* A verb's parameters from the words of a command line, by the verb table. Thread-safe.
 *
 *   --name VALUE, --name=VALUE    a field; - and _ are the same
 *   --flag, --no-flag             a field that is true or false
 *   --lines '[{...}]'             a list, as JSON
 *   --line sku=X,quantity=2       one item of the list "lines", as often as there are
 *   --tags a,b --tags c           a list of words
 *   VALUE                         the first required field that is not given yet
 *
 * Money is decimal when the currency is known, else minor units. */
#ifndef STK_STOCKADE_ARGS_H
#define STK_STOCKADE_ARGS_H

#include "core/flow/verb.h"
#include <jansson.h>

struct args {
    json_t *params;     /* object */
    const char *source; /* writes: default "cli" */
    const char *id;     /* or NULL */
};
/* STK_INVALID: one line that names the option. params is to be given back by json_decref. */
enum stk_status args_parse(const struct stk_verb *verb, int argc, char **argv, struct args *out,
                           struct stk_error *err);
/* The field of that name, - and _ being the same; NULL when there is none. */
const struct stk_field *args_field(const struct stk_field *fields, const char *name, size_t size);
/* One field from text: what `--name text` means. currency NULL: unknown. A new reference, or NULL
 * with err, which does not name the field. */
json_t *args_value(const struct stk_field *field, const char *text, const char *currency,
                   struct stk_error *err);

#endif
