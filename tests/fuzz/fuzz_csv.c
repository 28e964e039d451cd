/* Any bytes as a CSV file of any encoding: no crash, rows within their bounds, and whatever was
 * read is read the same again after it was written. */
#include "core/base/err.h"
#include "tools/stockade/charset.h"
#include "tools/stockade/csv.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct text {
    const char *data;
    size_t size, at, piece;
};

static long read_text(void *arg, char *room, size_t size, struct stk_error *err)
{
    struct text *text = arg;
    size_t left = text->size - text->at;
    (void)err;
    left = left < text->piece ? left : text->piece;
    left = left < size ? left : size;
    memcpy(room, text->data + text->at, left);
    text->at += left;
    return (long)left;
}

static void same_again(const struct csv_row *row)
{
    static struct csv_row again;
    struct buffer out = {0};
    struct csv csv;
    struct stk_error err = {0};
    enum stk_status status;
    for (uint32_t i = 0; i < row->count; i++)
        csv_field(&out, row->fields[i], i == 0);
    csv_end(&out);
    struct text text = {out.data, out.size, 0, 4096};
    csv_init(&csv, read_text, &text, ',');
    if (csv_next(&csv, &again, &status, &err) == 1 && status == STK_OK) {
        stk_assert(again.count == row->count);
        for (uint32_t i = 0; i < row->count; i++)
            stk_assert(again.fields[i].size == row->fields[i].size &&
                       !memcmp(again.fields[i].data, row->fields[i].data, row->fields[i].size));
    } else {
        stk_assert(out.size > CSV_ROW_MAX); /* doubled quotes made it too long */
    }
    csv_fini(&csv);
    buffer_fini(&out);
}

static void run(struct csv *csv)
{
    static struct csv_row row;
    struct stk_error err = {0};
    enum stk_status status;
    uint64_t line = 0;
    while (csv_next(csv, &row, &status, &err) == 1) {
        stk_assert(row.line > line);
        line = row.line;
        stk_assert(row.count >= 1 && row.count <= CSV_FIELDS_MAX);
        if (status == STK_OK)
            same_again(&row);
    }
    csv_fini(csv);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char separators[] = {0, ',', ';', '\t'};
    struct charset charset;
    struct stk_error err = {0};
    struct csv csv;
    if (size < 1)
        return 0;
    struct text text = {(const char *)data + 1, size - 1, 0, 1 + (size_t)(data[0] >> 2) * 67};
    csv_init(&csv, read_text, &text, separators[data[0] & 3]);
    run(&csv);

    int fd = memfd_create("csv", MFD_CLOEXEC);
    stk_assert(fd >= 0 && write(fd, data + 1, size - 1) == (ssize_t)size - 1);
    lseek(fd, 0, SEEK_SET);
    stk_assert(charset_init(&charset, fd, NULL, &err) == STK_OK);
    csv_init(&csv, charset_read, &charset, separators[data[0] & 3]);
    run(&csv);
    charset_fini(&charset);
    close(fd);
    return 0;
}
