/* The verb table is what it says of itself. */
#include "core/flow/verb.h"
#include "core/state/order.h"
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *const wire_names[] = {NULL,
#define WIRE(name, number, text) [number] = text,
                                         STK_VERB_LIST(WIRE)
#undef WIRE
};

static uint32_t width(const struct stk_field *field)
{
    switch (field->type) {
    case STK_FIELD_BOOL:
    case STK_FIELD_ENUM:
        return 1;
    case STK_FIELD_COUNTRY:
        return 2;
    case STK_FIELD_QUANTITY:
    case STK_FIELD_CURRENCY:
        return 4;
    default:
        return 8;
    }
}

static void check_table(const char *verb, const struct stk_field *fields, uint32_t struct_size,
                        int is_item)
{
    unsigned count = 0;
    uint64_t bits = 0;
    uint32_t end = sizeof(uint64_t); /* behind `present` */
    for (const struct stk_field *field = fields; field->name; field++, count++) {
        if (!field->help || !*field->help)
            fail_msg("%s.%s has no help", verb, field->name);
        if (field->offset < end || field->offset + width(field) > struct_size)
            fail_msg("%s.%s is out of its order, or of its struct", verb, field->name);
        end = field->offset + width(field);
        assert_int_equal(field->name_size, strlen(field->name));
        assert_false(bits & STK_FIELD_BIT(field->bit));
        assert_true(field->bit < 64);
        bits |= STK_FIELD_BIT(field->bit);
        assert_int_equal(field->type == STK_FIELD_ENUM, field->names != NULL);
        assert_int_equal(field->type == STK_FIELD_LIST, field->sub != NULL);
        if (field->type != STK_FIELD_ENUM && field->type != STK_FIELD_CURRENCY &&
            field->type != STK_FIELD_COUNTRY && field->max <= field->min)
            fail_msg("%s.%s has no range", verb, field->name);
        if (field->fallback)
            assert_true(field->fallback >= field->min && field->fallback <= field->max);
        if (field->fallback && !strstr(field->help, "default"))
            fail_msg("%s.%s does not name its default", verb, field->name);
        if (field->type == STK_FIELD_TEXT && !strstr(field->help, "card numbers are refused"))
            fail_msg("%s.%s does not say that card numbers are refused", verb, field->name);
        for (int i = 0; field->names && field->names[i]; i++)
            for (const char *at = field->names[i]; *at; at++)
                assert_true(islower(*at) || *at == '_');
        if (field->sub) {
            assert_false(is_item);                                        /* items hold no lists */
            assert_true(field->sub_size <= sizeof(struct stk_args_line)); /* stk_command_bound */
            check_table(field->name, field->sub, field->sub_size, 1);
        }
    }
    assert_true(count <= STK_FIELDS_MAX);
}

static void every_verb_is_whole(void **state)
{
    (void)state;
    for (unsigned i = 1; i < STK_VERB_COUNT; i++) {
        const struct stk_verb *verb = stk_verb_by_number(i);
        assert_non_null(verb);
        assert_string_equal(verb->name, wire_names[i]);
        assert_int_equal(verb->name_size, strlen(verb->name));
        assert_int_equal(verb->number, i);
        assert_true(verb->help && *verb->help);
        assert_true(verb->result && *verb->result);
        assert_int_equal(verb->kind == STK_VERB_WRITE, verb->key_space != 0);
        assert_false(verb->id_required && verb->kind != STK_VERB_WRITE);
        check_table(verb->name, verb->fields, verb->args_size, 0);
    }
}

static void found_by_name_and_number_or_not_at_all(void **state)
{
    (void)state;
    for (unsigned i = 1; i < STK_VERB_COUNT; i++) {
        struct stk_bytes name = {wire_names[i], (uint32_t)strlen(wire_names[i])};
        assert_ptr_equal(stk_verb_by_name(name), stk_verb_by_number(i));
        name.size--;
        assert_null(stk_verb_by_name(name));
    }
    assert_null(stk_verb_by_name((struct stk_bytes){"order.places", 12}));
    assert_null(stk_verb_by_name((struct stk_bytes){NULL, 0}));
    assert_null(stk_verb_by_number(0));
    assert_null(stk_verb_by_number(STK_VERB_COUNT));
    assert_null(stk_verb_by_number(UINT32_MAX));
}

static void order_states_have_names(void **state)
{
    (void)state;
    assert_string_equal(stk_order_state_name(STK_ORDER_PLACED), "placed");
    assert_string_equal(stk_order_state_name(STK_ORDER_RETURNED), "returned");
    assert_string_equal(stk_order_state_name(0), "?");
    assert_string_equal(stk_order_state_name(STK_ORDER_RETURNED + 1), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_verb_is_whole),
        cmocka_unit_test(found_by_name_and_number_or_not_at_all),
        cmocka_unit_test(order_states_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
