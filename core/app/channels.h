/* The `channels:` of the configuration: instances of plugins. Cold path; main. */
#ifndef STK_APP_CHANNELS_H
#define STK_APP_CHANNELS_H

#include "core/app/yaml.h"
#include "core/plug/channel.h"
#include <stdio.h>

#define STK_APP_CHANNELS_MAX 48 /* each has an inbox of the engine */

/* A list of maps into `channels`, which gets its memory here; *count of them. On failure there are
 * none. "file:line:column: what" in err. */
enum stk_status stk_channels_read(struct stk_instance_options **channels, uint32_t *count,
                                  const struct stk_yaml *yaml, const struct stk_yaml_node *node,
                                  struct stk_error *err);
void stk_channels_free(struct stk_instance_options *channels, uint32_t count); /* NULL-safe */
/* As YAML that reads back the same; secrets by where they are, never what they are. */
void stk_channels_print(const struct stk_instance_options *channels, uint32_t count, FILE *out);
/* Each plugin's file and manifest. */
enum stk_status stk_channels_check(const struct stk_instance_options *channels, uint32_t count,
                                   struct stk_error *err);

#endif
