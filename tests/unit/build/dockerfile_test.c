#include "build/dockerfile.h"

#include "base/mem.h"
#include "tap.h"

static struct dockerfile *parse(const char *text, const char *const *variables) {
  struct dockerfile *file = NULL;
  CHECK_OK(dockerfile_parse(text, strlen(text), variables, &file));
  return file;
}

static char *images_of(const char *text, const char *const *variables, const char *target) {
  auto_dockerfile *file = parse(text, variables);
  CHECK_OK(dockerfile_select(file, target));
  auto_strv images = STRV_EMPTY;
  dockerfile_images(file, &images);
  return strv_join(&images, " ");
}

static char *rewrite(const char *text, const char *const *variables) {
  auto_dockerfile *file = parse(text, variables);
  CHECK_OK(dockerfile_select(file, NULL));
  auto_map *images = map_new();
  map_set(images, "node:20", (char *)"local1");
  struct dockerfile_rewrite how = {.images = images, .variables = variables, .service_id = "svc"};
  struct str out = STR_EMPTY;
  struct dockerfile_steps steps = {0};
  CHECK_OK(dockerfile_rewrite(file, &how, &out, &steps));
  free(steps.items);
  return str_take(&out);
}

static const char *const variables[] = {"VERSION=22", "REGISTRY=ghcr.io/x", "EMPTY=", NULL};

TEST(images_of_stages) {
  /* clang-format off */
  static const struct { const char *text, *target, *images; } cases[] = {
    {"FROM node:20\n", NULL, "node:20"},
    {"from node:20 as build\nFROM build\n", NULL, "node:20"},
    {"FROM scratch\n", NULL, ""},
    {"ARG VERSION=18\nFROM node:${VERSION}\n", NULL, "node:22"},
    {"ARG OTHER=18\nFROM node:$OTHER-alpine\n", NULL, "node:18-alpine"},
    {"ARG OTHER\nFROM node:${OTHER:-16}\n", NULL, "node:16"},
    {"ARG OTHER=a\nFROM node:${OTHER:+17}\n", NULL, "node:17"},
    {"ARG REGISTRY\nARG VERSION\nFROM --platform=$BUILDPLATFORM $REGISTRY/app:$VERSION AS Web\nFROM web\n", NULL, "ghcr.io/x/app:22"},
    {"ARG A=1\nARG B=${A}.2\nFROM x:$B\nARG A=9\nFROM y:$A\n", NULL, "y:1"},
    {"FROM a AS one\nFROM b AS two\nFROM c AS three\nCOPY --from=one /x /x\n", NULL, "a c"},
    {"FROM a AS one\nFROM b AS two\nFROM c AS three\nCOPY --from=one /x /x\n", "two", "b"},
    {"FROM a\nFROM b\nFROM c\nCOPY --from=0 /x /x\n", NULL, "a b c"}, /* counted: none may go */
    {"FROM a\nCOPY --from=ghcr.io/astral-sh/uv:latest /uv /bin/\n", NULL, "a ghcr.io/astral-sh/uv:latest"},
    {"FROM a\nRUN --mount=type=bind,from=tools:1,target=/t ls\n", NULL, "a tools:1"},
    {"# escape=`\nFROM a`\n  AS x\n", NULL, "a"},
    {"\xef\xbb\xbf# comment\n\nFROM a # not a comment, but\n", "0", NULL},
  };
  /* clang-format on */
  for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
    if (!cases[i].images) {
      struct dockerfile *file = NULL;
      CHECK_ERR(dockerfile_parse(cases[i].text, strlen(cases[i].text), NULL, &file), ERR_INVALID, "AS name");
      continue;
    }
    auto_free char *images = images_of(cases[i].text, variables, cases[i].target);
    CHECK_TEXT(images, cases[i].images);
  }
}

TEST(errors_name_the_line) {
  /* clang-format off */
  static const struct { const char *text, *part; } cases[] = {
    {"", "no FROM"},
    {"RUN x\n", "line 1: RUN before the first FROM"},
    {"FROM\n", "line 1: FROM needs an image"},
    {"FROM a\n\nRUNN x\n", "line 3: unknown instruction 'RUNN'; did you mean RUN?"},
    {"FROM a\nFROBNICATE x\n", "line 2: unknown instruction"},
    {"FROM a\nCOPY\n", "line 2: COPY needs an argument"},
    {"FROM $NOTHING\n", "expands to nothing"},
    {"FROM a\nRUN <<EOF\necho\n", "line 2: here-document without its end 'EOF'"},
  };
  /* clang-format on */
  for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
    struct dockerfile *file = NULL;
    CHECK_ERR(dockerfile_parse(cases[i].text, strlen(cases[i].text), variables, &file), ERR_INVALID,
              cases[i].part);
  }
  struct dockerfile *file = NULL;
  CHECK_ERR(dockerfile_parse("FROM a\0b", 8, NULL, &file), ERR_INVALID, "NUL");
}

TEST(unknown_target_lists_the_stages) {
  auto_dockerfile *file = parse("FROM a AS one\nFROM b AS two\n", NULL);
  CHECK_ERR(dockerfile_select(file, "three"), ERR_NOT_FOUND, "one, two");
}

TEST(args_are_those_of_needed_stages) {
  auto_dockerfile *file = parse("ARG G=1\nFROM a AS one\nARG UNNEEDED\nFROM b\nARG A B=2\nARG A\n", NULL);
  CHECK_OK(dockerfile_select(file, NULL));
  auto_strv names = STRV_EMPTY;
  dockerfile_args(file, &names);
  auto_free char *text = strv_join(&names, " ");
  CHECK_TEXT(text, "G A B");
}

TEST(rewriting) {
  /* clang-format off */
  static const struct { const char *text, *out; } cases[] = {
    {"FROM node:20 AS Build\nFROM Build\n", "FROM local1 AS build\nFROM build\n"},
    {"FROM node:20 AS B\nFROM node:20\nCOPY --link --from=b --chown=1 /a /b\n",
     "FROM local1 AS b\nFROM local1\nCOPY --from=b --chown=1 /a /b\n"},
    {"FROM node:20\nEXPOSE $PORT\nEXPOSE 80 $PORT ${P:-81}/tcp\n", "FROM local1\nEXPOSE 80 81/tcp\n"},
    {"FROM node:20\nENV PORT=5\nEXPOSE $PORT\n", "FROM local1\nENV PORT=5\nEXPOSE 5\n"},
    {"FROM node:20\nARG VERSION\nEXPOSE $VERSION\n", "FROM local1\nARG VERSION\nEXPOSE 22\n"},
    {"FROM node:20\nRUN a \\\n # inner\n\n  && b\n", "FROM local1\nRUN a   && b\n"},
    {"FROM node:20\nRUN --mount=type=cache,target=/root/.npm npm ci\n",
     "FROM local1\nRUN --mount=id=s-svc-_root_.npm,type=cache,target=/root/.npm npm ci\n"},
    {"FROM node:20\nRUN --mount=type=cache,id=s/svc-x,target=/y z\n",
     "FROM local1\nRUN --mount=id=s-svc-x,type=cache,target=/y z\n"},
    {"FROM node:20\nRUN --mount=type=cache,id=../../etc,target=/y z\n",
     "FROM local1\nRUN --mount=id=s-svc-.._.._etc,type=cache,target=/y z\n"},
    {"FROM node:20\nRUN <<EOF\necho \"a\"\nEOF\nUSER x\n",
     "FROM local1\nRUN [\"/bin/sh\", \"-c\", \"echo \\\"a\\\"\\u000a\"]\nUSER x\n"},
    {"FROM node:20\nSHELL [\"/bin/bash\", \"-c\"]\nRUN cat <<-E >f\n\tx\n\tE\n",
     "FROM local1\nSHELL [\"/bin/bash\", \"-c\"]\nRUN [\"/bin/bash\", \"-c\", \"cat <<-E >f\\u000a\\u0009x\\u000a\\u0009E\\u000a\"]\n"},
    {"FROM unneeded AS u\nRUN x\nFROM node:20\nCMD [\"a\"]", "FROM local1\nCMD [\"a\"]\n"},
  };
  /* clang-format on */
  for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
    auto_free char *out = rewrite(cases[i].text, variables);
    CHECK_TEXT(out, cases[i].out);
  }
}

static err *try_rewrite(const char *text) {
  auto_dockerfile *file = parse(text, NULL);
  auto_map *images = map_new();
  struct dockerfile_rewrite how = {.images = images, .service_id = "svc"};
  auto_str out = STR_EMPTY;
  struct dockerfile_steps steps = {0};
  err *e = dockerfile_rewrite(file, &how, &out, &steps);
  free(steps.items);
  return e;
}

TEST(what_cannot_be_built_here) {
  CHECK_ERR(try_rewrite("FROM --platform=windows/amd64 a\n"), ERR_INVALID, "line 1: --platform=windows/amd64");
  CHECK_ERR(try_rewrite("FROM a\nCOPY <<EOF /x\nhi\nEOF\n"), ERR_INVALID, "line 2: COPY with a here-document");
}

TEST(steps_count_as_buildah_does) {
  auto_dockerfile *file = parse("ARG X\nFROM a AS one\nRUN x\nEXPOSE $NONE\nRUN y\nFROM one\nRUN z\n", NULL);
  auto_map *images = map_new();
  struct dockerfile_rewrite how = {.images = images, .service_id = "svc"};
  auto_str out = STR_EMPTY;
  struct dockerfile_steps steps = {0};
  CHECK_OK(dockerfile_rewrite(file, &how, &out, &steps));
  CHECK_INT(steps.len, 5);
  CHECK_INT(steps.items[2].step, 3); /* RUN y: the EXPOSE is gone */
  CHECK_INT(steps.items[2].line, 5);
  CHECK_INT(steps.items[4].stage, 2);
  CHECK_INT(steps.items[4].step, 2);
  CHECK_INT(steps.items[4].line, 7);
  free(steps.items);
}

TEST(who_may_get_the_value_of_an_argument) {
  /* clang-format off */
  static const struct { const char *text; bool expands; } cases[] = {
    {"FROM a\nARG KEY\nRUN echo $KEY ${KEY}\nRUN [\"sh\", \"-c\", \"$KEY\"]\n", false},
    {"FROM a\nARG KEY=default\nRUN <<EOF\n$KEY\nEOF\n", false},
    {"FROM a\nRUN --mount=type=cache,target=/c --network=none echo $KEY\n", false},
    {"FROM a\nRUN --mount=type=cache,target=/$KEY echo\n", true},
    {"FROM a\nENV TOKEN=$KEY\n", true},
    {"FROM a\nENV KEY=1\n", true},
    {"FROM a\nARG OTHER=${KEY:-x}\n", true},
    {"FROM a\nCOPY $KEY /x\n", true},
    {"FROM a\nLABEL x=\"${KEY}\"\n", true},
    {"ARG KEY\nFROM a:$KEY\n", true},
    {"FROM a\nONBUILD RUN echo $KEY\n", true},
    {"FROM a\nLABEL x=$KEYS\n", true}, /* in doubt */
    {"FROM a\nLABEL x=$OTHER y=KEY\n", false},
  };
  /* clang-format on */
  for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
    auto_dockerfile *file = parse(cases[i].text, NULL);
    if (dockerfile_expands(file, "KEY") != cases[i].expands) TAP_FAIL("%s", cases[i].text);
  }
}

TEST_MAIN
