/* Any bytes as a configuration. No crash; what is refused is refused with one line; what is taken
 * is printed so that it reads back and prints the same. */
#include "core/app/config.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *print(const struct stk_config *config, size_t *size)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, size);
    stk_assert(out);
    stk_config_print(config, out);
    fclose(out);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct stk_config config;
    struct stk_error err = {0};
    size_t first_size, again_size;
    char *first, *again;
    stk_config_defaults(&config);
    if (stk_config_parse(&config, "fuzz", (const char *)data, size, &err) != STK_OK) {
        stk_assert(err.status != STK_OK && strlen(err.text) > 0 && !strchr(err.text, '\n'));
        stk_config_free(&config);
        return 0;
    }
    first = print(&config, &first_size);
    stk_config_free(&config);
    stk_config_defaults(&config);
    stk_assert(stk_config_parse(&config, "again", first, first_size, &err) == STK_OK);
    again = print(&config, &again_size);
    stk_assert(first_size == again_size && memcmp(first, again, first_size) == 0);
    stk_config_free(&config);
    free(first);
    free(again);
    return 0;
}
