/* The configuration: one table of options, read from YAML, printed as YAML that reads back the
 * same.
 *
 * Options stand in sections (`rpc: {timeout: 10s}`). Sizes take B, KiB, MiB, GiB, TiB; spans take
 * ms, s, min, h, d. An unknown option is refused with the nearest known name. Cold path; main. */
#ifndef STK_APP_CONFIG_H
#define STK_APP_CONFIG_H

#include "core/base/log.h"
#include "core/flow/engine.h"
#include "core/net/rpc.h"
#include "core/plug/channel.h"
#include <stdio.h>

#define STK_PATH_MAX 1024

struct stk_config {
    char data[STK_PATH_MAX]; /* the data folder */
    uint8_t log_level;       /* enum stk_log_level */
    struct stk_engine_options engine;
    struct stk_journal_options journal; /* its folder is below data */
    struct stk_fold_options fold;
    uint64_t state_map_bytes;
    struct stk_rpc_options rpc;
    char rpc_unix[STK_ADDRESS_MAX]; /* a path; "" = stockade.sock below data; "none" */
    char rpc_listen[STK_RPC_ADDRESSES_MAX][STK_ADDRESS_MAX];
    uint32_t rpc_listen_count;
    uint8_t rpc_plaintext;            /* tokens and orders may cross a network unencrypted */
    char backup_folder[STK_PATH_MAX]; /* "" = backups below data */
    struct stk_api_token tokens[STK_API_TOKENS_MAX];
    uint32_t token_count;
    struct stk_instance_options *channels; /* of stk_channels_read; stk_config_free */
    uint32_t channel_count;
};

void stk_config_defaults(struct stk_config *config);
void stk_config_free(struct stk_config *config); /* what it points to */
/* Over what is there already. "file:line:column: what" in err. */
enum stk_status stk_config_load(struct stk_config *config, const char *path, struct stk_error *err);
enum stk_status stk_config_parse(struct stk_config *config, const char *name, const char *text,
                                 size_t size, struct stk_error *err);
/* What no single option can know: public addresses, folders, capacities beside each other. */
enum stk_status stk_config_check(const struct stk_config *config, struct stk_error *err);
/* All options with their help as comments. */
void stk_config_print(const struct stk_config *config, FILE *out);

#endif
