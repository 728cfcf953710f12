#include "model/database.h"

#include "base/mem.h"
#include "tap.h"

// clang-format off
static const struct {
  const char *image, *kind;
} images[] = {
  {"postgres", "POSTGRES"},
  {"postgres:17", "POSTGRES"},
  {"tramway/postgres:17", "POSTGRES"},
  {"ghcr.io/railwayapp-templates/postgres-ssl:17", "POSTGRES"},
  {"registry.example:5000/a/POSTGIS:16@sha256:0123", "POSTGRES"},
  {"pgvector/pgvector:pg17", "POSTGRES"},
  {"timescale/timescaledb:latest-pg16", "POSTGRES"},
  {"tramway/redis:8", "REDIS"},
  {"bitnami/redis:7.2", "REDIS"},
  {"valkey/valkey:8", "REDIS"},
  {"tramway/mariadb:11", "MYSQL"},
  {"mysql:9", "MYSQL"},
  {"mongo:7", "MONGO"},
  {"mongodb/mongodb-community-server", "MONGO"},
  {NULL, "NONE"},
  {"", "NONE"},
  {"postgres/app:1", "NONE"},
  {"registry.example/app:postgres", "NONE"},
  {"app@sha256:postgres", "NONE"},
  {"prometheuscommunity/postgres-exporter", "NONE"},
  {"postgrest/postgrest:v12", "NONE"},
  {"mongo-express", "NONE"},
  {"rediscommander/redis-commander", "NONE"},
  {"tramway/postgres-backup", "NONE"},
};
// clang-format on

TEST(the_image_says_which_database_it_is) {
  for (size_t i = 0; i < ARRAY_LEN(images); i++)
    CHECK_TEXT(database_kind_name(database_kind_of_image(images[i].image)), images[i].kind);
}

TEST(every_kind_has_its_facts) {
  for (enum database_kind kind = DATABASE_POSTGRES; kind <= DATABASE_MONGO; kind++) {
    const struct database_facts *facts = database_facts(kind);
    CHECK(facts->port > 0 && facts->label && facts->mount_path[0] == '/');
    CHECK_HAS(facts->url_variable, "_URL");
    CHECK_HAS(facts->public_url_variable, "_PUBLIC_URL");
  }
  CHECK_TEXT(database_facts(DATABASE_POSTGRES)->mount_path, "/var/lib/postgresql/data");
}

TEST_MAIN
