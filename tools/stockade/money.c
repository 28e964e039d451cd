/* Decimal text to minor units: digits are gathered into an integer, nothing is ever rounded. */
#include "tools/stockade/money.h"
#include "tools/stockade/texts.h"
#include <string.h>

/* ISO 4217 (2023): all whose exponent is not 2. */
static const struct {
    char code[4];
    int exponent;
} exponents[] = {
    {"BHD", 3}, {"BIF", 0}, {"CLF", 4}, {"CLP", 0}, {"DJF", 0}, {"GNF", 0}, {"IQD", 3},
    {"ISK", 0}, {"JOD", 3}, {"JPY", 0}, {"KMF", 0}, {"KRW", 0}, {"KWD", 3}, {"LYD", 3},
    {"OMR", 3}, {"PYG", 0}, {"RWF", 0}, {"TND", 3}, {"UGX", 0}, {"UYI", 0}, {"UYW", 4},
    {"VND", 0}, {"VUV", 0}, {"XAF", 0}, {"XOF", 0}, {"XPF", 0},
};

int money_exponent(const char *currency)
{
    for (size_t i = 0; i < sizeof(exponents) / sizeof(*exponents); i++)
        if (!strcmp(exponents[i].code, currency))
            return exponents[i].exponent;
    return 2;
}

/* Signs that stand before or behind an amount in files: £ € ¥ ￥ 元 $. */
static const char *const signs[] = {
    "\xc2\xa3", "\xe2\x82\xac", "\xc2\xa5", "\xef\xbf\xa5", "\xe5\x85\x83", "$", " ", "\xc2\xa0"};

struct span {
    const char *at, *end;
};

/* Takes white space and signs off both ends. */
static void strip(struct span *text)
{
    for (size_t i = 0; i < sizeof(signs) / sizeof(*signs); i++) {
        size_t size = strlen(signs[i]);
        if ((size_t)(text->end - text->at) < size)
            continue;
        if (!memcmp(text->at, signs[i], size))
            text->at += size;
        else if (!memcmp(text->end - size, signs[i], size))
            text->end -= size;
        else
            continue;
        i = (size_t)-1; /* begin again */
    }
}

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int push_digit(int64_t *value, char digit)
{
    return !__builtin_mul_overflow(*value, (int64_t)10, value) &&
           !__builtin_sub_overflow(*value, (int64_t)(digit - '0'), value);
}

/* Whole part: digits, perhaps in groups of three. The value is kept negative, so that the smallest
 * one fits too. */
static int parse_whole(struct span *text, char group, int64_t *value)
{
    const char *last_group = NULL;
    int digits = 0, fits = 1;
    for (; text->at < text->end; text->at++) {
        if (is_digit(*text->at)) {
            fits &= push_digit(value, *text->at);
            digits++;
        } else if (*text->at == group) {
            if (last_group ? text->at - last_group != 4 : digits < 1 || digits > 3)
                return -1;
            last_group = text->at;
        } else {
            break;
        }
    }
    if (last_group && text->at - last_group != 4)
        return -1;
    return fits ? digits : -2;
}

enum stk_status money_parse(const char *text, size_t size, int exponent, char decimal,
                            int64_t *minor, struct stk_error *err)
{
    struct span left = {text, text + size};
    int64_t value = 0;
    int negative = 0, fraction = 0, fits = 1, lost = 0;

    strip(&left);
    if (left.at < left.end && (*left.at == '-' || *left.at == '+'))
        negative = *left.at++ == '-';
    strip(&left);
    int digits = parse_whole(&left, decimal == '.' ? ',' : '.', &value);
    int whole = digits;
    if (digits >= 0 && left.at < left.end && *left.at == decimal) {
        for (left.at++; left.at < left.end && is_digit(*left.at); left.at++, digits++) {
            if (fraction < exponent) {
                fits &= push_digit(&value, *left.at);
                fraction++;
            } else {
                lost |= *left.at != '0';
            }
        }
    }
    for (; fraction < exponent; fraction++)
        fits &= push_digit(&value, '0');
    if (whole == -2 || (!fits && digits > 0) || (!negative && value == INT64_MIN))
        return stk_error_set(err, STK_INVALID, T_MONEY_LARGE, (int)size, text);
    if (digits <= 0 || left.at != left.end)
        return stk_error_set(err, STK_INVALID, T_MONEY_BAD, (int)size, text);
    if (lost)
        return stk_error_set(err, STK_INVALID, T_MONEY_DIGITS, (int)size, text, exponent);
    *minor = negative ? value : -value;
    return STK_OK;
}

/* From the last digit to the first, the point between them. */
void money_format(int64_t minor, int exponent, char *room)
{
    uint64_t left = minor < 0 ? 0 - (uint64_t)minor : (uint64_t)minor;
    char digits[MONEY_TEXT];
    int count = 0, at = 0;
    for (int place = 0; left || place <= exponent; place++, left /= 10) {
        if (place == exponent && exponent > 0)
            digits[count++] = '.';
        digits[count++] = (char)('0' + left % 10);
    }
    if (minor < 0)
        room[at++] = '-';
    while (count)
        room[at++] = digits[--count];
    room[at] = '\0';
}
