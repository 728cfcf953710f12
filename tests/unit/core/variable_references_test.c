#include "core/variable_references.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "core/variable_functions.h"
#include "model/variable.h"
#include "tap.h"

static struct service items[] = {
    {.id = "1", .name = (char[]){"api"}, .label = (char[]){"api"}},
    {.id = "2", .name = (char[]){"Main DB"}, .label = (char[]){"main-db"}},
    {.id = "3", .name = (char[]){"web"}, .label = (char[]){"web"}},
    {.id = "4", .name = (char[]){"WEB"}, .label = (char[]){"web-2"}},
    {.id = "5", .name = (char[]){"api.v2"}, .label = (char[]){"api-v2"}},
};
static const struct service_list services = {.items = items, .len = ARRAY_LEN(items)};

static err *platform(void *arg, const struct service *service, const json_t **ret_variables) {
  *ret_variables = json_object_get(arg, service->id);
  return NULL;
}

/* What the other services and the environment have; X of api is the row's. */
static json_t *the_world(const char *x) {
  return json_pack("{s:{s:s, s:s, s:s}, s:{s:s, s:s, s:s}, s:{s:s, s:s}, s:{s:s}, s:{s:s}, s:{s:s, s:s}}", "1", "X", x, "OWN",
                   "mine", "CHAIN", "${{web.CHAIN}}", "2", "URL", "pg://u:${{PASS}}@${{RAILWAY_PRIVATE_DOMAIN}}/db", "PASS",
                   "p4ss", "LOOP", "${{Main DB.LOOP}}", "3", "CHAIN", "w+${{Main DB.PASS}}", "BACK", "${{api.X}}", "4", "V",
                   "upper", "5", "V", "two", "", "KEY", "shared ${{OTHER}}", "OTHER", "!");
}

static err *resolve(const json_t *variables, const json_t *sealed, struct resolved_variables *ret_resolved) {
  auto_json *given = json_pack("{s:{s:s, s:s}, s:{s:s, s:s}, s:{}, s:{}, s:{}}", "1", "PORT", "8080", "RAILWAY_SERVICE_NAME",
                               "api", "2", "PORT", "8080", "RAILWAY_PRIVATE_DOMAIN", "main-db.railway.internal", "3", "4", "5");
  struct reference_world world = {.services = &services, .variables = variables, .sealed = sealed,
                                  .platform = platform, .arg = given};
  return references_resolve(&world, "1", ret_resolved);
}

static void check(const char *x, const char *expected, const char *unknown, const char *hint) {
  auto_json *variables = the_world(x);
  auto_resolved_variables r = {0};
  CHECK_OK(resolve(variables, NULL, &r));
  auto_free char *unknowns = strv_join(&r.unknown, "\n"), *hints = strv_join(&r.hints, "\n");
  printf("# %s\n", x);
  CHECK_TEXT(json_get_text(r.values, "X"), expected);
  CHECK_TEXT(json_get_text(r.values, "OWN"), "mine");
  if (unknown)
    CHECK_HAS(unknowns, unknown);
  else
    CHECK_TEXT(unknowns, "");
  if (hint)
    CHECK_HAS(hints, hint);
  else
    CHECK_TEXT(hints, "");
}

TEST(every_spelling) {
  /* clang-format off */
  static const struct { const char *x, *expected, *unknown, *hint; } rows[] = {
    { "", "", NULL, NULL },
    { "plain $text {}", "plain $text {}", NULL, NULL },
    { "${{OWN}}", "mine", NULL, NULL },
    { "${{ OWN }}", "mine", NULL, NULL },
    { "${{api.OWN}}", "mine", NULL, NULL },
    { "a${{OWN}}b${{OWN}}c", "aminebminec", NULL, NULL },
    { "line\n${{OWN}}\nline", "line\nmine\nline", NULL, NULL },
    { "${{Main DB.PASS}}", "p4ss", NULL, NULL },
    { "${{ Main DB.PASS }}", "p4ss", NULL, NULL },
    { "${{\"Main DB\".PASS}}", "p4ss", NULL, NULL },
    { "${{ 'Main DB' . PASS }}", "p4ss", NULL, NULL },
    { "${{main db.PASS}}", "p4ss", NULL, NULL },
    { "${{main-db.PASS}}", "p4ss", NULL, NULL },
    { "${{Main DB.URL}}", "pg://u:p4ss@main-db.railway.internal/db", NULL, NULL },
    { "${{Main DB.RAILWAY_PRIVATE_DOMAIN}}:${{Main DB.PORT}}", "main-db.railway.internal:8080", NULL, NULL },
    { "${{PORT}}", "8080", NULL, NULL },
    { "${{RAILWAY_SERVICE_NAME}}", "api", NULL, NULL },
    { "${{api.v2.V}}", "two", NULL, NULL },
    { "${{WEB.V}}", "upper", NULL, NULL },
    { "${{web.CHAIN}}", "w+p4ss", NULL, NULL },
    { "${{CHAIN}}", "w+p4ss", NULL, NULL },
    { "${{shared.KEY}}", "shared !", NULL, NULL },
    { "${{ Shared.OTHER }}", "!", NULL, NULL },
    /* unknown ones are empty */
    { "a${{NOPE}}b", "ab", "${{NOPE}} is empty: api has no variable NOPE (api.X -> api.NOPE)", NULL },
    { "${{OWNS}}", "", "did you mean ${{OWN}}?", NULL },
    { "${{KEY}}", "", "did you mean ${{shared.KEY}}?", NULL },
    { "${{shared.KEYS}}", "", "the environment has no variable KEYS; did you mean ${{shared.KEY}}? (api.X -> shared.KEYS)", NULL },
    { "${{Main DB.PAS}}", "", "${{Main DB.PAS}} is empty: Main DB has no variable PAS; did you mean ${{Main DB.PASS}}?", NULL },
    { "${{postgres.URL}}", "", "${{postgres.URL}} is empty: there is no service 'postgres' (api.X -> postgres.URL)", NULL },
    { "${{mein-db.URL}}", "", "did you mean 'Main DB'?", NULL },
    { "${{web.URL}}", "", "web has no variable URL", NULL },
    /* near misses */
    { "{{ Main DB.PASS }}", "p4ss", NULL, "Variable api.X: {{ Main DB.PASS }} was taken for ${{Main DB.PASS}}: write it like that" },
    { "{{main-db.PASS}}", "p4ss", NULL, "write it like that" },
    { "${main-db.PASS}", "p4ss", NULL, "${main-db.PASS} was taken for ${{main-db.PASS}}" },
    { "${main-db.${PASS}}", "p4ss", NULL, "${main-db.${PASS}} was taken for ${{main-db.PASS}}" },
    { "{{shared.OTHER}}", "!", NULL, "was taken for ${{shared.OTHER}}" },
    { "{{ nope.PASS }}", "{{ nope.PASS }}", NULL, NULL },
    { "{{ main-db.internal_url }}", "{{ main-db.internal_url }}", NULL,
      "{{ main-db.internal_url }} stays as it is: Main DB has no variable internal_url; did you mean ${{Main DB.RAILWAY_PRIVATE_DOMAIN}}?" },
    { "${main-db.pas}", "${main-db.pas}", NULL, "did you mean ${{Main DB.PASS}}?" },
    { "${nope.${PASS}}", "${nope.${PASS}}", NULL, NULL },
    /* text */
    { "${HOME}/${OWN}", "${HOME}/${OWN}", NULL, NULL },
    { "${PORT:-8080} $PORT $$ $${x}", "${PORT:-8080} $PORT $$ $${x}", NULL, NULL },
    { "{{OWN}} {{ .Values.x }} {{#each}}", "{{OWN}} {{ .Values.x }} {{#each}}", NULL, NULL },
    { "{\"a\":{\"b\":{}}}", "{\"a\":{\"b\":{}}}", NULL, NULL },
    { "${{", "${{", NULL, "has no }}" },
    { "${{OWN", "${{OWN", NULL, "has no }}" },
    { "${{ ${{OWN}}", "${{ mine", NULL, "has no }}" },
    { "${{}}", "${{}}", NULL, "names no variable" },
    { "${{ a b }}", "${{ a b }}", NULL, "names no variable" },
    { "${{.OWN}}", "${{.OWN}}", NULL, "names no variable" },
    { "${{api.}}", "${{api.}}", NULL, "names no variable" },
    { "$${{OWN}}}", "$mine}", NULL, NULL },
    { "{{{{main-db.PASS}}", "{{p4ss", NULL, "was taken for" },
  };
  /* clang-format on */
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) check(rows[i].x, rows[i].expected, rows[i].unknown, rows[i].hint);
}

static void check_error(const char *x, enum err_code code, const char *part) {
  auto_json *variables = the_world(x);
  struct resolved_variables r;
  CHECK_ERR(resolve(variables, NULL, &r), code, part);
}

/* As DATABASE_PUBLIC_URL does. */
TEST(what_tells_of_a_tcp_proxy_is_there_only_with_one) {
  static const char own[] = "pg://${{OWN}}@${{RAILWAY_TCP_PROXY_DOMAIN}}:${{RAILWAY_TCP_PROXY_PORT}}/db";
  auto_json *variables = the_world(own), *theirs = the_world("see ${{Main DB.URL}}.");
  auto_resolved_variables r = {0}, others = {0};
  CHECK_OK(resolve(variables, NULL, &r));
  CHECK(!json_object_get(r.values, "X"));
  CHECK_TEXT(json_get_text(r.values, "OWN"), "mine");
  CHECK_INT(r.unknown.len, 0);
  json_object_set_new(json_object_get(theirs, "2"), "URL", json_string("at ${{RAILWAY_TCP_PROXY_DOMAIN}}"));
  CHECK_OK(resolve(theirs, NULL, &others));
  CHECK_TEXT(json_get_text(others.values, "X"), "see .");
  CHECK_INT(others.unknown.len, 1);
  CHECK_HAS(others.unknown.items[0], "${{Main DB.URL}} is empty: Main DB has no TCP proxy");
}

TEST(circles_are_told_with_their_way) {
  check_error("${{X}}", ERR_INVALID, "in a circle: api.X -> api.X");
  check_error("${{api.X}}", ERR_INVALID, "api.X -> api.X");
  check_error("a ${{web.BACK}}", ERR_INVALID, "api.X -> web.BACK -> api.X");
  check_error("${{Main DB.LOOP}}", ERR_INVALID, "circle: Main DB.LOOP -> Main DB.LOOP");
  check_error("{{web.BACK}}", ERR_INVALID, "api.X -> web.BACK -> api.X");
}

static json_t *a_chain(int steps) {
  json_t *own = json_object();
  for (int i = 0; i < steps; i++) {
    auto_free char *name = str_format("V%d", i), *text = str_format("${{V%d}}", i + 1);
    json_object_set_new(own, name, json_string(text));
  }
  auto_free char *last = str_format("V%d", steps);
  json_object_set_new(own, last, json_string("end"));
  return json_pack("{s:o}", "1", own);
}

TEST(chains_have_an_end) {
  auto_json *longest = a_chain(REFERENCE_DEPTH_MAX - 1), *longer = a_chain(REFERENCE_DEPTH_MAX);
  auto_resolved_variables r = {0};
  CHECK_OK(resolve(longest, NULL, &r));
  CHECK_TEXT(json_get_text(r.values, "V0"), "end");
  struct resolved_variables none;
  CHECK_ERR(resolve(longer, NULL, &none), ERR_LIMIT, "more than 32 steps");
}

/* Each ten times the one before it. */
TEST(values_do_not_explode) {
  auto_json *own = json_pack("{s:s}", "V0", "0123456789");
  for (int i = 1; i < 20; i++) {
    auto_str text = STR_EMPTY;
    auto_free char *name = str_format("V%d", i);
    for (int n = 0; n < 10; n++) str_addf(&text, "${{V%d}}", i - 1);
    json_object_set_new(own, name, json_string(str_text(&text)));
  }
  auto_json *variables = json_pack("{s:O}", "1", own);
  struct resolved_variables none;
  CHECK_ERR(resolve(variables, NULL, &none), ERR_LIMIT, "its value has more bytes than 65536");
}

TEST(all_values_together_have_a_limit) {
  auto_json *own = json_object();
  auto_free char *large = mem_zalloc(VARIABLE_VALUE_LEN_MAX + 1);
  memset(large, 'x', VARIABLE_VALUE_LEN_MAX);
  json_object_set_new(own, "L", json_string(large));
  for (int i = 0; i < 200; i++) {
    auto_free char *name = str_format("V%d", i);
    json_object_set_new(own, name, json_string("${{L}}"));
  }
  auto_json *variables = json_pack("{s:O}", "1", own);
  struct resolved_variables none;
  CHECK_ERR(resolve(variables, NULL, &none), ERR_LIMIT, "all values have more bytes");
}

TEST(so_have_references_and_notes) {
  auto_str text = STR_EMPTY;
  for (int i = 0; i < 4000; i++) str_addf(&text, "${{N%d}}", i);
  auto_json *own = json_object();
  for (int i = 0; i < 6; i++) {
    auto_free char *name = str_format("V%d", i);
    json_object_set_new(own, name, json_string(str_text(&text)));
  }
  auto_json *six = json_pack("{s:O}", "1", own), *one = json_pack("{s:{s:s}}", "1", "V", str_text(&text));
  struct resolved_variables none;
  auto_resolved_variables r = {0};
  CHECK_ERR(resolve(six, NULL, &none), ERR_LIMIT, "more references than 20000");
  CHECK_OK(resolve(one, NULL, &r));
  CHECK_INT(r.unknown.len, REFERENCE_NOTES_MAX);
}

TEST(who_holds_a_sealed_value_is_known_and_which_services_are_in_it) {
  auto_json *variables = the_world("${{Main DB.URL}} ${{web.CHAIN}} ${{api.v2.V}} {{WEB.V}} ${{ghost.X}} {{ ghost.Y }}");
  auto_json *sealed = json_pack("{s:{s:b}}", "2", "PASS", true);
  auto_resolved_variables r = {0};
  CHECK_OK(resolve(variables, sealed, &r));
  auto_free char *names = strv_join(&r.sealed, " ");
  CHECK(strv_has(&r.sealed, "X"));
  CHECK(strv_has(&r.sealed, "CHAIN"));
  CHECK(!strv_has(&r.sealed, "OWN"));
  for (int i = 2; i <= 5; i++) {
    char id[] = {(char)('0' + i), '\0'};
    if (!strv_has(&r.services, id)) TAP_FAIL("service %s is in it", id);
  }
  CHECK_INT(r.services.len, 4);
  (void)names;
}

static void check_affected(const char *owner, const char *name, const char *expected) {
  auto_json *variables = the_world("${{shared.KEY}}"), *names = json_pack("{s:b}", name, true);
  struct reference_world world = {.services = &services, .variables = variables};
  auto_strv ids = STRV_EMPTY;
  references_affected(&world, owner, names, &ids);
  auto_free char *joined = strv_join(&ids, " ");
  CHECK_TEXT(joined, expected);
}

TEST(a_change_affects_whoever_refers_to_it) {
  check_affected("2", "PASS", "3 1");
  check_affected("2", "URL", "");
  check_affected("", "OTHER", "1 3");
  check_affected("", "NEW", "");
  check_affected("1", "OWN", "");
  check_affected("3", "CHAIN", "1");
}

/* ---- functions ---- */

static char *evaluated(const char *text) {
  char *result = NULL;
  CHECK_OK(variable_functions_evaluate("X", text, &result));
  return result;
}

TEST(functions_are_evaluated) {
  auto_free char *plain = evaluated("a ${{OWN}} {{b}} c"), *secret = evaluated("${{secret()}}"), *other = evaluated("${{ secret( ) }}");
  auto_free char *short_one = evaluated("<${{secret(5, \"ab\")}}>"), *number = evaluated("${{ randomInt(7, 7) }}-${{randomInt(-3,-3)}}");
  auto_free char *comma = evaluated("${{secret(3, ',')}}"), *die = evaluated("${{randomInt(1,6)}}");
  CHECK_TEXT(plain, "a ${{OWN}} {{b}} c");
  CHECK_INT(strlen(secret), 32);
  CHECK_INT(strspn(secret, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"), 32);
  CHECK(!str_eq(secret, other));
  CHECK_INT(strspn(short_one + 1, "ab"), 5);
  CHECK_TEXT(short_one + 6, ">");
  CHECK_TEXT(number, "7--3");
  CHECK_TEXT(comma, ",,,");
  CHECK(strlen(die) == 1 && die[0] >= '1' && die[0] <= '6');
}

TEST(functions_that_make_no_sense_are_refused) {
  /* clang-format off */
  static const struct { const char *text, *part; } rows[] = {
    { "${{secret(0)}}",            "takes a length" },
    { "${{secret(x)}}",            "takes a length" },
    { "${{secret(99999)}}",        "takes a length" },
    { "${{secret(,\"ab\")}}",      "takes a length" },
    { "${{secret(3,\"\")}}",       "the alphabet" },
    { "${{secret(3,\"\xc3\xa9\")}}", "the alphabet" },
    { "${{secret(1,2,3)}}",        "the arguments of secret()" },
    { "${{secret(1,\"a)}}",        "the arguments of secret()" },
    { "${{secret(1,\"a\"b)}}",     "the arguments of secret()" },
    { "${{randomInt(2,1)}}",       "randomInt(lowest, highest)" },
    { "${{randomInt(a)}}",         "randomInt(lowest, highest)" },
    { "${{secrt(32)}}",            "there is no function secrt()" },
  };
  /* clang-format on */
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    char *result = NULL;
    CHECK_ERR(variable_functions_evaluate("X", rows[i].text, &result), ERR_INVALID, rows[i].part);
  }
  auto_str text = STR_EMPTY;
  for (int i = 0; i < 20; i++) str_add(&text, "${{secret(4096)}}");
  char *result = NULL;
  CHECK_ERR(variable_functions_evaluate("X", str_text(&text), &result), ERR_LIMIT, "'X'");
}

TEST_MAIN
