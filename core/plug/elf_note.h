/* The manifest of a plugin's file, read from its bytes without loading it. The bytes are a
 * stranger's: every offset and size is checked, nothing is read but by pread, nothing allocated. */
#ifndef STK_PLUG_ELF_NOTE_H
#define STK_PLUG_ELF_NOTE_H

#include "core/base/err.h"
#include <stockade/manifest.h>

/* The machine whose code runs here (<elf.h>); 0 = not known, then any is taken. */
#if defined(__x86_64__)
#define STK_ELF_MACHINE 62
#elif defined(__aarch64__)
#define STK_ELF_MACHINE 183
#else
#define STK_ELF_MACHINE 0
#endif

/* Read it, and check all that is in it. What an older plugin's manifest lacks is zero. err: one
 * line "path: cause". STK_IO: cannot be opened or read. STK_MALFORMED: no shared object of this
 * machine, or damaged. STK_NOT_FOUND: no manifest is in it. STK_VERSION: another ABI major.
 * STK_INVALID: a field of the manifest is out of range. Thread-safe. */
enum stk_status stk_elf_note_read(const char *path, struct stk_plugin_manifest *manifest,
                                  struct stk_error *err);
/* The same of an open file; the line does not name it. */
enum stk_status stk_elf_note_read_fd(int fd, struct stk_plugin_manifest *manifest,
                                     struct stk_error *err);
/* Are the fields in range and do they fit together? STK_VERSION or STK_INVALID. Thread-safe. */
enum stk_status stk_elf_note_check(const struct stk_plugin_manifest *manifest,
                                   struct stk_error *err);

/* The id of the extension that a kind is: "stk.orders-in/1"; NULL for a number that is none. */
const char *stk_kind_id(unsigned kind);

#endif
