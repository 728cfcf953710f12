/* Which deployment another one makes needless. */
#include "core/supersede_plan.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "tap.h"

/* "up A": an upload of snapshot A.  "again A": what a variable's change makes of it.  "image x", "head main":
 * the branch's latest commit, fetched when it is built.  "push main C", "pull main C": a pull request's commit,
 * "commit C": asked for by its name, "fetched main C": the head, when it is fetched; "redeploy C"; "back A". */
static void make(const char *text, struct deployment *d) {
  auto_strv words = STRV_EMPTY;
  strv_split(&words, text, ' ');
  const char *kind = words.items[0], *last = words.items[words.len - 1];
  *d = (struct deployment){.cause = DEPLOYMENT_CAUSE_REPO, .meta = json_object()};
  service_settings_init(&d->settings);
  d->settings.source_kind = SOURCE_REPO;
  d->settings.source_repo = str_dup("ada/web");
  if (words.len == 3 || str_eq(kind, "head")) d->settings.source_branch = str_dup(words.items[1]);
  bool by_commit = str_eq(kind, "push") || str_eq(kind, "pull") || str_eq(kind, "commit");
  if (by_commit) d->settings.source_commit = str_dup(last);
  if (by_commit || str_eq(kind, "fetched") || str_eq(kind, "redeploy")) json_set_text(d->meta, "commitHash", last);
  if (str_eq(kind, "push")) json_object_set_new(d->meta, "push", json_object());
  if (str_eq(kind, "pull")) json_object_set_new(d->meta, "prNumber", json_integer(7));
  if (str_eq(kind, "fetched") || str_eq(kind, "redeploy")) id_copy(d->snapshot_id, last);
  if (str_eq(kind, "redeploy")) id_copy(d->source_deployment_id, "another");
  if (str_eq(kind, "up") || str_eq(kind, "again") || str_eq(kind, "back")) {
    d->settings.source_kind = SOURCE_UPLOAD;
    id_copy(d->snapshot_id, last);
    d->cause = str_eq(kind, "up") ? DEPLOYMENT_CAUSE_UP
               : str_eq(kind, "again") ? DEPLOYMENT_CAUSE_VARIABLES : DEPLOYMENT_CAUSE_ROLLBACK;
  }
  if (str_eq(kind, "image")) {
    d->settings.source_kind = SOURCE_IMAGE;
    d->settings.source_image = str_dup(last);
  }
}

/* clang-format off */
static const struct { const char *older, *newer, *serving; bool contained; } rows[] = {
  /* a variable's changes, one after another */
  { "again A",      "again A",        NULL,          true },
  { "again A",      "again A",        "up A",        true },
  { "image x:1",    "image x:1",      "image x:1",   true },
  { "head main",    "fetched main C", "fetched main B", true },
  /* an upload is contained in what was made of it, and in nothing else */
  { "up A",         "again A",        "up Z",        true },
  { "up A",         "up A",           "up Z",        true },
  { "up A",         "up B",           "up Z",        false },
  { "up A",         "again B",        "up B",        false },
  { "up A",         "fetched main C", NULL,          false },
  { "again A",      "up B",           "up Z",        false }, /* nobody else has A */
  { "again A",      "up B",           "up A",        true },  /* it serves already */
  { "again A",      "up B",           NULL,          false },
  { "up A",         "redeploy C",     "up A",        true },
  /* an image that was given by hand */
  { "image x:1",    "image x:2",      NULL,          false },
  { "image x:1",    "image x:2",      "image x:1",   true },
  { "image x:1",    "up A",           "image x:0",   false },
  /* a branch */
  { "push main B",  "push main C",    NULL,          true },
  { "push main B",  "fetched main C", NULL,          true },
  { "head main",    "push main C",    NULL,          true },
  { "push main B",  "push next C",    NULL,          false },
  { "push main B",  "redeploy A",     "up A",        false },
  { "push main B",  "redeploy B",     NULL,          true },
  { "pull next B",  "pull next C",    NULL,          true },
  { "pull next B",  "head next",      NULL,          true },
  { "fetched main B", "push main C",  NULL,          true },
  /* one commit, asked for by its name */
  { "commit B",     "push main C",    NULL,          false },
  { "commit B",     "head main",      NULL,          false },
  { "commit B",     "commit B",       NULL,          true },
  { "commit B",     "fetched main B", NULL,          true },
  { "commit B",     "push main C",    "fetched main B", true },
  { "push main B",  "commit C",       NULL,          false },
  /* a rollback has the variables of then */
  { "again A",      "back A",         "up A",        false },
  { "back A",       "again A",        "up A",        false },
};
/* clang-format on */

TEST(a_source_is_contained_or_stays) {
  for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
    auto_deployment older = {0}, newer = {0}, serving = {0};
    make(rows[i].older, &older);
    make(rows[i].newer, &newer);
    if (rows[i].serving) make(rows[i].serving, &serving);
    if (supersede_contains(&newer, &older, rows[i].serving ? &serving : NULL) != rows[i].contained)
      TAP_FAIL("%s, then %s, while %s serves", rows[i].older, rows[i].newer, rows[i].serving ? rows[i].serving : "nobody");
  }
}

TEST(another_repository_is_another_source) {
  auto_deployment older = {0}, newer = {0};
  make("push main B", &older);
  make("push main C", &newer);
  str_replace_owned(&newer.settings.source_repo, "eve/web");
  CHECK(!supersede_contains(&newer, &older, NULL));
  CHECK(!supersede_contains(&newer, &older, &newer));
}

TEST_MAIN
