/* Words between the host's two halves, in STK_SPACE_HOST: the side of the engine (channel.c), and
 * the side of the plugin (host.c), which may be another process. No plugin ever sees one. Both
 * halves are of one build: nothing here is stable. */
#ifndef STK_PLUG_WORD_H
#define STK_PLUG_WORD_H

#include <stockade/event.h>

enum stk_word {
    /* to the plugin's side */
    STK_WORD_SETUP = 1,  /* struct stk_word_setup: options, secrets; then init. Answered by READY */
    STK_WORD_ACTIVATE,   /* answered by ACTIVE */
    STK_WORD_DEACTIVATE, /* answered by INACTIVE */
    STK_WORD_PING,       /* number; answered by PONG from the loop */
    STK_WORD_CLOSE,      /* destroy the instance and end; answered by CLOSED */
    /* to the engine's side: struct stk_word_said */
    STK_WORD_READY = 16, /* status, text */
    STK_WORD_ACTIVE,     /* status, text */
    STK_WORD_INACTIVE,
    STK_WORD_PONG,    /* number */
    STK_WORD_CLOSED,  /* */
    STK_WORD_LOG,     /* number: severity; text */
    STK_WORD_METRIC,  /* number: its id, value, status: its kind; text: its name */
    STK_WORD_REFUSED, /* number: of the call; status: what the plugin said at once */
};

struct stk_word_said {
    struct stk_message message;
    uint64_t number;
    int64_t value;
    stk_status_t status;
    uint32_t reserved;
    struct stk_text text;
};

/* One option, as the config has it, or one secret. */
struct stk_word_pair {
    struct stk_text name;
    struct stk_text value;   /* secret: a path, or the name of a variable */
    uint32_t is_environment; /* secret */
    uint32_t reserved;
};
struct stk_word_setup {
    struct stk_message message;
    struct stk_list options; /* struct stk_word_pair */
    struct stk_list secrets;
};

#endif
