/* stockaded: the engine's process. Arguments, signals, and nothing else. */
#include "core/app/channels.h"
#include "core/app/daemon.h"
#include "core/app/verify.h"
#include "core/base/fault.h"
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <stockade/version.h>
#include <string.h>

#define EXIT_USAGE  2
#define EXIT_CONFIG 78

struct arguments {
    const char *config, *data, *backup;
    int check, print, list_faults;
};

static int usage(FILE *out, int code)
{
    fputs("stockaded: the price and stock engine\n"
          "  --config FILE    read this configuration (YAML)\n"
          "  --data DIR       the data folder, instead of the configured one\n"
          "  --check          check the configuration and end\n"
          "  --print-config   print the configuration in force, with help, and end\n"
          "  --verify-backup DIR   check a backup and end; the engine calls itself so\n"
          "  --list-faults    print the names of the points where a test may break it, and end\n"
          "  --version, --help\n",
          out);
    return code;
}

/* Returns -1 to go on, else the exit code. */
static int read_arguments(int argc, char **argv, struct arguments *to)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--version") == 0)
            return puts("stockaded " STK_VERSION_TEXT) < 0;
        if (strcmp(argv[i], "--help") == 0)
            return usage(stdout, 0);
        if (strcmp(argv[i], "--check") == 0)
            to->check = 1;
        else if (strcmp(argv[i], "--print-config") == 0)
            to->print = 1;
        else if (strcmp(argv[i], "--list-faults") == 0)
            to->list_faults = 1;
        else if (strcmp(argv[i], "--config") == 0 && i + 1 < argc)
            to->config = argv[++i];
        else if (strcmp(argv[i], "--data") == 0 && i + 1 < argc)
            to->data = argv[++i];
        else if (strcmp(argv[i], "--verify-backup") == 0 && i + 1 < argc)
            to->backup = argv[++i];
        else {
            fprintf(stderr, "stockaded: \"%s\" is not understood\n", argv[i]);
            return usage(stderr, EXIT_USAGE);
        }
    }
    return -1;
}

static enum stk_status read_config(const struct arguments *arguments, struct stk_config *config,
                                   struct stk_error *err)
{
    stk_config_defaults(config);
    if (arguments->config) {
        enum stk_status status = stk_config_load(config, arguments->config, err);
        if (status != STK_OK)
            return status;
    }
    if (arguments->data) {
        if (strlen(arguments->data) >= sizeof config->data)
            return stk_error_set(err, STK_INVALID, "--data: longer than %zu bytes",
                                 sizeof config->data - 1);
        snprintf(config->data, sizeof config->data, "%s", arguments->data);
    }
    return stk_config_check(config, err);
}

static int list_faults(void)
{
    for (unsigned i = 0; stk_fault_name(i); i++)
        puts(stk_fault_name(i));
    return 0;
}

static int run(const struct stk_config *config)
{
    struct stk_daemon *daemon;
    struct stk_error err = {0};
    sigset_t wanted;
    int got;
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGTERM);
    sigaddset(&wanted, SIGINT);
    sigaddset(&wanted, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &wanted, NULL);
    stk_thread_set_role(STK_ROLE_MAIN);
    if (stk_daemon_start(&daemon, config, &err) != STK_OK) {
        fprintf(stderr, "stockaded: %s\n", err.text);
        return EXIT_FAILURE;
    }
    printf("ready");
    for (unsigned i = 0; stk_daemon_address(daemon, i); i++)
        printf(" %s", stk_daemon_address(daemon, i));
    printf(" seq=%llu\n", (unsigned long long)stk_daemon_sequence(daemon));
    fflush(stdout);
    sigwait(&wanted, &got);
    stk_log(STK_LOG_INFO, "stopping signal=%d", got);
    stk_daemon_stop(daemon);
    stk_log(STK_LOG_INFO, "stopped");
    return 0;
}

int main(int argc, char **argv)
{
    static struct stk_config config;
    struct arguments arguments = {0};
    struct stk_error err = {0};
    int code = read_arguments(argc, argv, &arguments);
    if (code >= 0)
        return code;
    if (arguments.list_faults)
        return list_faults();
    if (arguments.backup)
        return stk_verify_main(arguments.backup);
    if (read_config(&arguments, &config, &err) != STK_OK) {
        fprintf(stderr, "stockaded: %s\n", err.text);
        return EXIT_CONFIG;
    }
    if (arguments.print)
        stk_config_print(&config, stdout);
    if (arguments.check &&
        stk_channels_check(config.channels, config.channel_count, &err) != STK_OK) {
        fprintf(stderr, "stockaded: %s\n", err.text);
        return EXIT_CONFIG;
    }
    if (arguments.print || arguments.check)
        return 0;
    if (stk_fault_init(getenv("STOCKADE_FAULT"), &err) != STK_OK) {
        fprintf(stderr, "stockaded: STOCKADE_FAULT: %s\n", err.text);
        return EXIT_USAGE;
    }
    stk_log_level_set(config.log_level);
    return run(&config);
}
