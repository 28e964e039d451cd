/* Any bytes as a plugin's file. No crash; what is refused is refused with one line; what is taken
 * is in range. */
#include "core/plug/elf_note.h"
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    struct stk_plugin_manifest manifest;
    struct stk_error err = {0};

    if (fd < 0)
        fd = memfd_create("fuzz", MFD_CLOEXEC);
    stk_assert(fd >= 0 && ftruncate(fd, (off_t)size) == 0);
    stk_assert(pwrite(fd, data, size, 0) == (ssize_t)size);
    if (stk_elf_note_read_fd(fd, &manifest, &err) != STK_OK) {
        stk_assert(err.status != STK_OK && strlen(err.text) > 0 && !strchr(err.text, '\n'));
        return 0;
    }
    stk_assert(manifest.name[0] && manifest.kinds && manifest.abi_major == STK_ABI_MAJOR);
    stk_assert(manifest.bucket_count <= STK_MANIFEST_BUCKETS_MAX);
    stk_assert(stk_elf_note_check(&manifest, &err) == STK_OK);
    return 0;
}
