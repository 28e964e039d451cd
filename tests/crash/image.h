/* Crash images: what a disk may hold after the power went at some entry of a recording (record.h).
 *
 * The model of the disk. A write lies in the page cache until a sync of its file that began later
 * has ended; a write by O_DSYNC until it has returned. What is not durable may be there or not:
 *   LOST       none of it
 *   SUBSET     each write on its own
 *   TORN       each write on its own, and of those some sectors of 512 bytes only
 *   REORDERED  the earlier ones not, the later ones whole
 * Names (create, rename, unlink, mkdir) are durable when their folder was synced, and otherwise as
 * a prefix of their order, as with a journalling file system: none of it in LOST. A file whose
 * name is durable may well be without its data. One thread. */
#ifndef TESTS_CRASH_IMAGE_H
#define TESTS_CRASH_IMAGE_H

#include <stddef.h>
#include <stdint.h>

enum image_mode { IMAGE_LOST, IMAGE_SUBSET, IMAGE_TORN, IMAGE_REORDERED, IMAGE_MODES };
extern const char *const image_mode_names[IMAGE_MODES];

struct image;

/* root: the folder that was recorded, empty when the recording began. NULL and a line on stderr
 * when the log is damaged or says that it cannot be used. */
struct image *image_open(const char *log_path, const char *root);
void image_close(struct image *image);

uint64_t image_entries(const struct image *image);
/* 1 when this entry begins or ends a sync, or is an answer: instants where faults like to be. */
int image_is_edge(const struct image *image, uint64_t entry);

/* Go on until `entry` entries have happened; never back. */
void image_advance(struct image *image, uint64_t entry);
/* Go back to the start. */
void image_rewind(struct image *image);
/* Write the disk as it may look now into `folder`, which is made. 0, or -1 with errno. */
int image_make(struct image *image, enum image_mode mode, uint64_t seed, const char *folder);

/* Every byte that was sent to a client before entry `until`, in order. */
typedef void (*image_sent_fn)(void *arg, uint64_t entry, uint32_t socket, const void *data,
                              size_t size);
void image_each_sent(struct image *image, image_sent_fn fn, void *arg);

#endif
