/* Segments for tests. */
#include "tests/lib/segments.h"
#include "core/store/record.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static void must(int good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "segments: %s failed\n", what);
    abort();
}

void test_chain_fini(struct test_chain *chain)
{
    stk_batch_fini(&chain->batch);
}

struct stk_kv *test_segment_new(struct test_chain *chain, const char *folder)
{
    struct stk_kv *kv;
    struct stk_path path;
    must(stk_segment_path(&path, folder, chain->last + 1, NULL) == STK_OK, "path");
    must(stk_segment_open(&kv, path.text, STK_SEGMENT_WRITE, 64u << 20, NULL) == STK_OK, "open");
    return kv;
}

void test_segment_add(struct test_chain *chain, struct stk_kv *kv, int with_head, uint32_t records,
                      uint32_t bytes, stk_time_t time_ms)
{
    struct stk_segment_head head = {.first = chain->last + 1, .base = 1};
    struct stk_chain *hash = stk_chain_create();
    memcpy(head.id, chain->id, sizeof(head.id));
    memcpy(head.before, chain->chain, sizeof(head.before));
    if (!chain->batch.data)
        must(stk_batch_init(&chain->batch, NULL) == STK_OK, "batch");
    stk_batch_reset(&chain->batch, chain->last + 1);
    head.number = chain->batch.number = ++chain->number;
    for (uint32_t i = 0; i < records; i++) {
        struct stk_record record;
        uint8_t key[8];
        stk_put_be64(key, chain->batch.first + i);
        stk_record_begin(&record, stk_batch_record_open(&chain->batch),
                         chain->batch.first + chain->batch.count, 1, 0, 0);
        uint8_t *at = stk_record_row_open(&record, STK_TABLE_ORDER, key, sizeof(key));
        memset(at, (int)(chain->batch.first + i), bytes);
        stk_record_row_close(&record, at, at + bytes);
        stk_batch_record_close(&chain->batch, stk_record_size(&record), time_ms);
    }
    stk_batch_seal(&chain->batch, hash, head.before, chain->chain);
    struct stk_bytes whole = {(char *)chain->batch.data, chain->batch.size};
    must(stk_segment_append(kv, with_head ? &head : NULL, &whole, 1, NULL) == STK_OK, "append");
    chain->last += records;
    stk_chain_destroy(hash);
}

void test_segments_fill(struct test_chain *chain, const char *folder, uint32_t segments,
                        uint32_t batches, uint32_t records, uint32_t bytes)
{
    for (uint32_t i = 0; i < segments; i++) {
        struct stk_kv *kv = test_segment_new(chain, folder);
        for (uint32_t k = 0; k < batches; k++)
            test_segment_add(chain, kv, k == 0, records, bytes, (stk_time_t)(i * 1000 + k));
        stk_kv_close(kv);
    }
}

void test_child_begin(void)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS};
    for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++)
        signal(faults[i], SIG_DFL);
    alarm(5);
    must(freopen("/dev/null", "w", stderr) != NULL, "quiet");
}

void test_flip_bit(const char *path, uint64_t bit)
{
    uint8_t byte = 0;
    int fd = open(path, O_RDWR);
    must(fd >= 0 && pread(fd, &byte, 1, (off_t)(bit / 8)) == 1, "reading the bit");
    byte ^= (uint8_t)(1u << bit % 8);
    must(pwrite(fd, &byte, 1, (off_t)(bit / 8)) == 1, "writing the bit");
    close(fd);
}

uint64_t test_find_bytes(const char *path, const void *bytes, size_t size)
{
    struct stat file;
    int fd = open(path, O_RDONLY);
    must(fd >= 0 && fstat(fd, &file) == 0, "looking at the file");
    char *map = mmap(NULL, (size_t)file.st_size, PROT_READ, MAP_SHARED, fd, 0);
    must(map != MAP_FAILED, "mapping the file");
    char *found = memmem(map, (size_t)file.st_size, bytes, size);
    must(found != NULL, "finding the bytes");
    uint64_t at = (uint64_t)(found - map);
    munmap(map, (size_t)file.st_size);
    close(fd);
    return at;
}
