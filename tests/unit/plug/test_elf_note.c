/* Manifests out of hostile bytes: an image made here is read, and refused with one line for each
 * thing that is wrong with it; a real file with each of its bytes flipped never does harm. */
#include "core/plug/elf_note.h"
#include <elf.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <stockade/event.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

struct image {
    Elf64_Ehdr header;
    Elf64_Phdr segment;
    struct stk_manifest_note note;
    char tail[64];
};

static struct image image;

static int setup(void **state)
{
    (void)state;
    memset(&image, 0, sizeof image);
    memcpy(image.header.e_ident, ELFMAG, SELFMAG);
    image.header.e_ident[EI_CLASS] = ELFCLASS64;
    image.header.e_ident[EI_DATA] = ELFDATA2LSB;
    image.header.e_ident[EI_VERSION] = EV_CURRENT;
    image.header.e_type = ET_DYN;
    image.header.e_machine = STK_ELF_MACHINE;
    image.header.e_phoff = offsetof(struct image, segment);
    image.header.e_phentsize = sizeof(Elf64_Phdr);
    image.header.e_phnum = 1;
    image.segment.p_type = PT_NOTE;
    image.segment.p_offset = offsetof(struct image, note);
    image.segment.p_filesz = sizeof image.note;
    image.segment.p_align = 8;
    image.note = (struct stk_manifest_note){
        sizeof STK_NOTE_OWNER,
        sizeof(struct stk_plugin_manifest),
        STK_NOTE_TYPE,
        STK_NOTE_OWNER,
        {.size = sizeof(struct stk_plugin_manifest),
         .abi_major = STK_ABI_MAJOR,
         .abi_minor = STK_ABI_MINOR,
         .name = "made-here",
         .vendor = "Stockade",
         .version = "1.2.3",
         .kinds = STK_KIND_BIT(ORDERS_IN) | STK_KIND_BIT(LISTING_UPDATES),
         .apply_within_ms = 5000,
         .write_kinds = STK_PUSH_SET,
         .published = (1u << STK_PUBLISHED_QUANTITY) | (1u << STK_PUBLISHED_PRICE),
         .push_quantity_max = 25,
         .push_price_max = 20,
         .read_back_max = 10,
         .bucket_count = 2,
         .buckets = {{.name = "patch",
                      .operations = STK_OPERATION_QUANTITY,
                      .burst = 5,
                      .refill = 5,
                      .refill_ms = 1000,
                      .cost_per_call = 1,
                      .scope = STK_BUCKET_ACCOUNT,
                      .kind = STK_REFILL_STEADY},
                     {.name = "listing.day",
                      .operations = STK_OPERATION_QUANTITY | STK_OPERATION_PRICE,
                      .burst = 250,
                      .cost_per_item = 1,
                      .scope = STK_BUCKET_LISTING,
                      .kind = STK_REFILL_DAY,
                      .utc_offset_minutes = -420}}}};
    return 0;
}

static struct stk_plugin_manifest manifest;
static struct stk_error err;

static enum stk_status read_bytes(const void *bytes, size_t size)
{
    int fd = memfd_create("image", MFD_CLOEXEC);
    enum stk_status status;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), (ssize_t)size);
    memset(&err, 0, sizeof err);
    status = stk_elf_note_read_fd(fd, &manifest, &err);
    close(fd);
    if (status != STK_OK) {
        assert_int_equal(err.status, status);
        assert_true(strlen(err.text) > 0);
        assert_null(strchr(err.text, '\n'));
    }
    return status;
}

/* It is refused with that status, and the line has these words. */
static void refused(enum stk_status status, const char *words)
{
    enum stk_status got = read_bytes(&image, sizeof image);
    if (got != status || !strstr(err.text, words))
        fail_msg("status %d, \"%s\"; want %d, \"%s\"", got, err.text, status, words);
    setup(NULL);
}

static void reads_all_fields(void **state)
{
    (void)state;
    assert_int_equal(read_bytes(&image, sizeof image), STK_OK);
    assert_memory_equal(&manifest, &image.note.manifest, sizeof manifest);
    /* the other alignment of notes puts it at the same place */
    image.segment.p_align = 4;
    assert_int_equal(read_bytes(&image, sizeof image), STK_OK);
    assert_memory_equal(&manifest, &image.note.manifest, sizeof manifest);
}

static void refuses_what_is_no_plugin(void **state)
{
    (void)state;
    assert_int_equal(read_bytes("", 0), STK_MALFORMED);
    assert_int_equal(read_bytes("#!/bin/sh\n", 10), STK_MALFORMED);
    image.header.e_ident[0] = 'x';
    refused(STK_MALFORMED, "not an ELF file");
    image.header.e_ident[EI_CLASS] = ELFCLASS32;
    refused(STK_MALFORMED, "64-bit");
    image.header.e_ident[EI_DATA] = ELFDATA2MSB;
    refused(STK_MALFORMED, "little-endian");
    image.header.e_type = ET_EXEC;
    refused(STK_MALFORMED, "not a shared object");
    image.header.e_machine = EM_S390;
    refused(STK_MALFORMED, "another machine");
    image.segment.p_type = PT_LOAD;
    refused(STK_NOT_FOUND, "no manifest");
    image.note.owner[0] = 's';
    refused(STK_NOT_FOUND, "no manifest");
    image.note.type = 2;
    refused(STK_NOT_FOUND, "no manifest");
}

static void refuses_lies_about_sizes(void **state)
{
    (void)state;
    image.header.e_phoff = UINT64_MAX - 8;
    refused(STK_MALFORMED, "begin behind its end");
    image.header.e_phoff = sizeof image - 8;
    refused(STK_MALFORMED, "ends inside its program headers");
    image.header.e_phentsize = 8;
    refused(STK_MALFORMED, "unknown size");
    image.header.e_phnum = 60000;
    refused(STK_MALFORMED, "too many");
    image.segment.p_offset = UINT64_MAX - 3;
    refused(STK_MALFORMED, "ends inside its notes");
    image.segment.p_filesz = UINT64_MAX;
    refused(STK_MALFORMED, "larger than 64 KiB");
    image.segment.p_filesz = sizeof image.note + 4096;
    refused(STK_MALFORMED, "ends inside its notes");
    image.segment.p_filesz = sizeof image.note - 8;
    refused(STK_MALFORMED, "larger than its segment");
    image.note.owner_size = UINT32_MAX - 3;
    refused(STK_MALFORMED, "larger than its segment");
    image.note.manifest_size = UINT32_MAX - 3;
    refused(STK_MALFORMED, "larger than its segment");
    image.note.owner_size = sizeof image.note - 4; /* its padding ends outside */
    refused(STK_MALFORMED, "larger than its segment");
    image.segment.p_filesz = 22;
    image.note.manifest_size = 16;
    refused(STK_MALFORMED, "larger than its segment");
    image.note.manifest_size -= 8;
    refused(STK_MALFORMED, "another size");
    image.note.manifest.size += 8;
    refused(STK_MALFORMED, "another size");
    image.note.manifest_size = 8, image.note.manifest.size = 8;
    refused(STK_MALFORMED, "another size");
}

/* Another ABI major is said before anything else is looked at. */
static void compares_versions_first(void **state)
{
    (void)state;
    image.note.manifest.abi_major = STK_ABI_MAJOR + 1;
    image.note.manifest.kinds = 0;
    refused(STK_VERSION, "made for plugin ABI");
    image.note.manifest.abi_minor = STK_ABI_MINOR + 7;
    image.note.manifest.kinds |= UINT64_C(1) << 60;
    image.note.manifest.reserved = 1;
    assert_int_equal(read_bytes(&image, sizeof image), STK_OK);
}

/* A manifest of an older minor is shorter, one of a newer one longer. */
static void takes_shorter_and_longer_ones(void **state)
{
    struct {
        Elf64_Ehdr header;
        Elf64_Phdr segment;
        struct stk_manifest_note note;
        char more[16];
    } newer;
    uint32_t cut = 3 * sizeof(struct stk_manifest_bucket);
    (void)state;
    image.note.manifest_size -= cut, image.note.manifest.size -= cut;
    assert_int_equal(read_bytes(&image, sizeof image), STK_OK);
    assert_string_equal(manifest.name, "made-here");
    assert_string_equal(manifest.buckets[1].name, "listing.day");
    setup(NULL);
    memset(&newer, 0x5a, sizeof newer);
    memcpy(&newer, &image, offsetof(struct image, tail));
    newer.note.manifest_size += sizeof newer.more, newer.note.manifest.size += sizeof newer.more;
    newer.segment.p_filesz += sizeof newer.more;
    assert_int_equal(read_bytes(&newer, sizeof newer), STK_OK);
    assert_int_equal(manifest.bucket_count, 2);
}

#define BAD(change, words)                                                                         \
    do {                                                                                           \
        struct stk_plugin_manifest *m = &image.note.manifest;                                      \
        change;                                                                                    \
        refused(STK_INVALID, words);                                                               \
    } while (0)

static void refuses_bad_fields(void **state)
{
    (void)state;
    BAD(m->name[0] = 0, "name");
    BAD(m->name[0] = 'A', "name");
    BAD(m->name[20] = 'x', "name"); /* behind its end */
    BAD(m->vendor[0] = '\n', "vendor");
    BAD(m->vendor[0] = (char)0xff, "vendor");
    BAD(m->version[0] = 0, "version");
    BAD(m->kinds = 0, "kinds");
    BAD(m->kinds |= UINT64_C(1) << STK_KIND_COUNT, "kinds");
    BAD(m->apply_within_ms = -1, "apply_within_ms");
    BAD(m->read_back_age_ms = INT64_MAX, "read_back_age_ms");
    BAD(m->order_delay_ms = INT64_MIN, "order_delay_ms");
    BAD(m->restock_delay_ms = -1, "restock_delay_ms");
    BAD(m->declares_watermark = 2, "declares_watermark");
    BAD(m->write_kinds = 8, "write_kinds");
    BAD(m->write_kinds = 0, "write_kinds");
    BAD(m->proof = 9, "proof");
    BAD(m->price_proof = 9, "price_proof");
    BAD((m->proof = STK_PROVEN_BY_READ_BACK, m->read_back_max = 0), "proof");
    BAD(m->restocks_on = 4, "restocks_on");
    BAD(m->adjust_clamps = 2, "adjust_clamps");
    BAD(m->gross_prices = 2, "gross_prices");
    BAD(m->published = 0, "published");
    BAD(m->published |= 1, "published");
    BAD(m->published |= 2u << STK_PUBLISHED_ACTIVE, "published");
    BAD(m->kinds = STK_KIND_BIT(ORDERS_IN), "published");
    BAD(m->push_quantity_max = 0, "push_quantity_max");
    BAD(m->push_quantity_max = STK_CALL_ITEMS_MAX + 1, "push_quantity_max");
    BAD(m->push_price_max = 0, "push_price_max");
    BAD(m->read_back_max = STK_CALL_ITEMS_MAX + 1, "read_back_max");
    BAD(m->push_mixed = 2, "push_mixed");
    BAD(m->push_open_max = 65, "push_open_max");
    BAD(m->reserved = 1, "reserved");
    BAD(m->reserved_flags = 1, "reserved");
    BAD(m->reserved_count = 1, "reserved");
    BAD(m->bucket_count = STK_MANIFEST_BUCKETS_MAX + 1, "bucket_count");
}

static void refuses_bad_buckets(void **state)
{
    (void)state;
    BAD(m->bucket_count = 3, "buckets[2].name");
    BAD(memcpy(m->buckets[1].name, m->buckets[0].name, 24), "buckets[1].name (it is there twice)");
    BAD(m->buckets[0].operations = 0, "buckets[0].operations");
    BAD(m->buckets[0].operations = 128, "buckets[0].operations");
    BAD(m->buckets[0].scope = 0, "buckets[0].scope");
    BAD(m->buckets[0].scope = 5, "buckets[0].scope");
    BAD(m->buckets[0].kind = 4, "buckets[0].kind");
    BAD(m->buckets[0].burst = 0, "buckets[0].burst");
    BAD(m->buckets[0].refill = 0, "buckets[0].refill");
    BAD(m->buckets[1].refill = 1, "buckets[1].refill");
    BAD(m->buckets[0].refill_ms = 0, "buckets[0].refill_ms");
    BAD(m->buckets[1].refill_ms = 1, "buckets[1].refill_ms");
    BAD(m->buckets[0].cost_per_call = 0, "buckets[0].cost_per_call");
    BAD(m->buckets[0].cost_per_call = 6, "buckets[0].cost_per_call");
    BAD(m->buckets[0].utc_offset_minutes = 60, "buckets[0].utc_offset_minutes");
    BAD(m->buckets[1].utc_offset_minutes = 1441, "buckets[1].utc_offset_minutes");
    BAD(m->buckets[0].reserved[1] = 1, "buckets[0].reserved");
}

static void names_the_file(void **state)
{
    (void)state;
    assert_int_equal(stk_elf_note_read("/nowhere/at-all.so", &manifest, &err), STK_IO);
    assert_non_null(strstr(err.text, "/nowhere/at-all.so: "));
    assert_int_equal(stk_elf_note_read("/", &manifest, &err), STK_MALFORMED);
    assert_non_null(strstr(err.text, "not a regular file"));
}

static void knows_the_id_of_each_kind(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < STK_KIND_COUNT; kind++)
        assert_true(strncmp(stk_kind_id(kind), "stk.", 4) == 0);
    assert_string_equal(stk_kind_id(STK_KIND_CARRIER), "stk.carrier/1");
    assert_null(stk_kind_id(STK_KIND_COUNT));
}

/* Each byte of a real file's first part (headers, notes) is flipped, and the file is cut at each
 * length: refused in one line, or read. */
static void survives_damage(void **state)
{
    static char bytes[1 << 20];
    const char *build = getenv("STK_BUILD") ? getenv("STK_BUILD") : "build";
    char path[512];
    ssize_t size;
    int fd, refusals = 0;
    (void)state;
    snprintf(path, sizeof path, "%s/tests/plugins/good.so", build);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    size = read(fd, bytes, sizeof bytes);
    close(fd);
    assert_int_equal(read_bytes(bytes, (size_t)size), STK_OK);
    assert_string_equal(manifest.name, "test");
    for (int i = 0; i < 2048; i++) {
        bytes[i] ^= 0xff;
        refusals += read_bytes(bytes, (size_t)size) != STK_OK;
        bytes[i] ^= 0xff;
        refusals += read_bytes(bytes, (size_t)i) != STK_OK;
    }
    assert_true(refusals > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(reads_all_fields, setup),
        cmocka_unit_test_setup(refuses_what_is_no_plugin, setup),
        cmocka_unit_test_setup(refuses_lies_about_sizes, setup),
        cmocka_unit_test_setup(compares_versions_first, setup),
        cmocka_unit_test_setup(takes_shorter_and_longer_ones, setup),
        cmocka_unit_test_setup(refuses_bad_fields, setup),
        cmocka_unit_test_setup(refuses_bad_buckets, setup),
        cmocka_unit_test(names_the_file),
        cmocka_unit_test(knows_the_id_of_each_kind),
        cmocka_unit_test(survives_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
