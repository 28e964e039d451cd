/* Where things are: programs beside the running test, and a folder for its data. */
#ifndef TESTS_CRASH_PLACE_H
#define TESTS_CRASH_PLACE_H

#include <stddef.h>
#include <stdint.h>

/* The folder that everything was built into, e.g. "/src/build": STK_BUILD, or found from the
 * running program. The string is static. */
const char *place_build(void);
/* A path below place_build. The caller frees it. */
char *place_built(const char *name);
/* A new empty folder for data: below STK_TEST_DATA, or below /dev/shm when that has `bytes` free
 * and `memory` is wanted, else below /tmp. Removed by place_remove. The caller frees it. */
char *place_folder(const char *name, int memory, uint64_t bytes);
/* folder/name into out; aborts when it is too long. Returns out. */
#define PLACE_PATH 1024
char *place_join(char out[PLACE_PATH], const char *folder, const char *name);
/* Remove a folder and all in it. */
void place_remove(const char *path);
/* Bytes that the files below a folder take up on the disk. */
uint64_t place_bytes(const char *path);
/* Size of one file; 0 when it is not there. */
uint64_t place_bytes_of(const char *file);
/* Value of an environment variable as a number, or what stands in for it. */
int64_t place_number(const char *variable, int64_t otherwise);

#endif
