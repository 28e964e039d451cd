/* Encodings: recognised by their bytes, read as UTF-8. */
#include "tools/stockade/charset.h"
#include <iconv.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* "货号,数量\n陶瓷杯,12\n" and "Café;naïve;Größe;São Paulo\n" */
#define CHINESE                                                                                    \
    "\xe8\xb4\xa7\xe5\x8f\xb7,\xe6\x95\xb0\xe9\x87\x8f\n\xe9\x99\xb6\xe7\x93\xb7\xe6\x9d\xaf,12\n"
#define EUROPEAN                                                                                   \
    "Caf\xc3\xa9;na\xc3\xafve;Gr\xc3\xb6\xc3\x9f"                                                  \
    "e;S\xc3\xa3o Paulo\n"

static size_t as(const char *encoding, const char *utf8, char *room, size_t size)
{
    iconv_t converter = iconv_open(encoding, "UTF-8");
    char *in = (char *)utf8, *out = room;
    size_t in_left = strlen(utf8), out_left = size;
    assert_true(converter != (iconv_t)-1);
    assert_int_equal(iconv(converter, &in, &in_left, &out, &out_left), 0);
    iconv_close(converter);
    return size - out_left;
}

static const char *recognised(const char *encoding, const char *utf8)
{
    char room[4096];
    size_t mark, size = as(encoding, utf8, room, sizeof(room));
    return charset_recognise(room, size, 1, &mark);
}

static void test_recognise(void **state)
{
    size_t mark;
    (void)state;
    assert_null(charset_recognise("a,b\n", 4, 1, &mark));
    assert_string_equal(recognised("UTF-8", CHINESE), "UTF-8");
    assert_string_equal(recognised("GB18030", CHINESE), "GB18030");
    assert_string_equal(recognised("WINDOWS-1252", EUROPEAN), "WINDOWS-1252");
    /* Each accent stands before a letter: every byte is valid GB18030, and it is none. */
    assert_string_equal(
        recognised("WINDOWS-1252", "na\u00efve \u00e9l\u00e8ve, K\u00f6ln, M\u00e1laga"),
        "WINDOWS-1252");
    assert_string_equal(recognised("UTF-8", EUROPEAN), "UTF-8");
    assert_string_equal(charset_recognise("\xef\xbb\xbf"
                                          "a",
                                          4, 1, &mark),
                        "UTF-8");
    assert_int_equal(mark, 3);
    assert_string_equal(charset_recognise("\xff\xfe"
                                          "a",
                                          4, 1, &mark),
                        "UTF-16LE");
    assert_int_equal(mark, 2);
}

static void test_cut_character_is_still_utf8(void **state)
{
    size_t mark;
    (void)state;
    for (size_t size = 1; size < strlen(CHINESE); size++)
        if ((unsigned char)CHINESE[0] >= 0x80)
            assert_string_equal(charset_recognise(CHINESE, size, 0, &mark), "UTF-8");
    assert_string_equal(charset_recognise("abc\xe8", 4, 1, &mark), "WINDOWS-1252");
}

/* Bytes in a file, read as UTF-8 in rooms of `piece`. */
static void read_all(const void *data, size_t size, const char *encoding, size_t piece,
                     struct buffer *out)
{
    FILE *file = tmpfile();
    struct charset charset;
    struct stk_error err = {0};
    char room[8192];
    long got;
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    rewind(file);
    assert_int_equal(charset_init(&charset, fileno(file), encoding, &err), STK_OK);
    buffer_clear(out);
    while ((got = charset_read(&charset, room, piece, &err)) > 0)
        buffer_add(out, room, (size_t)got);
    assert_int_equal(got, 0);
    charset_fini(&charset);
    fclose(file);
}

static void test_streams(void **state)
{
    static const char *const encodings[] = {"UTF-8", "GB18030", "UTF-16"}; /* UTF-16: with mark */
    struct buffer out = {0};
    char room[4096];
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        size_t size = as(encodings[i], CHINESE, room, sizeof(room));
        for (size_t piece = 8; piece < 64; piece++) {
            read_all(room, size, NULL, piece, &out);
            assert_string_equal(buffer_string(&out), CHINESE);
        }
    }
    size_t size = as("WINDOWS-1252", EUROPEAN, room, sizeof(room));
    read_all(room, size, NULL, 8192, &out);
    assert_string_equal(buffer_string(&out), EUROPEAN);
    read_all("\xef\xbb\xbf"
             "x",
             4, NULL, 8192, &out);
    assert_string_equal(buffer_string(&out), "x");
    read_all("\xef\xbb\xbf"
             "x",
             4, "UTF-8", 8192, &out);
    assert_string_equal(buffer_string(&out), "x");
    buffer_fini(&out);
}

/* The first Chinese word stands behind 200 KB of ASCII. */
static void test_late_decision(void **state)
{
    struct buffer data = {0}, out = {0};
    char room[4096];
    (void)state;
    size_t size = as("GB18030", CHINESE, room, sizeof(room));
    for (int i = 0; i < 20000; i++)
        buffer_text(&data, "SKU-000,1\n");
    size_t ascii = data.size;
    buffer_add(&data, room, size);
    read_all(data.data, data.size, NULL, 8192, &out);
    assert_int_equal(out.size, ascii + strlen(CHINESE));
    assert_string_equal(out.data + ascii, CHINESE);
    buffer_fini(&data);
    buffer_fini(&out);
}

static void test_bad_bytes_are_marked(void **state)
{
    struct buffer out = {0};
    (void)state;
    read_all("a\xb0\xa1\xff"
             "b",
             5, "GB18030", 8192, &out);
    assert_string_equal(out.data, "a\xe5\x95\x8a\xff"
                                  "b");
    read_all("a\xb0", 2, "GB18030", 8192, &out); /* cut at the end of the file */
    assert_string_equal(out.data, "a\xff");
    buffer_fini(&out);
}

static void test_unknown_encoding(void **state)
{
    struct charset charset;
    struct stk_error err = {0};
    (void)state;
    assert_int_equal(charset_init(&charset, 0, "KLINGON", &err), STK_INVALID);
    assert_non_null(strstr(err.text, "KLINGON"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recognise),
        cmocka_unit_test(test_cut_character_is_still_utf8),
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_late_decision),
        cmocka_unit_test(test_bad_bytes_are_marked),
        cmocka_unit_test(test_unknown_encoding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
