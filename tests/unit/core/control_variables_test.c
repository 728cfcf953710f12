#include "core/control_variables.h"

#include "base/json.h"
#include "base/mem.h"
#include "tap.h"

/* clang-format off */
static const struct row { const char *name, *value; int64_t overlap, draining, timeout; const char *dockerfile; } rows[] = {
  { "OTHER",                               "1",      2, 3, 300, NULL },
  { "RAILWAY_DEPLOYMENT_OVERLAP_SECONDS",  "20",    20, 3, 300, NULL },
  { "RAILWAY_DEPLOYMENT_OVERLAP_SECONDS",  "0",      0, 3, 300, NULL },
  { "RAILWAY_DEPLOYMENT_OVERLAP_SECONDS",  "-1",     2, 3, 300, NULL },
  { "RAILWAY_DEPLOYMENT_OVERLAP_SECONDS",  "99999",  2, 3, 300, NULL },
  { "RAILWAY_DEPLOYMENT_DRAINING_SECONDS", "30",     2, 30, 300, NULL },
  { "RAILWAY_DEPLOYMENT_DRAINING_SECONDS", "30s",    2, 3, 300, NULL },
  { "RAILWAY_HEALTHCHECK_TIMEOUT_SEC",     "60",     2, 3, 60, NULL },
  { "RAILWAY_HEALTHCHECK_TIMEOUT_SEC",     "0",      2, 3, 300, NULL },
  { "RAILWAY_DOCKERFILE_PATH",             "a/b",    2, 3, 300, "a/b" },
  { "RAILWAY_DOCKERFILE_PATH",             "",       2, 3, 300, NULL },
};
/* clang-format on */

TEST(variables_that_are_settings) {
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_service_settings s;
    auto_json *variables = json_pack("{s:s}", rows[i].name, rows[i].value);
    service_settings_init(&s);
    s.overlap_s = 2;
    s.draining_s = 3;
    control_variables_apply(variables, &s);
    CHECK_INT(s.overlap_s, rows[i].overlap);
    CHECK_INT(s.draining_s, rows[i].draining);
    CHECK_INT(s.healthcheck_timeout_s, rows[i].timeout);
    CHECK_TEXT(s.dockerfile_path, rows[i].dockerfile);
  }
}

TEST(the_setting_of_a_dockerfile_wins) {
  auto_service_settings s;
  auto_json *variables = json_pack("{s:s}", "RAILWAY_DOCKERFILE_PATH", "from/variable");
  service_settings_init(&s);
  s.dockerfile_path = str_dup("from/setting");
  control_variables_apply(variables, &s);
  CHECK_TEXT(s.dockerfile_path, "from/setting");
}

TEST_MAIN
