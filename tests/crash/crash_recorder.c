/* The recorder and the crash images tested on a store that we know: LMDB alone. With its default
 * sync no acknowledged transaction may be lost in any image; without a sync (by flag, and planted
 * by the recorder) the images must show it. A file that is renamed into place must be whole.
 *
 * usage: crash_recorder                      the test
 *        crash_recorder write ROOT SOCKET n [nosync|careless]   (run by it, under the recorder) */
#include "tests/crash/image.h"
#include "tests/crash/place.h"
#include "tests/crash/random.h"
#include "tests/crash/record.h"
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEYS  300
#define VALUE 200

static void must(int ok, const char *what)
{
    if (!ok) {
        perror(what);
        exit(2);
    }
}

/* ---- the writer, under the recorder --------------------------------------------------------- */

static int client_of(const char *path, int *near)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    int door = socket(AF_UNIX, SOCK_STREAM, 0);
    *near = socket(AF_UNIX, SOCK_STREAM, 0);
    must(!bind(door, (struct sockaddr *)&address, sizeof(address)), "bind");
    must(!listen(door, 1), "listen");
    must(!connect(*near, (struct sockaddr *)&address, sizeof(address)), "connect");
    int far = accept(door, NULL, NULL);
    must(far >= 0, "accept");
    return far;
}

static void sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY);
    must(fd >= 0 && !fsync(fd), path);
    close(fd);
}

/* A note that is written, synced, renamed into place, its folder synced; careless: no syncs. */
static void put_note(const char *root, uint32_t number, int careless)
{
    char temporary[PLACE_PATH], final[PLACE_PATH], text[4096];
    place_join(temporary, root, "note.new");
    place_join(final, root, "note");
    memset(text, 'a' + (int)(number % 26), sizeof(text));
    memcpy(text, &number, sizeof(number));
    int fd = open(temporary, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    must(fd >= 0 && write(fd, text, sizeof(text)) == sizeof(text), temporary);
    must(careless || !fsync(fd), "fsync");
    close(fd);
    must(!rename(temporary, final), "rename");
    if (!careless)
        sync_folder(root);
}

static void put_keys(MDB_env *env, MDB_dbi dbi, struct random *random, uint32_t number)
{
    MDB_txn *txn;
    must(!mdb_txn_begin(env, NULL, 0, &txn), "begin");
    uint8_t value[VALUE];
    memset(value, (int)(number & 255), sizeof(value));
    memcpy(value, &number, sizeof(number));
    for (int i = 0; i < 4; i++) {
        uint32_t name = i ? 1 + (uint32_t)random_below(random, KEYS) : 0; /* 0: the last number */
        MDB_val key = {sizeof(name), &name}, data = {sizeof(value), value};
        must(!mdb_put(txn, dbi, &key, &data, 0), "put");
    }
    must(!mdb_txn_commit(txn), "commit");
}

static int write_main(char **arguments)
{
    const char *root = arguments[2], *mode = arguments[5] ? arguments[5] : "";
    int near, client = client_of(arguments[3], &near);
    uint32_t total = (uint32_t)atoi(arguments[4]);
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    struct random random = random_seed(7);
    char path[PLACE_PATH];
    place_join(path, root, "rows.mdb");
    must(!mdb_env_create(&env), "create");
    mdb_env_set_mapsize(env, 16 << 20);
    must(!mdb_env_open(env, path, MDB_NOSUBDIR | (strcmp(mode, "nosync") ? 0 : MDB_NOSYNC), 0600),
         "open");
    must(!mdb_txn_begin(env, NULL, 0, &txn) && !mdb_dbi_open(txn, NULL, 0, &dbi) &&
             !mdb_txn_commit(txn),
         "dbi");
    sync_folder(root);
    for (uint32_t number = 1; number <= total; number++) {
        put_keys(env, dbi, &random, number);
        if (number % 8 == 0)
            put_note(root, number, !strcmp(mode, "careless"));
        must(send(client, &number, sizeof(number), 0) == sizeof(number), "send");
        must(read(near, &number, sizeof(number)) == sizeof(number), "read");
    }
    return 0;
}

/* ---- the check of one image, in a child of its own ------------------------------------------ */

static int check_note(const char *folder, uint32_t acknowledged)
{
    char path[PLACE_PATH], text[4096 + 1];
    uint32_t number;
    place_join(path, folder, "note");
    int fd = open(path, O_RDONLY);
    if (fd < 0)
        return acknowledged < 8 ? 0 : 3;
    ssize_t size = read(fd, text, sizeof(text));
    close(fd);
    if (size != 4096)
        return 4;
    memcpy(&number, text, sizeof(number));
    return number + 8 > acknowledged && text[4095] == 'a' + (int)(number % 26) ? 0 : 5;
}

static int check_image(const char *folder, uint32_t acknowledged)
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    char path[PLACE_PATH];
    uint32_t zero = 0, last;
    MDB_val key = {sizeof(zero), &zero}, value;
    place_join(path, folder, "rows.mdb");
    mdb_env_create(&env);
    mdb_env_set_mapsize(env, 16 << 20);
    if (mdb_env_open(env, path, MDB_NOSUBDIR | MDB_RDONLY | MDB_NOLOCK, 0600) ||
        mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) || mdb_dbi_open(txn, NULL, 0, &dbi))
        return acknowledged ? 1 : 0;
    if (mdb_get(txn, dbi, &key, &value))
        return acknowledged ? 1 : 0;
    memcpy(&last, value.mv_data, sizeof(last));
    if (last < acknowledged)
        return 2;
    for (uint32_t name = 1; name <= KEYS; name++) {
        uint32_t number;
        key = (MDB_val){sizeof(name), &name};
        if (mdb_get(txn, dbi, &key, &value))
            continue;
        memcpy(&number, value.mv_data, sizeof(number));
        if (value.mv_size != VALUE || number > last ||
            ((uint8_t *)value.mv_data)[VALUE - 1] != (number & 255))
            return 2;
    }
    return check_note(folder, acknowledged);
}

static int check_in_child(const char *folder, uint32_t acknowledged)
{
    int status;
    fflush(NULL);
    pid_t child = fork();
    if (!child) {
        int null = open("/dev/null", O_WRONLY);
        dup2(null, 2);
        _exit(check_image(folder, acknowledged));
    }
    must(waitpid(child, &status, 0) == child, "waitpid");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 6;
}

/* ---- the test ------------------------------------------------------------------------------ */

struct acks {
    uint64_t *entries; /* [i]: number i + 1 left at this entry */
    uint32_t count;
};

static void note_ack(void *arg, uint64_t entry, uint32_t socket_number, const void *data,
                     size_t size)
{
    struct acks *acks = arg;
    (void)socket_number;
    (void)data;
    must(size == 4, "an answer in pieces");
    acks->entries[acks->count++] = entry;
}

static void record(const char *folder, const char *root, const char *log, const char *mode,
                   const char *plant, char *total)
{
    char library[2 * PLACE_PATH], environment[3][2 * PLACE_PATH], sock[PLACE_PATH];
    char *preload = place_built("tests/crash/preload_record.so");
    snprintf(library, sizeof(library), "LD_PRELOAD=%s", preload);
    snprintf(environment[0], sizeof(environment[0]), "%s=%s", RECORD_ENV_LOG, log);
    snprintf(environment[1], sizeof(environment[1]), "%s=%s", RECORD_ENV_ROOT, root);
    snprintf(environment[2], sizeof(environment[2]), "%s=%s", RECORD_ENV_PLANT, plant);
    place_join(sock, folder, "sock");
    unlink(sock);
    char *arguments[] = {"crash_recorder",        "write", (char *)(uintptr_t)root, sock, total,
                         (char *)(uintptr_t)mode, NULL};
    char *variables[] = {library, environment[0], environment[1], environment[2], NULL};
    pid_t child;
    int status;
    must(!posix_spawn(&child, "/proc/self/exe", NULL, NULL, arguments, variables), "spawn");
    must(waitpid(child, &status, 0) == child && !status, "the recorded writer");
    free(preload);
}

/* Images of one recording; the faults found, by kind of check_image. */
static unsigned run(const char *mode, const char *plant, unsigned images, unsigned found[8])
{
    char root[PLACE_PATH], log[PLACE_PATH], target[PLACE_PATH];
    char *folder = place_folder("recorder", 1, 64 << 20);
    place_join(root, folder, "root");
    place_join(log, folder, "log");
    place_join(target, folder, "image");
    must(!mkdir(root, 0700), root);
    record(folder, root, log, mode, plant, "400");
    struct image *image = image_open(log, root);
    must(image != NULL, "image_open");
    struct acks acks = {calloc(1000, sizeof(uint64_t)), 0};
    image_each_sent(image, note_ack, &acks);
    must(acks.count == 400, "400 answers");
    struct random random = random_seed(11);
    unsigned faults = 0;
    for (unsigned i = 0; i < images; i++) {
        /* Rising instants, so that the replay goes on and never back. */
        uint64_t entry = image_entries(image) * i / images + random_below(&random, 3);
        uint32_t acknowledged = 0;
        while (acknowledged < acks.count && acks.entries[acknowledged] < entry)
            acknowledged++;
        image_advance(image, entry);
        must(!image_make(image, (enum image_mode)(i % IMAGE_MODES), i, target), "image_make");
        int result = check_in_child(target, acknowledged);
        found[result]++;
        faults += result != 0;
        place_remove(target);
    }
    image_close(image);
    free(acks.entries);
    place_remove(folder);
    free(folder);
    return faults;
}

int main(int count, char **arguments)
{
    static const struct {
        const char *name, *mode, *plant;
        int sound;
    } cases[] = {
        {"default sync", "", "", 1},
        {"MDB_NOSYNC", "nosync", "", 0},
        {"sync that does nothing", "", "nosync", 0},
        {"rename without sync", "careless", "", 0},
    };
    int passed = 0, failed = 0;
    if (count >= 5 && !strcmp(arguments[1], "write"))
        return write_main(arguments);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned found[8] = {0};
        unsigned faults = run(cases[i].mode, cases[i].plant, 400, found);
        int good = cases[i].sound ? faults == 0 : faults > 0;
        printf("%-24s 400 images, %u faulty (empty %u, lost %u, note gone %u, short %u, old %u, "
               "crashed %u): %s\n",
               cases[i].name, faults, found[1], found[2], found[3], found[4], found[5], found[6],
               good ? "as it must be" : "WRONG");
        passed += good;
        failed += !good;
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
