/* References, recipes, releases of Node: what images are called. */
#include "base/mem.h"
#include "build/base_recipe.h"
#include "build/node_release.h"
#include "build/reference.h"
#include "tap.h"

TEST(references) {
  /* clang-format off */
  static const struct { const char *text, *full; } cases[] = {
    {"node", "docker.io/library/node:latest"},
    {"node:20-alpine", "docker.io/library/node:20-alpine"},
    {"minio/minio:latest", "docker.io/minio/minio:latest"},
    {"ghcr.io/a/b/c:1", "ghcr.io/a/b/c:1"},
    {"localhost:5000/x", "localhost:5000/x:latest"},
    {"index.docker.io/library/x:1", "docker.io/library/x:1"},
    {"x@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
     "docker.io/library/x@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"},
    {"", NULL}, {"UPPER", NULL}, {"a b", NULL}, {"a:", NULL}, {"a:b:c", NULL}, {"../x", NULL}, {"a//b", NULL},
    {"a/", NULL}, {"a:-x", NULL}, {"x@sha256:12", NULL}, {"-x", NULL}, {":tag", NULL}, {"a$b", NULL},
  };
  /* clang-format on */
  for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
    struct reference r;
    if (!cases[i].full) {
      CHECK_ERR(reference_parse(cases[i].text, &r), ERR_INVALID, "image reference");
      continue;
    }
    CHECK_OK(reference_parse(cases[i].text, &r));
    auto_free char *text = reference_text(&r);
    CHECK_TEXT(text, cases[i].full);
    reference_done(&r);
  }
}

TEST(recipes) {
  /* clang-format off */
  static const struct { const char *reference, *key, *parent; } cases[] = {
    {"debian:bookworm-slim", "debian:bookworm", ""},
    {"debian:13", "debian:trixie", ""},
    {"debian", "debian:trixie", ""},
    {"ubuntu:24.04", "debian:trixie", ""},
    {"alpine:3.20", "alpine:trixie", "debian"},
    {"busybox", "alpine:trixie", "debian"},
    {"python:3.11-slim", "python:bookworm", "debian"},
    {"python:3.12-slim", "python:trixie", "debian"},
    {"python:3.13-alpine", "python:trixie-alpine", "alpine"},
    {"python:3", "python:trixie-full", "debian"},
    {"node:20-alpine", "node:20-trixie-alpine", "alpine"},
    {"node:lts-slim", "node:24-trixie", "debian"},
    {"node:iron-bookworm-slim", "node:20-bookworm", "debian"},
    {"node:22.1.0", "node:22-trixie-full", "debian"},
    {"node:latest", "node:trixie-full", "debian"},
    {"golang:1.19-alpine", "golang:bookworm-alpine", "alpine"},
    {"golang:1.22", "golang:trixie-full", "debian"},
    {"nginx:1.25-alpine", "nginx:trixie-alpine", "alpine"},
    {"caddy:2", "caddy:trixie", "debian"},
    {"public.ecr.aws/docker/library/node:20-slim", "node:20-trixie", "debian"},
    {"postgres:17", "postgres:17-trixie", "database"},
    {"postgres:15.4-alpine", "postgres:15-bookworm-alpine", "database"},
    {"postgres:17-bookworm", "postgres:17-trixie", "database"},
    {"postgres", "postgres:17-trixie", "database"},
    {"postgis/postgis:15-3.3", "postgres:15-bookworm-postgis", "database"},
    {"pgvector/pgvector:pg17", "postgres:17-trixie", "database"},
    {"ghcr.io/railwayapp-templates/postgres-ssl:17", "postgres:17-trixie", "database"},
    {"tramway/postgres:17", "postgres:17-trixie", "database"},
    {"tramway/postgis", "postgres:17-trixie-postgis", "database"},
    {"mariadb:lts", "mariadb:11.8-trixie", "database"},
    {"mariadb:10.6", "mariadb:10.11-bookworm", "database"},
    {"mariadb:11.4", "mariadb:11.8-trixie", "database"},
    {"tramway/mariadb:11", "mariadb:11.8-trixie", "database"},
    {"tramway/s3:2", "s3:2.35-trixie", "database"},
    {"mysql:8.0", "mariadb:11.8-trixie", "database"},
    {"redis:6", "redis:7.0-bookworm", "database"},
    {"redis:7-alpine", "redis:7.0-bookworm-alpine", "database"},
    {"redis:7.2", "redis:8.0-trixie", "database"},
    {"redis:8", "redis:8.0-trixie", "database"},
    {"valkey/valkey:8", "redis:8.1-trixie-valkey", "database"},
    {"postgres:16", NULL, NULL}, {"postgres:18", NULL, NULL}, {"pgvector/pgvector:pg15", NULL, NULL},
    {"mariadb:12", NULL, NULL}, {"redis:8.2", NULL, NULL}, {"mongo:7", NULL, NULL}, {"tramway/mongo", NULL, NULL},
    {"me/postgres:17", NULL, NULL}, {"ghcr.io/tramway/postgres:17", NULL, NULL}, {"ghcr.io/library/node:20", NULL, NULL}, {"me/node:20", NULL, NULL},
  };
  /* clang-format on */
  for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
    struct reference r;
    struct base_recipe recipe;
    CHECK_OK(reference_parse(cases[i].reference, &r));
    bool found = base_recipe_find(&r, "trixie", "", &recipe);
    reference_done(&r);
    CHECK_INT(found, cases[i].key != NULL);
    if (!found) continue;
    auto_free char *key = base_recipe_key(&recipe);
    CHECK_TEXT(key, cases[i].key);
    CHECK_TEXT(recipe.parent, cases[i].parent);
    base_recipe_done(&recipe);
  }
}

TEST(contents_are_told_honestly) {
  struct reference r;
  struct base_recipe recipe;
  CHECK_OK(reference_parse("python:3.12-slim", &r));
  CHECK(base_recipe_find(&r, NULL, NULL, &recipe));
  auto_free char *text = base_recipe_contents(&recipe);
  CHECK_TEXT(text, "Debian trixie's Python 3.13");
  base_recipe_done(&recipe);
  reference_done(&r);
}

TEST(what_stands_in_for_another_server_says_so) {
  /* clang-format off */
  static const struct { const char *reference, *caution; } cases[] = {
    {"mysql:8", "MySQL cannot open its data later"}, {"mariadb:10.6", "that one cannot open"}, {"redis:7.2", "that one cannot open"},
    {"mariadb:11", NULL}, {"redis:7", NULL}, {"postgres:17.2", NULL}, {"postgres", NULL},
  };
  /* clang-format on */
  for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
    struct reference r;
    struct base_recipe recipe, copy;
    CHECK_OK(reference_parse(cases[i].reference, &r));
    CHECK(base_recipe_find(&r, "", "", &recipe));
    base_recipe_copy(&recipe, &copy);
    if (cases[i].caution) CHECK_HAS(copy.caution, cases[i].caution);
    if (!cases[i].caution) CHECK(!copy.caution);
    base_recipe_done(&recipe);
    base_recipe_done(&copy);
    reference_done(&r);
  }
}

TEST(versions_that_there_are) {
  struct reference r;
  CHECK_OK(reference_parse("postgres:16", &r));
  auto_free char *text = base_recipe_versions(&r);
  CHECK_TEXT(text, "Postgres 15 and 17");
  CHECK(!base_recipe_is_own(&r));
  reference_done(&r);
  CHECK_OK(reference_parse("tramway/mysql:8", &r));
  auto_free char *mysql = base_recipe_versions(&r);
  CHECK_TEXT(mysql, "MariaDB 11.8");
  CHECK(base_recipe_is_own(&r));
  reference_done(&r);
  CHECK_OK(reference_parse("node:20", &r));
  CHECK(!base_recipe_versions(&r));
  reference_done(&r);
}

TEST(the_recipe_below_a_database) {
  struct reference r;
  struct base_recipe recipe, parent;
  CHECK_OK(reference_parse("postgres:15-alpine", &r));
  CHECK(base_recipe_find(&r, "", "", &recipe));
  base_recipe_parent(&recipe, &parent);
  auto_free char *key = base_recipe_key(&parent);
  CHECK_TEXT(key, "database:bookworm-alpine");
  CHECK_TEXT(parent.parent, "alpine");
  base_recipe_done(&recipe);
  base_recipe_parent(&parent, &recipe);
  CHECK_TEXT(recipe.parent, "debian");
  base_recipe_done(&recipe);
  base_recipe_done(&parent);
  reference_done(&r);
}

TEST(forced_suite_wins) {
  struct reference r;
  struct base_recipe recipe;
  CHECK_OK(reference_parse("python:3.11-slim", &r));
  CHECK(base_recipe_find(&r, "bookworm", "trixie", &recipe));
  CHECK_TEXT(recipe.suite, "trixie");
  base_recipe_done(&recipe);
  CHECK(base_recipe_find(&r, "bookworm", "../x", &recipe));
  CHECK_TEXT(recipe.suite, "bookworm");
  base_recipe_done(&recipe);
  reference_done(&r);
}

#define RELEASE(v) "\"" v "\":{\"dist\":{\"tarball\":\"http://x/" v "\",\"integrity\":\"sha512-a\"}}"

TEST(newest_release_of_a_major) {
  static const char text[] = "{\"versions\":{" RELEASE("20.9.0") "," RELEASE("20.10.0") "," RELEASE("20.11.0-rc.1") "," RELEASE("22.1.0") "}}";
  struct node_package package;
  CHECK_OK(node_release_choose(text, strlen(text), "20", &package));
  CHECK_TEXT(package.version, "20.10.0");
  CHECK_TEXT(package.url, "http://x/20.10.0");
  node_package_done(&package);
  CHECK_OK(node_release_choose(text, strlen(text), "", &package));
  CHECK_TEXT(package.version, "22.1.0");
  node_package_done(&package);
  CHECK_ERR(node_release_choose(text, strlen(text), "18", &package), ERR_NOT_FOUND, "version 18");
  CHECK_ERR(node_release_choose("{", 1, "1", &package), ERR_INVALID, "npm registry");
  static const char no_file[] = "{\"versions\":{\"1.0.0\":{}}}";
  CHECK_ERR(node_release_choose(no_file, strlen(no_file), "1", &package), ERR_CORRUPT, "no file");
}

TEST_MAIN
