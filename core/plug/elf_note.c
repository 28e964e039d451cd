/* The manifest of a plugin's file: ELF header, program headers, note segments, our note, its
 * fields.
 *
 * Always true: nothing is taken from the file that was not checked against the file's size and a
 * bound of ours; the file is never mapped, so one that shrinks meanwhile is an error and no signal.
 * The note is found by the program headers, as the dynamic linker finds things: section headers may
 * be stripped. Any thread may enter; nothing is kept. */
#include "core/plug/elf_note.h"
#include "core/base/doc.h"
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stockade/ext/draft/carrier.h>
#include <stockade/ext/draft/fulfilment.h>
#include <stockade/ext/draft/payments.h>
#include <stockade/ext/draft/rates.h>
#include <stockade/ext/draft/returns.h>
#include <stockade/ext/draft/settlement.h>
#include <stockade/ext/draft/stock.h>
#include <stockade/ext/draft/supplier.h>
#include <stockade/stockade.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX     (1ull << 30) /* a plugin is not larger */
#define SEGMENTS_MAX 128
#define NOTES_MAX    (64u * 1024) /* bytes of one note segment */
#define BOUND_MAX_MS (400ll * 24 * 3600 * 1000)

struct source {
    int fd;
    uint64_t size;
    struct stk_error *err;
};

static enum stk_status damaged(struct source *source, const char *what)
{
    return stk_error_set(source->err, STK_MALFORMED, "%s", what);
}

/* Read all of size bytes at `at`, or say what is not there. */
static enum stk_status read_at(struct source *source, uint64_t at, void *bytes, size_t size,
                               const char *what)
{
    size_t done = 0;
    if (at > source->size || size > source->size - at)
        return stk_error_set(source->err, STK_MALFORMED, "the file ends inside its %s", what);
    while (done < size) {
        ssize_t got = pread(source->fd, (char *)bytes + done, size - done, (off_t)(at + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return stk_error_errno(source->err, errno, "reading its %s", what);
        if (got == 0)
            return stk_error_set(source->err, STK_MALFORMED, "the file ends inside its %s", what);
        done += (size_t)got;
    }
    return STK_OK;
}

static enum stk_status read_header(struct source *source, Elf64_Ehdr *header)
{
    enum stk_status status = read_at(source, 0, header, sizeof *header, "ELF header");
    if (status != STK_OK)
        return status;
    if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
        return damaged(source, "not an ELF file");
    if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB ||
        header->e_ident[EI_VERSION] != EV_CURRENT)
        return damaged(source, "not a 64-bit little-endian ELF file");
    if (header->e_type != ET_DYN)
        return damaged(source, "not a shared object");
    if (STK_ELF_MACHINE && header->e_machine != STK_ELF_MACHINE)
        return stk_error_set(source->err, STK_MALFORMED,
                             "code of another machine (ELF machine %u, here %u)", header->e_machine,
                             STK_ELF_MACHINE);
    if (header->e_phentsize != sizeof(Elf64_Phdr) || header->e_phnum > SEGMENTS_MAX)
        return damaged(source, "its program headers are of an unknown size or too many");
    return STK_OK;
}

static uint32_t round_up(uint32_t size, uint32_t align)
{
    return (size + align - 1) & ~(align - 1);
}

/* Take our note at bytes[0..size): *found counts; the last one is in manifest. */
static enum stk_status take_notes(struct source *source, const uint8_t *bytes, uint32_t size,
                                  uint32_t align, struct stk_plugin_manifest *manifest, int *found)
{
    uint32_t at = 0;
    while (size - at >= sizeof(Elf64_Nhdr)) {
        Elf64_Nhdr note;
        uint32_t left, name_end, body_end;
        memcpy(&note, bytes + at, sizeof note);
        left = size - at;
        if (note.n_namesz > left || note.n_descsz > left)
            return damaged(source, "a note is larger than its segment");
        name_end = round_up((uint32_t)sizeof note + note.n_namesz, align);
        if (name_end > left || note.n_descsz > left - name_end)
            return damaged(source, "a note is larger than its segment");
        body_end = name_end + note.n_descsz;
        if (note.n_type == STK_NOTE_TYPE && note.n_namesz == sizeof STK_NOTE_OWNER &&
            memcmp(bytes + at + sizeof note, STK_NOTE_OWNER, sizeof STK_NOTE_OWNER) == 0) {
            uint32_t known =
                note.n_descsz < sizeof *manifest ? note.n_descsz : (uint32_t)sizeof *manifest;
            memset(manifest, 0, sizeof *manifest);
            memcpy(manifest, bytes + at + name_end, known);
            if (known < offsetof(struct stk_plugin_manifest, name) ||
                manifest->size != note.n_descsz)
                return damaged(source, "its manifest states another size than its note has");
            (*found)++;
        }
        body_end = round_up(body_end, align);
        if (body_end >= left)
            break;
        at += body_end;
    }
    return STK_OK;
}

static enum stk_status read_segment(struct source *source, const Elf64_Phdr *segment,
                                    struct stk_plugin_manifest *manifest, int *found)
{
    uint8_t bytes[NOTES_MAX];
    enum stk_status status;
    if (segment->p_filesz > sizeof bytes)
        return damaged(source, "a note segment is larger than 64 KiB");
    status = read_at(source, segment->p_offset, bytes, (size_t)segment->p_filesz, "notes");
    if (status != STK_OK)
        return status;
    return take_notes(source, bytes, (uint32_t)segment->p_filesz, segment->p_align == 8 ? 8 : 4,
                      manifest, found);
}

enum stk_status stk_elf_note_read_fd(int fd, struct stk_plugin_manifest *manifest,
                                     struct stk_error *err)
{
    struct source source = {fd, 0, err};
    Elf64_Ehdr header;
    struct stat stat;
    enum stk_status status;
    int found = 0;

    if (fstat(fd, &stat))
        return stk_error_errno(err, errno, "cannot be looked at");
    if (!S_ISREG(stat.st_mode) || (uint64_t)stat.st_size > FILE_MAX)
        return stk_error_set(err, STK_MALFORMED, "not a regular file of at most 1 GiB");
    source.size = (uint64_t)stat.st_size;
    status = read_header(&source, &header);
    for (uint32_t i = 0; status == STK_OK && i < header.e_phnum; i++) {
        Elf64_Phdr segment;
        if (header.e_phoff > source.size)
            return damaged(&source, "its program headers begin behind its end");
        status = read_at(&source, header.e_phoff + i * sizeof segment, &segment, sizeof segment,
                         "program headers");
        if (status == STK_OK && segment.p_type == PT_NOTE)
            status = read_segment(&source, &segment, manifest, &found);
    }
    if (status != STK_OK)
        return status;
    if (found == 0)
        return stk_error_set(err, STK_NOT_FOUND,
                             "no manifest is in it (a note \"Stockade\", see STK_MANIFEST)");
    if (found > 1)
        return stk_error_set(err, STK_MALFORMED, "%d manifests are in it", found);
    return stk_elf_note_check(manifest, err);
}

enum stk_status stk_elf_note_read(const char *path, struct stk_plugin_manifest *manifest,
                                  struct stk_error *err)
{
    enum stk_status status;
    /* not blocking: a FIFO must not hold us */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return stk_error_errno(err, errno, "%s", path);
    status = stk_elf_note_read_fd(fd, manifest, err);
    if (status != STK_OK)
        stk_error_prefix(err, "%s", path);
    close(fd);
    return status;
}

/* ---- the fields ----------------------------------------------------------------------------- */

static const char *const kind_ids[STK_KIND_COUNT] = {
    [STK_KIND_ORDERS_IN] = STK_EXT_ORDERS_IN,
    [STK_KIND_LISTING_UPDATES] = STK_EXT_LISTING_UPDATES,
    [STK_KIND_DISCOVERY] = STK_EXT_DISCOVERY,
    [STK_KIND_WEBHOOK_IN] = STK_EXT_WEBHOOK_IN,
    [STK_KIND_OFFERS_IN] = STK_EXT_OFFERS_IN,
    [STK_KIND_EVENTS_OUT] = STK_EXT_EVENTS_OUT,
    [STK_KIND_STOCK_IN] = STK_EXT_STOCK_IN,
    [STK_KIND_SUPPLIER_COST_IN] = STK_EXT_SUPPLIER_COST_IN,
    [STK_KIND_PAYMENTS_IN] = STK_EXT_PAYMENTS_IN,
    [STK_KIND_RETURNS_IN] = STK_EXT_RETURNS_IN,
    [STK_KIND_SETTLEMENT_IN] = STK_EXT_SETTLEMENT_IN,
    [STK_KIND_RATES_IN] = STK_EXT_RATES_IN,
    [STK_KIND_FULFILMENT_OUT] = STK_EXT_FULFILMENT_OUT,
    [STK_KIND_CARRIER] = STK_EXT_CARRIER,
};

const char *stk_kind_id(unsigned kind)
{
    return kind < STK_KIND_COUNT ? kind_ids[kind] : NULL;
}

/* A text that is padded with zeros: well-formed, without control characters, not empty. */
static int is_text(const char *text, size_t room)
{
    size_t size = strnlen(text, room);
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            return 0;
    }
    for (size_t i = size; i < room; i++) {
        if (text[i])
            return 0;
    }
    return size > 0 && stk_utf8_valid(text, size);
}

/* A word of [a-z0-9-], with _ and . where a channel's own names may have them. */
static int is_name(const char *name, size_t room, const char *more)
{
    if (!is_text(name, room))
        return 0;
    for (size_t i = 0; i < room && name[i]; i++) {
        if (!(name[i] >= 'a' && name[i] <= 'z') && !(name[i] >= '0' && name[i] <= '9') &&
            name[i] != '-' && !strchr(more, name[i]))
            return 0;
    }
    return 1;
}

/* NULL, or the name of the field that is out of range. */
static const char *bad_bucket(const struct stk_plugin_manifest *manifest, uint32_t index)
{
    const struct stk_manifest_bucket *bucket = &manifest->buckets[index];
    int steady = bucket->kind == STK_REFILL_STEADY, day = bucket->kind == STK_REFILL_DAY;

    if (!is_name(bucket->name, sizeof bucket->name, "_."))
        return "name";
    for (uint32_t i = 0; i < index; i++) {
        if (memcmp(manifest->buckets[i].name, bucket->name, sizeof bucket->name) == 0)
            return "name (it is there twice)";
    }
    if (!bucket->operations || (bucket->operations & ~127u))
        return "operations";
    if (bucket->scope < STK_BUCKET_APPLICATION || bucket->scope > STK_BUCKET_LISTING)
        return "scope";
    if (bucket->kind < STK_REFILL_STEADY || bucket->kind > STK_REFILL_DAY)
        return "kind";
    if (!bucket->burst)
        return "burst";
    if ((bucket->refill != 0) != steady)
        return "refill";
    if ((bucket->refill_ms != 0) == day)
        return "refill_ms";
    if (!bucket->cost_per_call && !bucket->cost_per_item)
        return "cost_per_call";
    if (bucket->cost_per_call > bucket->burst)
        return "cost_per_call (a full bucket has less)";
    if (bucket->utc_offset_minutes < -1440 || bucket->utc_offset_minutes > 1440 ||
        (!day && bucket->utc_offset_minutes))
        return "utc_offset_minutes";
    if (bucket->reserved[0] || bucket->reserved[1])
        return "reserved";
    return NULL;
}

static int is_bound(int64_t ms)
{
    return ms >= 0 && ms <= BOUND_MAX_MS;
}

/* The bounds that the promise arithmetic rests on. */
static const char *bad_bound(const struct stk_plugin_manifest *manifest)
{
    if (!is_bound(manifest->apply_within_ms))
        return "apply_within_ms";
    if (!is_bound(manifest->read_back_age_ms))
        return "read_back_age_ms";
    if (!is_bound(manifest->order_delay_ms))
        return "order_delay_ms";
    if (!is_bound(manifest->restock_delay_ms))
        return "restock_delay_ms";
    if (manifest->declares_watermark > 1)
        return "declares_watermark";
    if (manifest->write_kinds & ~(STK_PUSH_SET | STK_PUSH_ADJUST | STK_PUSH_CAS))
        return "write_kinds";
    if (manifest->proof > STK_PROVEN_BY_READ_BACK)
        return "proof";
    if (manifest->price_proof > STK_PROVEN_BY_READ_BACK)
        return "price_proof";
    if (manifest->restocks_on > STK_RESTOCKS_UNKNOWN)
        return "restocks_on";
    if (manifest->adjust_clamps > 1)
        return "adjust_clamps";
    if (manifest->gross_prices > 1)
        return "gross_prices";
    return NULL;
}

/* What a plugin that writes must say, and one that does not must not. */
static const char *bad_push(const struct stk_plugin_manifest *manifest)
{
    uint32_t quantity = 1u << STK_PUBLISHED_QUANTITY, all = (2u << STK_PUBLISHED_ACTIVE) - 2;
    int writes = (manifest->kinds & STK_KIND_BIT(LISTING_UPDATES)) != 0;

    if ((manifest->published & ~all) || (manifest->published != 0) != writes)
        return "published";
    if (manifest->push_quantity_max > STK_CALL_ITEMS_MAX ||
        (manifest->push_quantity_max != 0) != ((manifest->published & quantity) != 0))
        return "push_quantity_max";
    if ((manifest->write_kinds != 0) != (manifest->push_quantity_max != 0))
        return "write_kinds";
    if (manifest->push_price_max > STK_CALL_ITEMS_MAX ||
        (manifest->push_price_max != 0) != ((manifest->published & ~quantity) != 0))
        return "push_price_max";
    if (manifest->read_back_max > STK_CALL_ITEMS_MAX || (manifest->read_back_max && !writes))
        return "read_back_max";
    if ((manifest->proof == STK_PROVEN_BY_READ_BACK ||
         manifest->price_proof == STK_PROVEN_BY_READ_BACK) &&
        !manifest->read_back_max)
        return "proof (there is no read-back)";
    if (manifest->push_mixed > 1)
        return "push_mixed";
    if (manifest->push_open_max > 64)
        return "push_open_max";
    return NULL;
}

enum stk_status stk_elf_note_check(const struct stk_plugin_manifest *manifest,
                                   struct stk_error *err)
{
    const char *bad = NULL;
    /* the first fields have their place in every major */
    if (!STK_ABI_FITS(manifest->abi_major))
        return stk_error_set(err, STK_VERSION, "made for plugin ABI %u.%u, this host has %u.%u",
                             manifest->abi_major, manifest->abi_minor, STK_ABI_MAJOR,
                             STK_ABI_MINOR);
    if (!is_name(manifest->name, sizeof manifest->name, ""))
        bad = "name";
    else if (!is_text(manifest->vendor, sizeof manifest->vendor))
        bad = "vendor";
    else if (!is_text(manifest->version, sizeof manifest->version))
        bad = "version";
    else if (!manifest->kinds)
        bad = "kinds";
    else if (manifest->abi_minor <= STK_ABI_MINOR && manifest->kinds >> STK_KIND_COUNT)
        bad = "kinds";
    if (!bad)
        bad = bad_bound(manifest);
    if (!bad)
        bad = bad_push(manifest);
    if (!bad && manifest->bucket_count > STK_MANIFEST_BUCKETS_MAX)
        bad = "bucket_count";
    /* a newer minor may have given them a meaning that is safe to ignore */
    if (!bad && manifest->abi_minor <= STK_ABI_MINOR &&
        (manifest->reserved || manifest->reserved_flags || manifest->reserved_count))
        bad = "reserved";
    if (bad)
        return stk_error_set(err, STK_INVALID, "manifest: %s is out of range", bad);
    for (uint32_t i = 0; i < manifest->bucket_count; i++) {
        bad = bad_bucket(manifest, i);
        if (bad)
            return stk_error_set(err, STK_INVALID, "manifest: buckets[%u].%s is out of range", i,
                                 bad);
    }
    return STK_OK;
}
