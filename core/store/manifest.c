/* Writing, reading and checking manifests. The text is small: some 100 bytes a file. */
#include "core/store/manifest.h"
#include "core/base/hash.h"
#include "core/base/mem.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_LINE "stockade-backup 1\n"
#define LINE_MAX_  256
#define TEXT_MAX   ((size_t)STK_MANIFEST_FILES * LINE_MAX_)
#define CHECK_SEED 0x53544b424143ull /* "STKBAC" */

/* ---- hex ---- */

static void put_hex(char *text, const uint8_t *bytes, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    text[2 * size] = 0;
}

static int digit_of(char letter)
{
    if (letter >= '0' && letter <= '9')
        return letter - '0';
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

static int get_hex(const char *text, uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        int high = digit_of(text[2 * i]);
        int low = high < 0 ? -1 : digit_of(text[2 * i + 1]);
        if (low < 0)
            return 0;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return 1;
}

/* ---- adding ---- */

static enum stk_status room_for_one(struct stk_manifest *manifest, struct stk_error *err)
{
    uint32_t count = manifest->files_count;
    if (count == STK_MANIFEST_FILES)
        return stk_error_set(err, STK_TOO_LARGE, "manifest: more than %d files",
                             STK_MANIFEST_FILES);
    if (count & (count - 1)) /* room doubles at powers of two */
        return STK_OK;
    void *more = stk_realloc(manifest->files, (count ? count * 2 : 1) * sizeof(*manifest->files));
    if (!more)
        return stk_error_set(err, STK_NO_MEMORY, "manifest: out of memory");
    manifest->files = more;
    return STK_OK;
}

enum stk_status stk_manifest_add(struct stk_manifest *manifest, const char *backup,
                                 const char *name, struct stk_error *err)
{
    struct stk_path path;
    enum stk_status status = room_for_one(manifest, err);
    if (status == STK_OK)
        status = stk_path_join(&path, backup, name, err);
    if (status != STK_OK)
        return status;
    struct stk_manifest_file *file = &manifest->files[manifest->files_count];
    memset(file, 0, sizeof(*file));
    stk_assert(strlen(name) < sizeof(file->name));
    memcpy(file->name, name, strlen(name));
    status = stk_file_hash(path.text, NULL, file->hash, &file->bytes, err);
    if (status == STK_OK)
        manifest->files_count++;
    return status;
}

uint64_t stk_manifest_bytes(const struct stk_manifest *manifest)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < manifest->files_count; i++)
        bytes += manifest->files[i].bytes;
    return bytes;
}

void stk_manifest_fini(struct stk_manifest *manifest)
{
    stk_free(manifest->files);
    manifest->files = NULL;
    manifest->files_count = 0;
}

/* ---- writing ---- */

static size_t print_all(const struct stk_manifest *manifest, char *text)
{
    char id[2 * STK_JOURNAL_ID_BYTES + 1], hash[2 * STK_CHAIN_BYTES + 1];
    put_hex(id, manifest->id, sizeof(manifest->id));
    put_hex(hash, manifest->chain, STK_CHAIN_BYTES);
    int size =
        snprintf(text, TEXT_MAX,
                 FIRST_LINE "id %s\nfolded %" PRIu64 "\nfirst %" PRIu64 "\nlast %" PRIu64
                            "\ntime_ms %" PRId64 "\nchain %s\n",
                 id, manifest->folded, manifest->first, manifest->last, manifest->time_ms, hash);
    for (uint32_t i = 0; i < manifest->files_count; i++) {
        const struct stk_manifest_file *file = &manifest->files[i];
        put_hex(hash, file->hash, STK_CHAIN_BYTES);
        size += snprintf(text + size, LINE_MAX_, "file %s %" PRIu64 " %s\n", hash, file->bytes,
                         file->name);
    }
    return (size_t)size;
}

enum stk_status stk_manifest_write(const struct stk_manifest *manifest, const char *backup,
                                   struct stk_error *err)
{
    struct stk_path path;
    char *text = stk_alloc(TEXT_MAX + 2 * LINE_MAX_);
    if (!text)
        return stk_error_set(err, STK_NO_MEMORY, "manifest: out of memory");
    size_t size = print_all(manifest, text);
    snprintf(text + size, LINE_MAX_, "check %016" PRIx64 "\n", stk_hash64(text, size, CHECK_SEED));
    enum stk_status status = stk_path_join(&path, backup, STK_MANIFEST_FILE, err);
    if (status == STK_OK)
        status = stk_file_put_text(path.text, text, err);
    stk_free(text);
    return status;
}

/* ---- reading ---- */

static int get_number(const char *text, uint64_t *number)
{
    char *end;
    errno = 0;
    *number = strtoull(text, &end, 10);
    return errno == 0 && end != text && *end == 0 && *text != '-' && *text != '+';
}

/* "<hash> <bytes> <name>", changed in place. */
static enum stk_status parse_file(struct stk_manifest *manifest, char *text, struct stk_error *err)
{
    enum stk_status status = room_for_one(manifest, err);
    if (status != STK_OK)
        return status;
    struct stk_manifest_file *file = &manifest->files[manifest->files_count];
    memset(file, 0, sizeof(*file));
    size_t hash_size = (size_t)2 * STK_CHAIN_BYTES;
    char *bytes = strlen(text) > hash_size && text[hash_size] == ' ' ? text + hash_size + 1 : NULL;
    char *name = bytes ? strchr(bytes, ' ') : NULL;
    if (!name)
        return STK_CORRUPT;
    *name++ = 0;
    /* a name leads nowhere but into the backup */
    if (!get_hex(text, file->hash, STK_CHAIN_BYTES) || !get_number(bytes, &file->bytes) ||
        strlen(name) == 0 || strlen(name) >= sizeof(file->name) || *name == '/' ||
        strstr(name, ".."))
        return STK_CORRUPT;
    memcpy(file->name, name, strlen(name));
    manifest->files_count++;
    return STK_OK;
}

static enum stk_status parse_line(struct stk_manifest *manifest, char *line, struct stk_error *err)
{
    char *value = strchr(line, ' ');
    uint64_t number = 0;
    if (!value)
        return STK_CORRUPT;
    *value++ = 0;
    if (strcmp(line, "file") == 0)
        return parse_file(manifest, value, err);
    if (strcmp(line, "id") == 0)
        return strlen(value) == 2 * sizeof(manifest->id) &&
                       get_hex(value, manifest->id, sizeof(manifest->id))
                   ? STK_OK
                   : STK_CORRUPT;
    if (strcmp(line, "chain") == 0)
        return strlen(value) == (size_t)2 * STK_CHAIN_BYTES &&
                       get_hex(value, manifest->chain, STK_CHAIN_BYTES)
                   ? STK_OK
                   : STK_CORRUPT;
    int negative = *value == '-';
    if (!get_number(value + negative, &number))
        return STK_CORRUPT;
    if (strcmp(line, "time_ms") == 0)
        manifest->time_ms = negative ? -(stk_time_t)number : (stk_time_t)number;
    else if (strcmp(line, "folded") == 0)
        manifest->folded = number;
    else if (strcmp(line, "first") == 0)
        manifest->first = number;
    else if (strcmp(line, "last") == 0)
        manifest->last = number;
    else
        return STK_CORRUPT;
    return STK_OK;
}

static enum stk_status parse_text(struct stk_manifest *manifest, char *text, struct stk_error *err)
{
    char check[32];
    char *end = strstr(text, "\ncheck ");
    if (strncmp(text, "stockade-backup ", 16) != 0)
        return stk_error_set(err, STK_CORRUPT, "manifest: not one of a backup");
    if (strncmp(text, FIRST_LINE, strlen(FIRST_LINE)) != 0)
        return stk_error_set(err, STK_VERSION, "manifest: of a version that is not known here");
    if (!end)
        return stk_error_set(err, STK_CORRUPT, "manifest: it ends too early");
    size_t size = (size_t)(++end - text);
    snprintf(check, sizeof(check), "check %016" PRIx64 "\n", stk_hash64(text, size, CHECK_SEED));
    if (strcmp(end, check) != 0)
        return stk_error_set(err, STK_CORRUPT, "manifest: its check does not agree");
    *end = 0;
    char *rest = text + strlen(FIRST_LINE), *line;
    for (unsigned number = 2; (line = strsep(&rest, "\n")) != NULL && *line; number++) {
        enum stk_status status = parse_line(manifest, line, err);
        if (status == STK_CORRUPT)
            return stk_error_set(err, STK_CORRUPT, "manifest: line %u is damaged", number);
        if (status != STK_OK)
            return status;
    }
    return STK_OK;
}

enum stk_status stk_manifest_read(struct stk_manifest *manifest, const char *backup,
                                  struct stk_error *err)
{
    struct stk_path path;
    uint64_t size = 0;
    memset(manifest, 0, sizeof(*manifest));
    enum stk_status status = stk_path_join(&path, backup, STK_MANIFEST_FILE, err);
    if (status != STK_OK)
        return status;
    if (stk_file_size(path.text, &size, NULL) != STK_OK || size > TEXT_MAX)
        size = TEXT_MAX; /* what is wrong with it is said when it is read */
    size += 2 * LINE_MAX_;
    char *text = stk_alloc(size);
    if (!text)
        return stk_error_set(err, STK_NO_MEMORY, "manifest: out of memory");
    status = stk_file_get_text(path.text, text, size, err);
    if (status == STK_OK)
        status = parse_text(manifest, text, err);
    stk_free(text);
    if (status != STK_OK)
        stk_manifest_fini(manifest);
    return status;
}

enum stk_status stk_manifest_check_file(const struct stk_manifest_file *file, const char *backup,
                                        const char *copy_to, struct stk_error *err)
{
    struct stk_path path;
    uint8_t hash[STK_CHAIN_BYTES];
    uint64_t bytes;
    enum stk_status status = stk_path_join(&path, backup, file->name, err);
    if (status == STK_OK)
        status = stk_file_hash(path.text, copy_to, hash, &bytes, err);
    if (status == STK_NOT_FOUND)
        return stk_error_set(err, STK_CORRUPT, "%s: is missing", file->name);
    if (status == STK_OK && bytes != file->bytes)
        return stk_error_set(err, STK_CORRUPT, "%s: %" PRIu64 " bytes, it had %" PRIu64, file->name,
                             bytes, file->bytes);
    if (status == STK_OK && memcmp(hash, file->hash, sizeof(hash)) != 0)
        return stk_error_set(err, STK_CORRUPT, "%s: its SHA-256 is another one", file->name);
    return status;
}
