/* A window of raw bytes in front of iconv; UTF-8 and ASCII pass without it. */
#include "tools/stockade/charset.h"
#include "core/base/doc.h"
#include "tools/stockade/texts.h"
#include <errno.h>
#include <iconv.h>
#include <string.h>
#include <unistd.h>

#define RAW_BYTES (64 * 1024)

/* --- recognition --- */

static const struct {
    const char *mark;
    size_t size;
    const char *encoding;
} marks[] = {
    {"\xef\xbb\xbf", 3, "UTF-8"},
    {"\x84\x31\x95\x33", 4, "GB18030"},
    {"\xff\xfe", 2, "UTF-16LE"},
    {"\xfe\xff", 2, "UTF-16BE"},
};

/* Valid as far as it goes: without `whole` the last character may be cut. */
static int is_utf8(const char *data, size_t size, int whole)
{
    for (size_t cut = 0; cut <= (whole ? 0 : 3) && cut <= size; cut++)
        if (stk_utf8_valid(data, size - cut))
            return 1;
    return 0;
}

static int within(uint8_t byte, uint8_t low, uint8_t high)
{
    return byte >= low && byte <= high;
}

/* Bytes of the GB18030 character at data: 1, 2, 4; 0 when it is none; -1 when it is cut. */
static int gb_character(const uint8_t *data, size_t size)
{
    if (data[0] < 0x80)
        return 1;
    if (!within(data[0], 0x81, 0xfe))
        return 0;
    if (size < 2)
        return -1;
    if (within(data[1], 0x40, 0xfe) && data[1] != 0x7f)
        return 2;
    if (!within(data[1], 0x30, 0x39))
        return 0;
    if (size < 4)
        return -1;
    return within(data[2], 0x81, 0xfe) && within(data[3], 0x30, 0x39) ? 4 : 0;
}

/* Letters of Western Europe between ASCII make valid pairs too, but then the second byte is ASCII;
 * Chinese text is mostly pairs of the GB 2312 range, where both bytes are high. */
static int is_gb18030(const char *text, size_t size, int whole)
{
    const uint8_t *data = (const uint8_t *)text;
    size_t pairs = 0, common = 0;
    for (size_t i = 0; i < size;) {
        int length = gb_character(data + i, size - i);
        if (length < 0 && !whole)
            break;
        if (length <= 0)
            return 0;
        if (length == 2) {
            pairs++;
            common += within(data[i], 0xa1, 0xf7) && data[i + 1] >= 0xa1;
        } else if (length == 4) {
            pairs++;
        }
        i += (size_t)length;
    }
    return pairs && common * 10 >= pairs * 7;
}

const char *charset_recognise(const char *data, size_t size, int whole, size_t *mark)
{
    int ascii = 1;
    *mark = 0;
    for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++) {
        if (size >= marks[i].size && !memcmp(data, marks[i].mark, marks[i].size)) {
            *mark = marks[i].size;
            return marks[i].encoding;
        }
    }
    for (size_t i = 0; i < size && ascii; i++)
        ascii = (uint8_t)data[i] < 0x80;
    if (ascii)
        return NULL;
    if (is_utf8(data, size, whole))
        return "UTF-8";
    return is_gb18030(data, size, whole) ? "GB18030" : "WINDOWS-1252";
}

/* --- the stream --- */

static enum stk_status open_converter(struct charset *charset, struct stk_error *err)
{
    iconv_t converter;
    charset->converter = NULL;
    if (!strcmp(charset->encoding, "UTF-8"))
        return STK_OK;
    converter = iconv_open("UTF-8", charset->encoding);
    if (converter == (iconv_t)-1)
        return stk_error_set(err, STK_INVALID, T_ENCODING_UNKNOWN, charset->encoding);
    charset->converter = converter;
    return STK_OK;
}

enum stk_status charset_init(struct charset *charset, int fd, const char *encoding,
                             struct stk_error *err)
{
    memset(charset, 0, sizeof(*charset));
    charset->fd = fd;
    charset->encoding = encoding;
    return encoding ? open_converter(charset, err) : STK_OK;
}

void charset_fini(struct charset *charset)
{
    if (charset->converter)
        iconv_close(charset->converter);
    buffer_fini(&charset->raw);
    memset(charset, 0, sizeof(*charset));
}

/* Fills raw up to RAW_BYTES or the end. */
static int fill(struct charset *charset, struct stk_error *err)
{
    struct buffer *raw = &charset->raw;
    raw->size -= charset->at;
    if (raw->size && charset->at)
        memmove(raw->data, raw->data + charset->at, raw->size);
    charset->at = 0;
    buffer_reserve(raw, RAW_BYTES);
    while (raw->size < RAW_BYTES && !charset->at_end) {
        ssize_t got = read(charset->fd, raw->data + raw->size, RAW_BYTES - raw->size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return stk_error_errno(err, errno, T_READ);
        charset->at_end = got == 0;
        raw->size += (size_t)got;
        charset->bytes += (uint64_t)got;
    }
    return STK_OK;
}

static enum stk_status decide(struct charset *charset, struct stk_error *err)
{
    size_t mark = 0;
    const char *found = charset_recognise(charset->raw.data + charset->at,
                                          charset->raw.size - charset->at, charset->at_end, &mark);
    if (!charset->begun && mark && (!charset->encoding || !strcmp(found, charset->encoding)))
        charset->at += mark;
    charset->begun = 1;
    if (charset->encoding || !found)
        return STK_OK;
    charset->encoding = found;
    return open_converter(charset, err);
}

/* Converts what fits into room; a byte that cannot be converted becomes 0xff. */
static size_t convert(struct charset *charset, char *room, size_t size)
{
    char *in = charset->raw.data + charset->at, *out = room;
    size_t in_left = charset->raw.size - charset->at, out_left = size;
    while (in_left && out_left) {
        if (iconv(charset->converter, &in, &in_left, &out, &out_left) != (size_t)-1)
            break;
        if (errno == E2BIG || (errno == EINVAL && !charset->at_end))
            break;
        if (!out_left)
            break;
        *out++ = (char)0xff;
        out_left--;
        in++;
        in_left--;
        iconv(charset->converter, NULL, NULL, NULL, NULL);
    }
    charset->at = charset->raw.size - in_left;
    return size - out_left;
}

long charset_read(void *self, char *room, size_t size, struct stk_error *err)
{
    struct charset *charset = self;
    for (;;) {
        if (charset->raw.size - charset->at < RAW_BYTES / 2 && !charset->at_end &&
            fill(charset, err))
            return -1;
        if ((!charset->encoding || !charset->begun) && decide(charset, err))
            return -1;
        size_t left = charset->raw.size - charset->at;
        if (!left)
            return 0;
        if (charset->converter) {
            size_t made = convert(charset, room, size);
            if (made)
                return (long)made;
            continue;
        }
        if (left > size)
            left = size;
        memcpy(room, charset->raw.data + charset->at, left);
        charset->at += left;
        return (long)left;
    }
}
