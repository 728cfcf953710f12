#include "build/build_key.h"

#include "base/mem.h"
#include "build/dockerfile.h"
#include "tap.h"

#define VARIABLES(...) (const char *const[]){__VA_ARGS__, NULL}

/* Of a build with the service's variables, by a Dockerfile or (NULL) planned; the caller owns it. */
static char *key_of(const char *dockerfile, const char *const *variables) {
  struct build_request r = {.service_id = "svc", .snapshot_id = "s", .variables = variables};
  auto_strv arguments = STRV_EMPTY;
  char key[65];
  if (dockerfile) {
    auto_dockerfile *file = NULL;
    CHECK_OK(dockerfile_parse(dockerfile, strlen(dockerfile), variables, &file));
    CHECK_OK(dockerfile_select(file, NULL));
    dockerfile_args(file, &arguments);
  }
  build_key(&r, dockerfile ? &arguments : NULL, key);
  return str_dup(key);
}

static bool same(const char *dockerfile, const char *const *one, const char *const *other) {
  auto_free char *a = key_of(dockerfile, one), *b = key_of(dockerfile, other);
  return str_eq(a, b);
}

TEST(of_a_dockerfile_only_declared_variables_count) {
  /* clang-format off */
  static const struct { const char *text; bool declares; } cases[] = {
    {"FROM a\nRUN x\n", false},
    {"FROM a\nARG NAME\n", true},
    {"FROM a\nARG NAME=default\n", true},
    {"ARG NAME=1\nFROM a:$NAME\n", true},
    {"FROM a\nARG OTHER NAME\n", true},
    {"FROM a AS one\nFROM b\nARG NAME\nCOPY --from=one /x /x\n", true},
    {"FROM a AS one\nARG NAME\nFROM b\nCOPY --from=one /x /x\n", true},
    {"FROM a AS one\nARG NAME\nFROM b\n", false}, /* nothing needs that stage */
    {"from a\narg NAME\n", true},
    {"FROM a\nARG name\n", false},
    {"FROM a\nARG NAMES\n", false},
    {"FROM a\nARG NAM\n", false},
    {"FROM a\nARG \"NAME\"\n", true},
    {"FROM a\nARG NAME=\"a NAM b\"\n", true},
    {"FROM a\nARG OTHER=\"x NAME y\"\n", false},
    {"FROM a\nARG OTHER=1 \\\n  # inner\n\n  NAME=2\n", true},
    {"# escape=`\nFROM a\nARG `\nNAME\n", true},
    {"FROM a\n# ARG NAME\nRUN x\n", false},
    {"FROM a\nRUN <<EOF\nARG NAME\nEOF\n", false},
    {"FROM a\nRUN <<-'EOF'\n\tx\n\tEOF\nARG NAME\n", true},
    {"FROM a\nENV X=$NAME\nRUN echo $NAME\n", false}, /* without ARG it is empty there */
  };
  /* clang-format on */
  for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
    const char *text = cases[i].text;
    bool differs = cases[i].declares;
    bool changed = !same(text, VARIABLES("NAME=1"), VARIABLES("NAME=2"));
    bool removed = !same(text, VARIABLES("NAME=1", "Z=1"), VARIABLES("Z=1"));
    bool emptied = !same(text, VARIABLES("NAME="), VARIABLES("Z=1"));
    if (changed != differs || removed != differs || emptied != differs)
      TAP_FAIL("%s: changed %d, removed %d, emptied %d", text, changed, removed, emptied);
  }
}

TEST(the_order_of_variables_does_not_matter) {
  CHECK(same("FROM a\nARG A\nARG B\n", VARIABLES("A=1", "B=2"), VARIABLES("B=2", "A=1")));
  CHECK(same(NULL, VARIABLES("A=1", "B=2"), VARIABLES("B=2", "A=1")));
  CHECK(!same("FROM a\nARG A\nARG B\n", VARIABLES("A=1", "B=2"), VARIABLES("A=2", "B=1")));
}

TEST(a_planned_build_may_see_every_variable) {
  CHECK(!same(NULL, VARIABLES("A=1"), VARIABLES("A=2")));
  CHECK(!same(NULL, VARIABLES("A=1"), VARIABLES("B=1")));
  CHECK(!same(NULL, VARIABLES("RAILWAY_GIT_COMMIT_SHA=1"), VARIABLES("RAILWAY_GIT_COMMIT_SHA=2")));
  CHECK(!same(NULL, VARIABLES("RAILWAY_RUN_UID_X=1"), VARIABLES("RAILWAY_RUN_UID_X=2")));
  CHECK(same(NULL, VARIABLES("RAILWAY_DEPLOYMENT_ID=1"), VARIABLES("RAILWAY_DEPLOYMENT_ID=2")));
  CHECK(same(NULL, VARIABLES("RAILWAY_HEALTHCHECK_TIMEOUT_SEC=1", "A=1"), VARIABLES("A=1")));
}

TEST(what_changes_with_every_deployment_counts_where_it_is_declared) {
  static const char *const names[] = {"RAILWAY_DEPLOYMENT_ID", "RAILWAY_GIT_COMMIT_SHA", "RAILWAY_ENVIRONMENT_ID"};
  for (size_t i = 0; i < ARRAY_LEN(names); i++) {
    auto_free char *one = str_format("%s=1", names[i]), *two = str_format("%s=2", names[i]);
    auto_free char *declares = str_format("FROM a\nARG %s\n", names[i]);
    CHECK(same("FROM a\n", VARIABLES(one), VARIABLES(two)));
    CHECK(!same(declares, VARIABLES(one), VARIABLES(two)));
  }
}

TEST(what_the_builder_itself_asks_for_counts_undeclared) {
  CHECK(!same("FROM a\n", VARIABLES("RAILWAY_DOCKERFILE_PATH=x"), VARIABLES("A=1")));
  CHECK(!same("FROM a\n", VARIABLES("TRAMWAY_DEBIAN_SUITE=x"), VARIABLES("A=1")));
  CHECK(!same("FROM a\n", VARIABLES("NO_CACHE=1"), VARIABLES("A=1")));
}

TEST(it_depends_on_every_other_input) {
  struct build_request r = {.service_id = "svc", .snapshot_id = "s"};
  const char **const fields[] = {&r.service_id, &r.snapshot_id, &r.root_directory, &r.builder, &r.dockerfile_path,
                                 &r.target, &r.image, &r.build_command, &r.start_command};
  struct strv none = STRV_EMPTY;
  const size_t planners = 7; /* and what follows: a Dockerfile has commands of its own */
  char planned[65], key[65], again[65];
  build_key(&r, NULL, planned);
  build_key(&r, &none, key);
  CHECK(strcmp(planned, key) != 0);
  for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
    const char *before = *fields[i];
    *fields[i] = "changed";
    build_key(&r, NULL, again);
    CHECK(strcmp(again, planned) != 0);
    build_key(&r, &none, again);
    CHECK((strcmp(again, key) != 0) == (i < planners));
    *fields[i] = before;
  }
}

TEST_MAIN
