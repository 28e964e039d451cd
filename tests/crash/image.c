/* Replays a recording into files in memory: for each its durable bytes, and the writes after them
 * that are still in the page cache. An image is the durable bytes with a chosen part of the rest.
 *
 * Always true: an operation is in `pending` of its file until it and all before it are durable; one
 * that became durable before an earlier one (O_DSYNC) is marked and always applied, in order. */
#include "tests/crash/image.h"
#include "tests/crash/random.h"
#include "tests/crash/record.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX  (UINT64_C(1) << 33) /* reserved, not touched */
#define BLOCK     UINT64_C(65536)
#define SECTOR    512
#define HANDLES   65536
#define NAMES_MAX 4096

const char *const image_mode_names[IMAGE_MODES] = {"lost", "subset", "torn", "reordered"};

struct pending {
    uint64_t entry; /* number of the entry */
    const struct record_entry *what;
    int durable;
};

struct file {
    uint32_t names; /* in either name space; freed at 0 */
    uint32_t handles;
    uint64_t size;
    uint8_t *data;
    uint8_t *touched; /* one per BLOCK */
    struct pending *pending;
    uint32_t pending_count, pending_room;
};

struct name {
    char *path;        /* below the root, "" is the root */
    struct file *file; /* NULL: a folder */
};
struct names {
    struct name *at;
    uint32_t count;
};

struct name_change {
    uint64_t entry;
    uint32_t kind; /* RECORD_OPEN (created), RENAME, UNLINK, MKDIR, RMDIR */
    char *path, *to;
    struct file *file;
};

struct handle {
    struct file *file;
    char *folder;
    uint64_t sync_began;
};

struct image {
    const uint8_t *log;
    uint64_t log_size;
    const struct record_entry **entries;
    uint64_t count, at;
    size_t root_size;
    struct names now, durable;
    struct name_change *changes; /* not durable yet, in order */
    uint32_t changes_count, changes_room;
    struct handle *handles;
};

static void *must(void *memory)
{
    if (!memory) {
        perror("image");
        abort();
    }
    return memory;
}

static const uint8_t *payload(const struct record_entry *entry)
{
    return (const uint8_t *)(entry + 1);
}

/* ---- files --------------------------------------------------------------------------------- */

static struct file *file_create(void)
{
    struct file *file = must(calloc(1, sizeof(*file)));
    file->data = mmap(NULL, FILE_MAX, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (file->data == MAP_FAILED)
        must(NULL);
    file->touched = must(calloc(FILE_MAX / BLOCK, 1));
    return file;
}

static void file_destroy(struct file *file)
{
    if (!file)
        return;
    munmap(file->data, FILE_MAX);
    free(file->touched);
    free(file->pending);
    free(file);
}

static void file_let_go(struct file *file)
{
    if (file && !file->names && !file->handles)
        file_destroy(file);
}

static void file_put(struct file *file, uint64_t offset, const uint8_t *data, uint64_t size)
{
    if (offset + size > FILE_MAX) {
        fprintf(stderr, "image: a file of more than %llu bytes\n", (unsigned long long)FILE_MAX);
        abort();
    }
    for (uint64_t block = offset / BLOCK; size && block <= (offset + size - 1) / BLOCK; block++) {
        uint64_t from = block * BLOCK < offset ? offset : block * BLOCK;
        uint64_t end = (block + 1) * BLOCK < offset + size ? (block + 1) * BLOCK : offset + size;
        if (!data && !file->touched[block])
            continue;
        file->touched[block] = 1;
        if (data)
            memcpy(file->data + from, data + (from - offset), end - from);
        else
            memset(file->data + from, 0, end - from);
    }
    if (offset + size > file->size)
        file->size = offset + size;
}

static void file_resize(struct file *file, uint64_t size)
{
    if (size < file->size) {
        uint64_t old = file->size;
        file_put(file, size, NULL, old - size);
    }
    file->size = size;
}

static void file_apply(struct file *file, const struct record_entry *what)
{
    switch (what->kind) {
    case RECORD_WRITE:
        if (what->flags & RECORD_ZEROS)
            file_put(file, what->offset, NULL, what->extra);
        else
            file_put(file, what->offset, payload(what), what->size);
        break;
    case RECORD_TRUNCATE:
        file_resize(file, what->offset);
        break;
    case RECORD_ALLOCATE:
        if (what->offset + what->extra > file->size)
            file_resize(file, what->offset + what->extra);
        break;
    default:
        break;
    }
}

static void file_pend(struct file *file, uint64_t entry, const struct record_entry *what)
{
    if (file->pending_count == file->pending_room) {
        file->pending_room = file->pending_room ? file->pending_room * 2 : 16;
        file->pending = must(realloc(file->pending, file->pending_room * sizeof(*file->pending)));
    }
    file->pending[file->pending_count++] = (struct pending){entry, what, 0};
}

/* What leads the row and is durable becomes the file itself. */
static void file_settle(struct file *file)
{
    uint32_t done = 0;
    while (done < file->pending_count && file->pending[done].durable)
        file_apply(file, file->pending[done++].what);
    file->pending_count -= done;
    memmove(file->pending, file->pending + done, file->pending_count * sizeof(*file->pending));
}

static void file_synced(struct file *file, uint64_t before)
{
    for (uint32_t i = 0; i < file->pending_count; i++)
        if (file->pending[i].entry < before)
            file->pending[i].durable = 1;
    file_settle(file);
}

static void file_write_done(struct file *file, uint32_t handle)
{
    for (uint32_t i = 0; i < file->pending_count; i++)
        if (file->pending[i].what->handle == handle &&
            (file->pending[i].what->flags & RECORD_DURABLE))
            file->pending[i].durable = 1;
    file_settle(file);
}

/* ---- names --------------------------------------------------------------------------------- */

static struct name *names_find(struct names *names, const char *path)
{
    for (uint32_t i = 0; i < names->count; i++)
        if (!strcmp(names->at[i].path, path))
            return &names->at[i];
    return NULL;
}

static void names_drop(struct names *names, const char *path)
{
    struct name *name = names_find(names, path);
    if (!name)
        return;
    struct file *file = name->file;
    free(name->path);
    *name = names->at[--names->count];
    if (file) {
        file->names--;
        file_let_go(file);
    }
}

static void names_set(struct names *names, const char *path, struct file *file)
{
    if (file)
        file->names++;
    names_drop(names, path);
    if (!names->at)
        names->at = must(calloc(NAMES_MAX, sizeof(*names->at)));
    if (names->count == NAMES_MAX) {
        fprintf(stderr, "image: too many names\n");
        abort();
    }
    names->at[names->count++] = (struct name){must(strdup(path)), file};
}

/* A folder that is renamed takes along what lies in it. */
static void names_rename(struct names *names, const char *from, const char *to)
{
    size_t size = strlen(from);
    char path[PATH_MAX];
    struct name *name = names_find(names, from);
    if (!name)
        return;
    names_set(names, to, name->file);
    names_drop(names, from);
    for (uint32_t i = 0; i < names->count; i++) {
        if (strncmp(names->at[i].path, from, size) || names->at[i].path[size] != '/')
            continue;
        snprintf(path, sizeof(path), "%s%s", to, names->at[i].path + size);
        free(names->at[i].path);
        names->at[i].path = must(strdup(path));
    }
}

static void names_apply(struct names *names, const struct name_change *change)
{
    switch (change->kind) {
    case RECORD_OPEN:
    case RECORD_MKDIR:
        names_set(names, change->path, change->file);
        break;
    case RECORD_RENAME:
        names_rename(names, change->path, change->to);
        break;
    default:
        names_drop(names, change->path);
    }
}

static void names_copy(struct names *to, const struct names *from)
{
    *to = (struct names){NULL, 0};
    for (uint32_t i = 0; i < from->count; i++)
        names_set(to, from->at[i].path, from->at[i].file);
}

static void names_clear(struct names *names)
{
    while (names->count)
        names_drop(names, names->at[0].path);
    free(names->at);
    *names = (struct names){NULL, 0};
}

static int parent_is(const char *path, const char *folder)
{
    size_t size = strlen(folder);
    const char *slash = strrchr(path, '/');
    return (slash ? (size_t)(slash - path) : 0) == size && !strncmp(path, folder, size);
}

static void change_free(struct name_change *change)
{
    if (change->file) {
        change->file->handles--;
        file_let_go(change->file);
    }
    free(change->path);
    free(change->to);
}

static void folder_synced(struct image *image, const char *folder, uint64_t before)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < image->changes_count; i++) {
        struct name_change *change = &image->changes[i];
        if (change->entry < before &&
            (parent_is(change->path, folder) || (change->to && parent_is(change->to, folder)))) {
            names_apply(&image->durable, change);
            change_free(change);
        } else {
            image->changes[kept++] = *change;
        }
    }
    image->changes_count = kept;
}

static void change_names(struct image *image, uint32_t kind, const char *path, const char *to,
                         struct file *file)
{
    if (image->changes_count == image->changes_room) {
        image->changes_room = image->changes_room ? image->changes_room * 2 : 16;
        image->changes =
            must(realloc(image->changes, image->changes_room * sizeof(*image->changes)));
    }
    if (file)
        file->handles++;
    image->changes[image->changes_count] = (struct name_change){image->at, kind, must(strdup(path)),
                                                                to ? must(strdup(to)) : NULL, file};
    names_apply(&image->now, &image->changes[image->changes_count++]);
}

/* ---- replay -------------------------------------------------------------------------------- */

/* The path of an entry's payload below the root; "" is the root itself. */
static const char *below(const struct image *image, const char *path)
{
    path += image->root_size;
    return *path == '/' ? path + 1 : path;
}

static void text_of(const struct record_entry *entry, char out[2 * PATH_MAX + 2])
{
    memcpy(out, payload(entry), entry->size);
    out[entry->size] = 0;
}

static void handle_open(struct image *image, struct handle *handle,
                        const struct record_entry *entry)
{
    char text[2 * PATH_MAX + 2];
    text_of(entry, text);
    const char *path = below(image, text);
    free(handle->folder);
    if (handle->file) {
        handle->file->handles--;
        file_let_go(handle->file);
    }
    *handle = (struct handle){NULL, NULL, 0};
    if (entry->flags & RECORD_FOLDER) {
        handle->folder = must(strdup(path));
        return;
    }
    struct name *name = names_find(&image->now, path);
    struct file *file = name ? name->file : NULL;
    if (!file) {
        file = file_create();
        file->handles++;
        change_names(image, RECORD_OPEN, path, NULL, file);
        file->handles--;
    } else if (entry->flags & RECORD_TRUNC) {
        static const struct record_entry empty = {.kind = RECORD_TRUNCATE};
        file_pend(file, image->at, &empty);
    }
    file->handles++;
    handle->file = file;
}

static void step(struct image *image, const struct record_entry *entry)
{
    struct handle *handle = entry->handle < HANDLES ? &image->handles[entry->handle] : NULL;
    char text[2 * PATH_MAX + 2];
    switch (entry->kind) {
    case RECORD_OPEN:
        handle_open(image, handle, entry);
        break;
    case RECORD_WRITE:
    case RECORD_TRUNCATE:
    case RECORD_ALLOCATE:
        file_pend(handle->file, image->at, entry);
        break;
    case RECORD_WRITE_DONE:
        file_write_done(handle->file, entry->handle);
        break;
    case RECORD_SYNC:
        handle->sync_began = image->at;
        break;
    case RECORD_SYNC_DONE:
        if (handle->folder)
            folder_synced(image, handle->folder, handle->sync_began);
        else
            file_synced(handle->file, handle->sync_began);
        break;
    case RECORD_RENAME:
        text_of(entry, text);
        change_names(image, entry->kind, below(image, text), below(image, text + strlen(text) + 1),
                     NULL);
        break;
    case RECORD_UNLINK:
    case RECORD_RMDIR:
    case RECORD_MKDIR:
        text_of(entry, text);
        change_names(image, entry->kind, below(image, text), NULL, NULL);
        break;
    default:
        break;
    }
}

void image_advance(struct image *image, uint64_t entry)
{
    while (image->at < entry && image->at < image->count) {
        step(image, image->entries[image->at]);
        image->at++;
    }
}

void image_rewind(struct image *image)
{
    for (uint32_t i = 0; i < image->changes_count; i++)
        change_free(&image->changes[i]);
    image->changes_count = 0;
    names_clear(&image->now);
    names_clear(&image->durable);
    for (uint32_t i = 0; i < HANDLES; i++) {
        struct file *file = image->handles[i].file;
        free(image->handles[i].folder);
        image->handles[i] = (struct handle){NULL, NULL, 0};
        if (file) {
            file->handles--;
            file_let_go(file);
        }
    }
    image->at = 0;
}

/* ---- making -------------------------------------------------------------------------------- */

static int write_all(int fd, const uint8_t *data, uint64_t size, uint64_t offset)
{
    while (size) {
        ssize_t done = pwrite(fd, data, size, (off_t)offset);
        if (done <= 0)
            return -1;
        data += done;
        size -= (uint64_t)done;
        offset += (uint64_t)done;
    }
    return 0;
}

static int put_zeros(int fd, uint64_t offset, uint64_t size)
{
    static const uint8_t zeros[BLOCK];
    struct stat status;
    if (fstat(fd, &status))
        return -1;
    uint64_t end = offset + size, there = (uint64_t)status.st_size;
    for (uint64_t at = offset; at < end && at < there; at += BLOCK) {
        uint64_t part = end - at < BLOCK ? end - at : BLOCK;
        if (write_all(fd, zeros, part, at))
            return -1;
    }
    return end > there ? ftruncate(fd, (off_t)end) : 0;
}

/* Some sectors of a write: a prefix of them, or each on its own. */
static int put_torn(int fd, const struct record_entry *what, struct random *random)
{
    uint64_t end = what->offset + what->size, at = what->offset;
    int prefix = random_below(random, 2) == 0;
    uint64_t cut = at + random_below(random, what->size + 1);
    while (at < end) {
        uint64_t next = (at / SECTOR + 1) * SECTOR;
        if (next > end)
            next = end;
        int keep = prefix ? next <= cut : random_below(random, 2) == 0;
        if (keep && write_all(fd, payload(what) + (at - what->offset), next - at, at))
            return -1;
        at = next;
    }
    return 0;
}

static int put_entry(int fd, const struct record_entry *what, int torn, struct random *random)
{
    struct stat status;
    switch (what->kind) {
    case RECORD_WRITE:
        if (what->flags & RECORD_ZEROS)
            return put_zeros(fd, what->offset, what->extra);
        if (torn)
            return put_torn(fd, what, random);
        return write_all(fd, payload(what), what->size, what->offset);
    case RECORD_TRUNCATE:
        return ftruncate(fd, (off_t)what->offset);
    case RECORD_ALLOCATE:
        if (fstat(fd, &status))
            return -1;
        if ((uint64_t)status.st_size >= what->offset + what->extra)
            return 0;
        return ftruncate(fd, (off_t)(what->offset + what->extra));
    default:
        return 0;
    }
}

static int put_file(const struct file *file, const char *path, enum image_mode mode,
                    struct random *random)
{
    int fd = open(path, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    int result = ftruncate(fd, (off_t)file->size);
    for (uint64_t at = 0; !result && at < file->size; at += BLOCK) {
        uint64_t size = file->size - at < BLOCK ? file->size - at : BLOCK;
        if (file->touched[at / BLOCK])
            result = write_all(fd, file->data + at, size, at);
    }
    uint64_t percent = 10 + random_below(random, 81);
    uint64_t later = random_below(random, file->pending_count + 1);
    for (uint32_t i = 0; !result && i < file->pending_count; i++) {
        int keep = file->pending[i].durable, torn = 0;
        if (!keep && mode == IMAGE_REORDERED) {
            keep = i >= later;
        } else if (!keep && mode != IMAGE_LOST) {
            keep = random_below(random, 100) < percent;
            torn = mode == IMAGE_TORN && random_below(random, 2) == 0;
        }
        if (keep)
            result = put_entry(fd, file->pending[i].what, torn, random);
    }
    close(fd);
    return result;
}

/* Folders first, then files; what has lost its folder is lost with it. */
static int put_names(const struct names *names, const char *folder, enum image_mode mode,
                     struct random *random)
{
    char path[2 * PATH_MAX];
    for (uint32_t made = 1, pass = 0; made && pass < NAMES_MAX; pass++) {
        made = 0;
        for (uint32_t i = 0; i < names->count; i++) {
            if (names->at[i].file)
                continue;
            snprintf(path, sizeof(path), "%s/%s", folder, names->at[i].path);
            made |= !mkdir(path, 0700);
        }
    }
    for (uint32_t i = 0; i < names->count; i++) {
        if (!names->at[i].file)
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, names->at[i].path);
        if (put_file(names->at[i].file, path, mode, random) && errno != ENOENT && errno != ENOTDIR)
            return -1;
    }
    return 0;
}

int image_make(struct image *image, enum image_mode mode, uint64_t seed, const char *folder)
{
    struct random random = random_seed(seed);
    struct names names;
    if (mkdir(folder, 0700) && errno != EEXIST)
        return -1;
    names_copy(&names, &image->durable);
    uint64_t kept = mode == IMAGE_LOST ? 0 : random_below(&random, image->changes_count + 1);
    for (uint64_t i = 0; i < kept; i++)
        names_apply(&names, &image->changes[i]);
    int result = put_names(&names, folder, mode, &random);
    int saved = errno;
    names_clear(&names);
    errno = saved;
    return result;
}

/* ---- the log ------------------------------------------------------------------------------- */

static int index_log(struct image *image)
{
    uint64_t at = 0, room = 0;
    while (at + sizeof(struct record_entry) <= image->log_size) {
        const struct record_entry *entry = (const struct record_entry *)(image->log + at);
        if (at + sizeof(*entry) + record_padded(entry->size) > image->log_size)
            break;
        if (entry->kind == RECORD_HALTED) {
            fprintf(stderr, "image: %.*s\n", (int)entry->size, (const char *)payload(entry));
            return -1;
        }
        if (image->count == room) {
            room = room ? room * 2 : 4096;
            image->entries = must(realloc(image->entries, room * sizeof(*image->entries)));
        }
        image->entries[image->count++] = entry;
        at += sizeof(*entry) + record_padded(entry->size);
    }
    return 0;
}

struct image *image_open(const char *log_path, const char *root)
{
    struct image *image = must(calloc(1, sizeof(*image)));
    struct stat status;
    int fd = open(log_path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) || !status.st_size) {
        fprintf(stderr, "image: %s: no recording\n", log_path);
        if (fd >= 0)
            close(fd);
        free(image);
        return NULL;
    }
    image->log_size = (uint64_t)status.st_size;
    image->log = mmap(NULL, image->log_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (image->log == MAP_FAILED)
        must(NULL);
    image->root_size = strlen(root);
    image->handles = must(calloc(HANDLES, sizeof(*image->handles)));
    if (index_log(image)) {
        image_close(image);
        return NULL;
    }
    return image;
}

void image_close(struct image *image)
{
    if (!image)
        return;
    image_rewind(image);
    free(image->changes);
    free(image->handles);
    free(image->entries);
    munmap((void *)(uintptr_t)image->log, image->log_size);
    free(image);
}

uint64_t image_entries(const struct image *image)
{
    return image->count;
}

int image_is_edge(const struct image *image, uint64_t entry)
{
    switch (image->entries[entry]->kind) {
    case RECORD_SYNC:
    case RECORD_SYNC_DONE:
    case RECORD_SENT:
    case RECORD_RENAME:
    case RECORD_UNLINK:
        return 1;
    default:
        return 0;
    }
}

void image_each_sent(struct image *image, image_sent_fn fn, void *arg)
{
    for (uint64_t i = 0; i < image->count; i++)
        if (image->entries[i]->kind == RECORD_SENT)
            fn(arg, i, image->entries[i]->handle, payload(image->entries[i]),
               image->entries[i]->size);
}
