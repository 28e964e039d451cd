/* The life of an instance. A word goes to the plugin's side, its answer comes back, and the state
 * moves; `deadline_ms` says until when an answer is waited for, and what is late is a crash.
 *
 * Always: whatever ends a plugin (exit, signal, silence, a message that cannot be) goes through
 * fell(): intake and courier drop what was under way, which the engine hears of as unknown, and
 * the plugin starts again after a back-off, or is quarantined. In this process a plugin that fell
 * silent cannot be ended: it is failed, and its thread is lost when the engine stops. */
#include "core/plug/channel.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/plug/check.h"
#include "core/plug/child.h"
#include "core/plug/elf_note.h"
#include "core/plug/host.h"
#include "core/plug/intake.h"
#include "core/plug/word.h"
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <stockade/message.h>
#include <sys/wait.h>

#define TICK_MS       50
#define ANSWER_MS     10000 /* a word of ours, and the watchdog */
#define PING_MS       1000
#define DRAIN_MS      10000
#define RESTART_MS    200 /* doubled with each crash ... */
#define RESTART_MAX   4000
#define CRASHES_MAX   5 /* within CRASHES_MS: quarantined */
#define CRASHES_MS    60000
#define ACTIVATE_MS   1000 /* back-off of activate, doubled up to ... */
#define ACTIVATE_MAX  60000
#define LOOK_AGAIN_MS 1000 /* in quarantine: has somebody asked for a resync? */

struct stk_instance {
    struct stk_instance_options options;
    struct stk_desk desk;
    struct stk_inbox *inbox;
    struct stk_loop *loop;
    struct stk_loop_timer *tick;
    struct stk_thread thread;
    struct stk_intake *intake;
    struct stk_courier *courier;
    struct stk_hosting *hosting; /* in this process */
    struct stk_link *peer;       /* its end there */
    struct stk_child child;
    int opened;   /* the engine knows the channel */
    int asking;   /* a command of this file is under way */
    int waiting;  /* for a word's answer, until deadline_ms */
    int stopping; /* how far: 0 no, 1 draining, 2 deactivating, 3 closing */
    int unfit;    /* its options or its init: let it go at the next turn */
    int broken;   /* the link lied: seen from the tick, where it may be destroyed */
    int64_t deadline_ms, again_ms, ping_ms, pong_ms;
    uint32_t activates;
    int64_t crash_ms[CRASHES_MAX];
    uint32_t crashes;
    int64_t resync_asked; /* when it was quarantined; -1 = not known yet */
    uint64_t random;
    _Atomic int stop; /* main asks */
    _Atomic uint32_t state;
    pthread_mutex_t lock; /* of text alone */
    char text[256];
};

static const char *const state_names[] = {"made",   "ready",       "active", "draining",
                                          "failed", "quarantined", "stopped"};
_Static_assert(sizeof state_names / sizeof *state_names == STK_INSTANCE_STATES, "each has a name");

const char *stk_instance_state_name(unsigned state)
{
    return state < STK_INSTANCE_STATES ? state_names[state] : "?";
}

/* ---- states ---- */

static unsigned state_of(const struct stk_instance *self)
{
    /* relaxed: this thread wrote it; pairs with nothing */
    return atomic_load_explicit(&self->state, memory_order_relaxed);
}

static void become(struct stk_instance *self, enum stk_instance_state state, const char *text)
{
    unsigned before = state_of(self);
    pthread_mutex_lock(&self->lock);
    snprintf(self->text, sizeof self->text, "%s", text ? text : "");
    pthread_mutex_unlock(&self->lock);
    /* release: pairs with the load in stk_instance_look */
    atomic_store_explicit(&self->state, state, memory_order_release);
    if (before == state && !text)
        return;
    stk_log(state >= STK_INSTANCE_FAILED && state != STK_INSTANCE_STOPPED ? STK_LOG_ERROR
            : text                                                        ? STK_LOG_WARN
                                                                          : STK_LOG_INFO,
            "channel is %s channel=%s%s%s", state_names[state], self->options.name,
            text ? ": " : "", text ? text : "");
}

static int64_t now_of(const struct stk_instance *self)
{
    return self->desk.clock.monotonic_ns(self->desk.clock.self) / 1000000;
}

/* Between half of it and all of it. */
static int64_t jitter(struct stk_instance *self, int64_t wait_ms)
{
    self->random = self->random * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return wait_ms / 2 + (int64_t)((self->random >> 33) % (uint64_t)(wait_ms / 2 + 1));
}

static int64_t doubled(int64_t wait_ms, uint32_t times, int64_t most_ms)
{
    while (times-- > 0 && wait_ms < most_ms)
        wait_ms *= 2;
    return wait_ms < most_ms ? wait_ms : most_ms;
}

/* ---- words ---- */

static void say(struct stk_instance *self, enum stk_word word, uint64_t number)
{
    struct stk_word_said said = {.number = number};
    said.message.size = sizeof said;
    said.message.fixed_size = sizeof said;
    said.message.space = STK_SPACE_HOST;
    said.message.type = (uint16_t)word;
    if (self->desk.link)
        stk_link_send(self->desk.link, &said.message, 0);
    if (word != STK_WORD_PING) {
        self->waiting = 1;
        self->deadline_ms = now_of(self) + ANSWER_MS;
    }
}

static struct stk_list pairs(struct stk_composer *out, const struct stk_instance_pair *from,
                             uint32_t count)
{
    static _Thread_local struct stk_word_pair list[STK_OPTIONS_MAX];
    for (uint32_t i = 0; i < count && i < STK_OPTIONS_MAX; i++)
        list[i] = (struct stk_word_pair){.name = stk_compose_string(out, from[i].name),
                                         .value = stk_compose_string(out, from[i].value),
                                         .is_environment = (uint32_t)from[i].is_environment};
    return stk_compose_list(out, list, sizeof *list, count);
}

static void say_setup(struct stk_instance *self)
{
    uint32_t size = 512 * 1024;
    char *room = stk_alloc(size);
    struct stk_word_setup setup = {0};
    struct stk_composer out;
    if (room) {
        stk_compose_init(&out, room, size);
        stk_compose_begin(&out, sizeof setup);
        setup.options = pairs(&out, self->options.option, self->options.options_count);
        setup.secrets = pairs(&out, self->options.secret, self->options.secrets_count);
        const struct stk_message *message =
            stk_compose_end(&out, &setup.message, STK_SPACE_HOST, STK_WORD_SETUP, sizeof setup);
        if (message)
            stk_link_send(self->desk.link, message, 0);
    }
    stk_free(room);
    self->waiting = 1;
    self->deadline_ms = now_of(self) + ANSWER_MS;
}

/* ---- the plugin falls ---- */

static void let_go(struct stk_instance *self)
{
    stk_intake_drop(self->intake);
    stk_courier_drop(self->courier);
    self->waiting = 0;
    if (self->options.in_process) { /* its end lives as long as its instance */
        stk_link_detach(self->desk.link);
        return;
    }
    stk_child_end(&self->child);
    stk_link_destroy(self->desk.link);
    self->desk.link = NULL;
}

static void fell(struct stk_instance *self, const char *why)
{
    int64_t now_ms = now_of(self);
    char text[300];
    let_go(self);
    stk_counter_add(&self->desk.counters.crashes, 1);
    self->crash_ms[self->crashes++ % CRASHES_MAX] = now_ms;
    if (self->stopping) {
        self->stopping = 4;
        return;
    }
    if (self->options.in_process) {
        become(self, STK_INSTANCE_FAILED, why);
        return;
    }
    /* the oldest of the last five stands where the next one will */
    if (self->crashes >= CRASHES_MAX &&
        now_ms - self->crash_ms[self->crashes % CRASHES_MAX] < CRASHES_MS) {
        snprintf(text, sizeof text, "%s; %d times within a minute; channel.resync starts it again",
                 why, CRASHES_MAX);
        self->resync_asked = -1;
        self->again_ms = now_ms;
        become(self, STK_INSTANCE_QUARANTINED, text);
        return;
    }
    self->again_ms =
        now_ms + jitter(self, doubled(RESTART_MS, self->crashes % CRASHES_MAX, RESTART_MAX));
    become(self, STK_INSTANCE_MADE, why);
}

static void child_ended(void *arg, int wait_status)
{
    struct stk_instance *self = arg;
    char why[128];
    if (self->stopping >= 3) {
        self->stopping = 4;
        return;
    }
    if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == STK_CHILD_REFUSED) {
        let_go(self);
        become(self, STK_INSTANCE_FAILED, "its file was refused: see the log");
        return;
    }
    if (WIFSIGNALED(wait_status))
        snprintf(why, sizeof why, "the plugin was ended by signal %d (%s)", WTERMSIG(wait_status),
                 strsignal(WTERMSIG(wait_status)));
    else
        snprintf(why, sizeof why, "the plugin ended its process with %d", WEXITSTATUS(wait_status));
    fell(self, why);
}

/* ---- what the plugin's side says ---- */

static void activate(struct stk_instance *self)
{
    say(self, STK_WORD_ACTIVATE, 0);
}

static void on_ready(struct stk_instance *self, enum stk_status status, const char *text)
{
    self->waiting = 0;
    if (status == STK_OK) {
        become(self, STK_INSTANCE_READY, NULL);
        self->activates = 0;
        activate(self);
        return;
    }
    self->unfit = 1; /* the link must not go within its own call */
    become(self, STK_INSTANCE_FAILED, text);
}

static void on_active(struct stk_instance *self, enum stk_status status)
{
    char text[128];
    self->waiting = 0;
    if (status == STK_OK) {
        become(self, STK_INSTANCE_ACTIVE, NULL);
        stk_courier_begin(self->courier);
        return;
    }
    int64_t wait_ms = jitter(self, doubled(ACTIVATE_MS, self->activates++, ACTIVATE_MAX));
    self->again_ms = now_of(self) + wait_ms;
    snprintf(text, sizeof text, "its activate says %s; again in %lld ms",
             stk_status_name((int)status), (long long)wait_ms);
    become(self, STK_INSTANCE_READY, text);
}

static void on_word(struct stk_instance *self, const struct stk_message *message)
{
    struct stk_word_said said;
    char text[256];
    stk_message_read(message, &said, sizeof said);
    struct stk_bytes words =
        said.text.size ? stk_message_text(message, said.text) : (struct stk_bytes){"", 0};
    snprintf(text, sizeof text, "%.*s", (int)words.size, words.data);
    switch (message->type) {
    case STK_WORD_READY:
        if (state_of(self) == STK_INSTANCE_MADE)
            on_ready(self, (enum stk_status)said.status, text);
        break;
    case STK_WORD_ACTIVE:
        if (state_of(self) == STK_INSTANCE_READY && self->waiting)
            on_active(self, (enum stk_status)said.status);
        break;
    case STK_WORD_PONG:
        self->pong_ms = now_of(self);
        break;
    case STK_WORD_INACTIVE:
        if (self->stopping == 2)
            self->waiting = 0;
        break;
    case STK_WORD_CLOSED:
        if (self->stopping == 3 && self->options.in_process)
            self->stopping = 4;
        break;
    case STK_WORD_REFUSED:
        stk_courier_refused(self->courier, said.number, (enum stk_status)said.status);
        break;
    default:
        break;
    }
}

static void on_message(void *arg, const void *data, uint32_t size)
{
    struct stk_instance *self = arg;
    const struct stk_message *message = data;
    struct stk_error err = {0};
    if (self->broken)
        return;
    /* The host on the other side has checked it: when this finds a fault, that host is no more
     * what it was. */
    enum stk_status status = stk_check_message(data, size, &err);
    if (status == STK_OK && message->space == STK_SPACE_ASK)
        status = stk_intake_ask(self->intake, message);
    if (status != STK_OK) {
        stk_counter_add(&self->desk.counters.bad_messages, 1);
        stk_log(STK_LOG_ERROR, "plugin sent what cannot be: %s channel=%s", err.text,
                self->options.name);
        self->broken = 1;
        return;
    }
    if (message->space == STK_SPACE_HOST)
        on_word(self, message);
    else if (message->space == STK_SPACE_DONE)
        stk_courier_done(self->courier, message);
    stk_courier_tick(self->courier); /* the next call need not wait for the clock */
    stk_intake_pump(self->intake);
    stk_clerk_publish(&self->desk.clerk);
}

static void on_broken(void *arg)
{
    struct stk_instance *self = arg;
    self->broken = 1;
}

/* ---- start ---- */

static void hosting_ended(void *arg)
{
    (void)arg; /* the loop is ours and goes on */
}

static enum stk_status start_here(struct stk_instance *self, struct stk_error *err)
{
    enum stk_status status = stk_hosting_begin(self->hosting, err);
    return status;
}

static enum stk_status start_child(struct stk_instance *self, struct stk_error *err)
{
    const char *names[STK_INSTANCE_SECRETS_MAX + 1];
    uint32_t count = 0;
    int fds[STK_LINK_FDS];
    self->desk.link = stk_link_create(err);
    if (!self->desk.link)
        return err->status;
    for (uint32_t i = 0; i < self->options.secrets_count && count < STK_INSTANCE_SECRETS_MAX; i++)
        if (self->options.secret[i].is_environment)
            names[count++] = self->options.secret[i].value;
    names[count] = NULL;
    stk_link_fds(self->desk.link, fds);
    struct stk_child_options child = {.program = self->options.program,
                                      .instance = self->options.name,
                                      .plugin = self->options.plugin,
                                      .memory_max = self->options.memory_max,
                                      .files_max = self->options.files_max,
                                      .names = names,
                                      .fds = fds};
    return stk_child_start(&self->child, &child, self->loop, child_ended, self, err);
}

static void launch(struct stk_instance *self)
{
    struct stk_error err = {0};
    enum stk_status status =
        self->options.in_process ? start_here(self, &err) : start_child(self, &err);
    if (status == STK_OK)
        status = stk_link_attach(self->desk.link, self->loop, on_message, on_broken, self);
    if (status != STK_OK) {
        fell(self, err.text[0] ? err.text : "out of memory");
        return;
    }
    self->broken = 0;
    self->again_ms = INT64_MAX;
    self->pong_ms = self->ping_ms = now_of(self);
    say_setup(self);
}

static void opened(void *arg, uint64_t number, enum stk_status status,
                   const struct stk_value *answer)
{
    struct stk_instance *self = arg;
    const struct stk_value *text = answer ? stk_value_get(answer, "message") : NULL;
    char why[200];
    (void)number;
    self->asking = 0;
    self->opened = status == STK_OK;
    if (status == STK_OK)
        return;
    snprintf(why, sizeof why, "the engine does not open it: %.*s",
             text && text->type == STK_VALUE_STR ? (int)text->size : 0,
             text && text->type == STK_VALUE_STR ? text->as.text : "");
    if (stk_translate_is_final(status))
        become(self, STK_INSTANCE_FAILED, why);
}

/* The channel is opened in the engine, with the bounds that the manifest declares. */
static void open_channel(struct stk_instance *self)
{
    static const char *const writes[] = {"set", "adjust", "cas"};
    static const char *const proofs[] = {"answer", "report", "read_back"};
    static const char *const restocks[] = {"never", "cancel", "refund"};
    const struct stk_plugin_manifest *manifest = &self->desk.manifest;
    struct stk_value values[48], params;
    struct stk_tree tree = stk_tree(values, 48);
    struct stk_twig map = stk_twig_map(&tree, 12);
    struct stk_error err = {0};
    unsigned write = manifest->write_kinds & STK_PUSH_SET   ? 0
                     : manifest->write_kinds & STK_PUSH_CAS ? 2
                                                            : 1;
    stk_twig_text(&map, "source", self->options.name);
    stk_twig_text(&map, "channel", self->options.name);
    if (manifest->write_kinds)
        stk_twig_text(&map, "write", writes[write]);
    if (manifest->proof)
        stk_twig_text(&map, "proof", proofs[manifest->proof - 1]);
    if (manifest->restocks_on < 3)
        stk_twig_text(&map, "restocks", restocks[manifest->restocks_on]);
    if (manifest->apply_within_ms)
        stk_twig_int(&map, "apply_ms", manifest->apply_within_ms);
    if (manifest->read_back_age_ms)
        stk_twig_int(&map, "read_ms", manifest->read_back_age_ms);
    if (manifest->order_delay_ms)
        stk_twig_int(&map, "order_ms", manifest->order_delay_ms);
    if (manifest->restock_delay_ms)
        stk_twig_int(&map, "cancel_ms", manifest->restock_delay_ms);
    params = stk_value_of_twig(&map, 1);
    enum stk_status status =
        stk_clerk_send(&self->desk.clerk, stk_verb_by_number(STK_VERB_CHANNEL_PUT), &params, 1024,
                       opened, self, 0, &err);
    self->asking = status == STK_OK;
    if (status != STK_OK && status != STK_BUSY)
        become(self, STK_INSTANCE_FAILED, err.text);
}

/* ---- quarantine ---- */

static void looked(void *arg, uint64_t number, enum stk_status status,
                   const struct stk_value *answer)
{
    struct stk_instance *self = arg;
    const struct stk_value *asked = answer ? stk_value_get(answer, "resync_asked") : NULL;
    (void)number;
    self->asking = 0;
    if (status != STK_OK || !asked || asked->type != STK_VALUE_INT)
        return;
    if (self->resync_asked >= 0 && asked->as.integer != self->resync_asked &&
        state_of(self) == STK_INSTANCE_QUARANTINED) {
        self->crashes = 0;
        self->again_ms = now_of(self);
        become(self, STK_INSTANCE_MADE, NULL);
    }
    self->resync_asked = asked->as.integer;
}

static void look_whether_asked(struct stk_instance *self)
{
    struct stk_value values[8], params;
    struct stk_tree tree = stk_tree(values, 8);
    struct stk_twig map = stk_twig_map(&tree, 1);
    struct stk_error err;
    if (self->asking || now_of(self) < self->again_ms)
        return;
    self->again_ms = now_of(self) + LOOK_AGAIN_MS;
    stk_twig_text(&map, "channel", self->options.name);
    params = stk_value_of_twig(&map, 1);
    self->asking = stk_clerk_send(&self->desk.clerk, stk_verb_by_number(STK_VERB_CHANNEL_STATUS),
                                  &params, 256, looked, self, 0, &err) == STK_OK;
}

/* ---- stop ---- */

/* Draining, deactivating, closing; each bounded. */
static void stop_on(struct stk_instance *self)
{
    int64_t now_ms = now_of(self);
    int over = now_ms > self->deadline_ms;
    if (self->stopping == 1 && (!stk_courier_drain(self->courier) || over)) {
        self->stopping = 2;
        say(self, STK_WORD_DEACTIVATE, 0);
    } else if (self->stopping == 2 && (!self->waiting || over)) {
        stk_intake_drop(self->intake);
        stk_courier_drop(self->courier);
        self->stopping = 3;
        say(self, STK_WORD_CLOSE, 0);
        self->deadline_ms = now_ms + ANSWER_MS / 4;
    } else if (self->stopping == 3 && over) {
        self->stopping = 4;
    }
    if (self->stopping != 4)
        return;
    stk_courier_tick(self->courier); /* last outcomes */
    let_go(self);
    become(self, STK_INSTANCE_STOPPED, NULL);
    stk_loop_stop(self->loop);
}

static void begin_stop(struct stk_instance *self)
{
    unsigned state = state_of(self);
    self->deadline_ms = now_of(self) + DRAIN_MS;
    self->stopping = state == STK_INSTANCE_ACTIVE ? 1 : self->desk.link ? 3 : 4;
    if (self->stopping == 1)
        become(self, STK_INSTANCE_DRAINING, NULL);
    if (self->stopping == 3) {
        say(self, STK_WORD_CLOSE, 0);
        self->deadline_ms = now_of(self) + ANSWER_MS / 4;
    }
}

/* ---- the tick ---- */

static void watch(struct stk_instance *self)
{
    int64_t now_ms = now_of(self);
    if (self->options.in_process || !self->desk.link)
        return;
    if (now_ms - self->pong_ms > ANSWER_MS) {
        fell(self, "the plugin does not come back from a call (10 s)");
        return;
    }
    if (now_ms - self->ping_ms >= PING_MS) {
        self->ping_ms = now_ms;
        say(self, STK_WORD_PING, (uint64_t)now_ms);
    }
}

static void live(struct stk_instance *self)
{
    int64_t now_ms = now_of(self);
    switch (state_of(self)) {
    case STK_INSTANCE_MADE:
        if (!self->opened && !self->asking)
            open_channel(self);
        else if (self->opened && !self->waiting && now_ms >= self->again_ms)
            launch(self);
        break;
    case STK_INSTANCE_READY:
        if (!self->waiting && now_ms >= self->again_ms)
            activate(self);
        break;
    case STK_INSTANCE_QUARANTINED:
        look_whether_asked(self);
        break;
    default:
        break;
    }
    if (self->waiting && now_ms > self->deadline_ms)
        fell(self, "the plugin does not answer (10 s)");
}

static void turn(struct stk_instance *self)
{
    if (self->unfit) {
        self->unfit = 0;
        let_go(self);
    }
    if (self->broken) {
        self->broken = 0;
        fell(self, "the plugin's side sent what cannot be");
    }
    watch(self);
    /* acquire: pairs with the store in stk_instance_stop */
    if (!self->stopping && atomic_load_explicit(&self->stop, memory_order_acquire))
        begin_stop(self);
    if (self->stopping)
        stop_on(self);
    else
        live(self);
    stk_intake_pump(self->intake);
    stk_courier_tick(self->courier);
    stk_clerk_publish(&self->desk.clerk);
}

static void ticked(void *arg)
{
    turn(arg);
}

static void woken(void *arg)
{
    struct stk_instance *self = arg;
    stk_clerk_drain(&self->desk.clerk);
    turn(self);
}

static void wake(void *arg)
{
    stk_loop_wake(arg);
}

/* ---- create, start, stop ---- */

static enum stk_status make_here(struct stk_instance *self, struct stk_error *err)
{
    self->desk.link = stk_link_create(err);
    self->peer = self->desk.link ? stk_link_peer(self->desk.link, err) : NULL;
    if (!self->peer)
        return err->status;
    struct stk_hosting_options options = {.instance = self->options.name,
                                          .path = self->options.plugin,
                                          .name = "stockade",
                                          .loop = self->loop,
                                          .link = self->peer,
                                          .on_end = hosting_ended};
    self->hosting = stk_hosting_create(&options, err);
    return self->hosting ? STK_OK : err->status;
}

static enum stk_status build(struct stk_instance *self, struct stk_engine *engine,
                             struct stk_error *err)
{
    enum stk_status status = stk_elf_note_read(self->options.plugin, &self->desk.manifest, err);
    if (status != STK_OK)
        return status;
    self->loop = stk_loop_create(err);
    if (!self->loop)
        return err->status;
    self->inbox = stk_engine_inbox_open(engine, wake, self->loop, err);
    if (!self->inbox)
        return err->status;
    status = stk_clerk_init(&self->desk.clerk, self->inbox, self->options.who, err);
    self->desk.translate.values =
        stk_alloc(STK_TRANSLATE_VALUES * sizeof *self->desk.translate.values);
    self->intake = status == STK_OK ? stk_intake_create(&self->desk, err) : NULL;
    self->courier =
        self->intake ? stk_courier_create(&self->desk, &self->options.courier, err) : NULL;
    self->tick = stk_loop_timer_add(self->loop, ticked, self);
    if (!self->courier || !self->tick || !self->desk.translate.values)
        return stk_error_set(err, STK_NO_MEMORY, "out of memory");
    stk_loop_on_wake(self->loop, woken, self);
    return self->options.in_process ? make_here(self, err) : STK_OK;
}

struct stk_instance *stk_instance_create(struct stk_engine *engine,
                                         const struct stk_instance_options *options,
                                         struct stk_error *err)
{
    struct stk_instance *self = stk_alloc(sizeof *self);
    if (!self) {
        stk_error_set(err, STK_NO_MEMORY, "out of memory");
        return NULL;
    }
    self->options = *options;
    self->desk.instance = self->options.name;
    self->desk.clock = stk_clock_real();
    self->desk.translate.instance = self->options.name;
    self->desk.translate.match = options->match;
    self->random = (uint64_t)stk_desk_now(&self->desk) | 1;
    pthread_mutex_init(&self->lock, NULL);
    if (!*self->options.program)
        stk_child_beside("stockade-plugin-host", self->options.program,
                         sizeof self->options.program);
    if (build(self, engine, err) != STK_OK) {
        stk_error_prefix(err, "channel %s", self->options.name);
        stk_instance_destroy(self);
        return NULL;
    }
    return self;
}

static void run(void *arg)
{
    struct stk_instance *self = arg;
    stk_loop_timer_arm(self->tick, TICK_MS, 1);
    stk_loop_run(self->loop);
    stk_hosting_destroy(self->hosting); /* on its own thread */
    self->hosting = NULL;
}

enum stk_status stk_instance_start(struct stk_instance *self, struct stk_error *err)
{
    return stk_thread_start(&self->thread, STK_ROLE_PLUGIN, self->options.name, run, self, err);
}

void stk_instance_stop(struct stk_instance *self)
{
    /* release: pairs with the load in turn */
    atomic_store_explicit(&self->stop, 1, memory_order_release);
    stk_loop_wake(self->loop);
}

void stk_instance_join(struct stk_instance *self)
{
    stk_thread_join(&self->thread);
}

void stk_instance_destroy(struct stk_instance *self)
{
    if (!self)
        return;
    stk_hosting_destroy(self->hosting);
    stk_courier_destroy(self->courier);
    stk_intake_destroy(self->intake);
    stk_link_destroy(self->peer);
    stk_link_destroy(self->desk.link);
    stk_clerk_fini(&self->desk.clerk);
    stk_free(self->desk.translate.values);
    if (self->tick)
        stk_loop_timer_remove(self->tick);
    stk_loop_destroy(self->loop);
    pthread_mutex_destroy(&self->lock);
    stk_free(self);
}

void stk_instance_look(struct stk_instance *self, struct stk_instance_view *view)
{
    view->name = self->options.name;
    view->plugin = self->options.plugin;
    view->in_process = self->options.in_process;
    view->counters = &self->desk.counters;
    snprintf(view->version, sizeof view->version, "%.16s", self->desk.manifest.version);
    /* acquire: pairs with the store in become */
    view->state = stk_instance_state_name(atomic_load_explicit(&self->state, memory_order_acquire));
    pthread_mutex_lock(&self->lock);
    snprintf(view->text, sizeof view->text, "%s", self->text);
    pthread_mutex_unlock(&self->lock);
}
