/* Text files of any common encoding, read as UTF-8.
 *
 * A byte order mark decides; else bytes that are valid UTF-8 are UTF-8; else bytes that are valid
 * GB18030 and mostly pairs of the common Chinese range are GB18030; else Windows-1252. Nothing is
 * decided while only ASCII was seen. Bytes that the encoding does not know come out as one 0xff,
 * which is no UTF-8, so that the row they stand in can be refused. One thread. */
#ifndef STK_STOCKADE_CHARSET_H
#define STK_STOCKADE_CHARSET_H

#include "core/base/err.h"
#include "tools/stockade/buffer.h"
#include <stdint.h>

/* The encoding of these bytes as iconv names it; NULL while they are all ASCII. mark: bytes of the
 * byte order mark in front. `whole`: the last character cannot be cut. Thread-safe. */
const char *charset_recognise(const char *data, size_t size, int whole, size_t *mark);

struct charset {
    int fd;
    const char *encoding; /* NULL: not known yet */
    void *converter;      /* NULL: bytes pass as they are */
    uint64_t bytes;       /* read from fd so far */
    int at_end;
    int begun;         /* the first bytes were looked at */
    size_t at;         /* in raw */
    struct buffer raw; /* read, not yet converted */
};
/* encoding NULL: recognise. STK_INVALID when iconv does not know it. */
enum stk_status charset_init(struct charset *charset, int fd, const char *encoding,
                             struct stk_error *err);
/* UTF-8 bytes into room: a csv_read_fn. */
long charset_read(void *self, char *room, size_t size, struct stk_error *err);
void charset_fini(struct charset *charset);

#endif
