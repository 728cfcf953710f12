#include "observe/log_store.h"

#include <fcntl.h>
#include <unistd.h>

#include "../source/scratch.h"
#include "observe/log_line.h"
#include "observe/log_reader.h"
#include "observe/log_text.h"
#include "tap.h"

#define SECOND INT64_C(1000000000)
#define START (1795216671 * SECOND)

struct fixture {
  char *scratch, *logs;
  loop *loop;
  log_store *store;
};

static void setup(struct fixture *f) {
  f->scratch = scratch_new();
  f->logs = path_join(f->scratch, "logs");
  f->loop = loop_new();
  CHECK_OK(log_store_new(f->loop, f->logs, &f->store));
}

static void teardown(struct fixture *f) {
  log_store_free(f->store);
  loop_free(f->loop);
  free(f->logs);
  scratch_cleanup_(&f->scratch);
}

static void append_text(const char *path, const void *data, size_t len) {
  auto_fd fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || write(fd, data, len) != (ssize_t)len) abort();
}

/* Writes a line as conmon does. */
static void conmon_line(struct fixture *f, const char *instance, int64_t time_ns,
                        const char *text) {
  char *path;
  CHECK_OK(log_store_instance_path(f->store, "dep", instance, &path));
  auto_str line = STR_EMPTY;
  log_line_add(&line, time_ns, false, text, strlen(text));
  append_text(path, line.data, line.len);
  free(path);
}

static void raw_text(struct fixture *f, const char *instance, const char *text) {
  char *path;
  CHECK_OK(log_store_instance_path(f->store, "dep", instance, &path));
  append_text(path, text, strlen(text));
  free(path);
}

/* "message|message|…" with checks of what holds for all entries. */
struct gathered {
  struct str text;
  int64_t last_ns, first_ns;
  int count;
};

static void gather(void *arg, const struct log_entry *entry) {
  struct gathered *g = arg;
  if (entry->time_ns <= g->last_ns) abort();
  if (!g->count++) g->first_ns = entry->time_ns;
  g->last_ns = entry->time_ns;
  if (g->text.len) str_add_char(&g->text, '|');
  if (!str_eq(entry->severity, "info")) str_addf(&g->text, "%s:", entry->severity);
  if (!str_empty(entry->instance_id)) str_addf(&g->text, "%s:", entry->instance_id);
  str_add(&g->text, entry->message);
  str_add(&g->text, entry->attributes);
}

#define auto_gathered __attribute__((cleanup(gathered_done))) struct gathered
static void gathered_done(struct gathered *g) {
  str_done(&g->text);
}

static const char *query(struct fixture *f, struct gathered *g, struct log_query q) {
  str_done(&g->text);
  *g = (struct gathered){0};
  if (!q.deployment_id) q.deployment_id = "dep";
  if (!q.limit) q.limit = 100;
  CHECK_OK(log_store_query(f->store, &q, gather, g));
  return str_text(&g->text);
}

TEST(build_lines_come_back_in_order_with_strictly_increasing_times) {
  struct fixture f;
  auto_gathered g = {0};
  setup(&f);
  for (int i = 0; i < 50; i++) {
    auto_free char *text = str_format("line %d", i);
    CHECK_OK(log_store_add_build_line(f.store, "dep", i % 10 ? "info" : "error", text));
  }
  CHECK_TEXT(query(&f, &g, (struct log_query){.kind = LOG_BUILD, .limit = 3}),
             "line 47|line 48|line 49");
  query(&f, &g, (struct log_query){.kind = LOG_BUILD});
  CHECK_INT(g.count, 50);
  CHECK(str_starts(str_text(&g.text), "error:line 0|line 1|"));
  CHECK_OK(log_store_add_build_line(f.store, "dep", "info", "two\nlines\n"));
  CHECK_OK(log_store_add_build_line(f.store, "dep", "info", ""));
  CHECK_TEXT(query(&f, &g, (struct log_query){.kind = LOG_BUILD, .limit = 3}), "two|lines|");
  CHECK_TEXT(query(&f, &g, (struct log_query){.kind = LOG_DEPLOY}), "");
  CHECK_TEXT(query(&f, &g, (struct log_query){.kind = LOG_BUILD, .deployment_id = "other"}), "");
  teardown(&f);
}

TEST(instances_and_the_platform_are_merged_by_time) {
  struct fixture f;
  auto_gathered g = {0};
  setup(&f);
  conmon_line(&f, "a", START + 1 * SECOND, "1");
  conmon_line(&f, "b", START + 2 * SECOND, "2");
  conmon_line(&f, "a", START + 3 * SECOND, "3");
  conmon_line(&f, "b", START + 3 * SECOND, "same time");
  conmon_line(&f, "b", START + 4 * SECOND, "{\"message\":\"4\",\"level\":\"warn\",\"k\":1}");
  CHECK_OK(log_store_add_deploy_line(f.store, "dep", "error", "Stopping Container"));
  struct log_query all = {.kind = LOG_DEPLOY, .before_ns = START + 10 * SECOND};
  CHECK_TEXT(query(&f, &g, all), "a:1|b:2|a:3|b:same time|warn:b:4{\"k\":1}");
  all.limit = 2;
  CHECK_TEXT(query(&f, &g, all), "b:same time|warn:b:4{\"k\":1}");
  CHECK_HAS(query(&f, &g, (struct log_query){.kind = LOG_DEPLOY}), "error:Stopping Container");
  struct log_query bounded = {
      .kind = LOG_DEPLOY, .after_ns = START + SECOND, .before_ns = START + 3 * SECOND};
  CHECK_TEXT(query(&f, &g, bounded), "b:2");
  struct log_query filtered = {.kind = LOG_DEPLOY, .filter = "replica:a OR @k:>0"};
  CHECK_TEXT(query(&f, &g, filtered), "a:1|a:3|warn:b:4{\"k\":1}");
  teardown(&f);
}

TEST(partial_lines_are_joined_by_stream) {
  struct fixture f;
  auto_gathered g = {0};
  setup(&f);
  raw_text(&f, "a", "2026-11-20T23:00:00.000000001+00:00 stdout P one, \n"
                    "2026-11-20T23:00:00.000000001+00:00 stderr F err\n"
                    "2026-11-20T23:00:00.000000001+00:00 stdout P two, \n"
                    "torn by a power loss\n"
                    "\n"
                    "2026-11-20T23:00:00.000000001+00:00 stdout F three\n"
                    "2026-11-20T23:00:00.000000001+00:00 stdout F four\n"
                    "2026-11-20T23:00:01.000000001+00:00 stdout P Password: \n"
                    "2026-11-20T23:00:02.000000001+00:00 stdout F half a li");
  CHECK_TEXT(query(&f, &g, (struct log_query){.kind = LOG_DEPLOY}),
             "error:a:err|a:one, two, three|a:four|a:Password: ");
  teardown(&f);
}

TEST(lines_that_are_too_long_are_cut) {
  struct fixture f;
  auto_gathered g = {0};
  setup(&f);
  auto_str line = STR_EMPTY;
  for (int i = 0; i < 100; i++) { /* in pieces, as conmon writes it */
    str_add(&line, "2026-11-20T23:00:00.000000001+00:00 stdout P ");
    for (int j = 0; j < 8000; j++) str_add_char(&line, 'x');
    str_add(&line, "\n");
  }
  str_add(&line, "2026-11-20T23:00:00.000000001+00:00 stdout F end\n");
  str_add(&line, "2026-11-20T23:00:01.000000001+00:00 stdout F ");
  for (int j = 0; j < 600000; j++) str_add_char(&line, 'y'); /* at once, longer than a read */
  str_add(&line, "\n2026-11-20T23:00:02.000000001+00:00 stdout F after\n");
  raw_text(&f, "a", str_text(&line));
  const char *text = query(&f, &g, (struct log_query){.kind = LOG_DEPLOY});
  CHECK_INT(g.count, 3);
  CHECK_INT(strlen(text), 2 * (LOG_TEXT_MAX + strlen(LOG_TEXT_CUT_MARK)) + 3 * 2 + 5 + 2);
  CHECK_HAS(text, "x" LOG_TEXT_CUT_MARK "|a:yyy");
  CHECK(str_ends(text, "y" LOG_TEXT_CUT_MARK "|a:after"));
  teardown(&f);
}

/* 300,000 lines, 10 per microsecond: many with the same time. */
static void write_large(struct fixture *f) {
  auto_str out = STR_EMPTY;
  for (int i = 0; i < 300000; i++) {
    auto_free char *text = str_format("line %d%s", i, i % 1000 ? "" : " marked");
    log_line_add(&out, START + i / 10 * 1000, false, text, strlen(text));
  }
  raw_text(f, "a", str_text(&out));
}

TEST(the_tail_of_a_large_file_is_quick_and_paging_is_exact) {
  struct fixture f;
  auto_gathered g = {0};
  setup(&f);
  write_large(&f);
  long long begin = tap_cpu_ms();
  CHECK_TEXT(query(&f, &g, (struct log_query){.kind = LOG_DEPLOY, .limit = 2}),
             "a:line 299998|a:line 299999");
  CHECK(tap_cpu_ms() - begin < 200);
  /* back through all of it in pages: every line once */
  int64_t before_ns = 0;
  int expected = 299999, pages = 0;
  while (expected >= 0) {
    query(&f, &g, (struct log_query){.kind = LOG_DEPLOY, .limit = 5000, .before_ns = before_ns});
    CHECK_INT(g.count, 5000);
    auto_free char *first = str_format("a:line %d", expected - 4999);
    auto_free char *last = str_format("a:line %d", expected);
    if (expected % 1000) CHECK(str_ends(str_text(&g.text), last));
    CHECK(str_starts(str_text(&g.text), first));
    before_ns = g.first_ns;
    expected -= 5000;
    pages++;
  }
  CHECK_INT(pages, 60);
  CHECK_TEXT(query(&f, &g, (struct log_query){.kind = LOG_DEPLOY, .before_ns = before_ns}), "");
  query(&f, &g, (struct log_query){.kind = LOG_DEPLOY, .limit = 5000, .filter = "marked"});
  CHECK_INT(g.count, 300);
  query(
      &f, &g,
      (struct log_query){.kind = LOG_DEPLOY, .limit = 5000, .after_ns = START + 29999 * 1000 - 1});
  CHECK_INT(g.count, 10);
  teardown(&f);
}

TEST(bad_questions) {
  struct fixture f;
  setup(&f);
  static const struct {
    struct log_query query;
    const char *message;
  } table[] = {
      {{.deployment_id = "dep", .limit = 0}, "limit is 1 to 5000"},
      {{.deployment_id = "dep", .limit = 5001}, "limit is 1 to 5000"},
      {{.deployment_id = "../x", .limit = 1}, "no deployment id"},
      {{.deployment_id = "", .limit = 1}, "no deployment id"},
      {{.deployment_id = "dep", .limit = 1, .filter = "(a"}, "filter: at character 3"},
  };
  for (size_t i = 0; i < ARRAY_LEN(table); i++)
    CHECK_ERR(log_store_query(f.store, &table[i].query, gather, NULL), ERR_INVALID,
              table[i].message);
  char *path;
  CHECK_ERR(log_store_instance_path(f.store, "dep", "a/b", &path), ERR_INVALID, "no instance id");
  CHECK_ERR(log_store_instance_path(f.store, "dep", "platform", &path), ERR_INVALID,
            "no instance id");
  CHECK_ERR(log_store_add_build_line(f.store, ".", "info", "x"), ERR_INVALID, "no deployment id");
  teardown(&f);
}

TEST(many_build_logs_share_few_descriptors_and_reopened_ones_go_on) {
  struct fixture f;
  auto_gathered g = {0};
  setup(&f);
  for (int round = 0; round < 2; round++)
    for (int i = 0; i < 100; i++) {
      auto_free char *id = str_format("dep-%d", i);
      CHECK_OK(log_store_add_build_line(f.store, id, "info", round ? "second" : "first"));
    }
  CHECK_TEXT(query(&f, &g, (struct log_query){.kind = LOG_BUILD, .deployment_id = "dep-7"}),
             "first|second");
  auto_fd probe = open("/dev/null", O_RDONLY | O_CLOEXEC);
  CHECK(probe < 80);
  teardown(&f);
}

TEST(a_torn_last_line_is_ended_first) {
  struct fixture f;
  auto_gathered g = {0};
  setup(&f);
  auto_free char *path = path_join(f.logs, "build/dep.log");
  append_text(path, "2099-11-20T23:00:00.000000001+00:00 stdout F whole\n2099-11-20T23:", 65);
  CHECK_OK(log_store_add_build_line(f.store, "dep", "info", "next"));
  CHECK_TEXT(query(&f, &g, (struct log_query){.kind = LOG_BUILD}), "whole|next");
  teardown(&f);
}

TEST(removing) {
  struct fixture f;
  auto_gathered g = {0};
  setup(&f);
  conmon_line(&f, "a", START, "x");
  CHECK_OK(log_store_add_deploy_line(f.store, "dep", "info", "y"));
  CHECK_OK(log_store_add_build_line(f.store, "dep", "info", "z"));
  CHECK_OK(log_store_remove(f.store, "dep"));
  CHECK_OK(log_store_remove(f.store, "dep"));
  CHECK_TEXT(query(&f, &g, (struct log_query){.kind = LOG_DEPLOY}), "");
  CHECK_OK(log_store_add_build_line(f.store, "dep", "info", "again"));
  CHECK_TEXT(query(&f, &g, (struct log_query){.kind = LOG_BUILD}), "again");
  teardown(&f);
}

/* ---- secrets ---- */

#define SECRET "hunter2-hunter2"

static err *know_secrets(void *arg, const char *deployment_id, redactor **ret_redactor) {
  (void)arg;
  if (!str_eq(deployment_id, "dep")) return err_new(ERR_IO, "unknown");
  *ret_redactor = redactor_new();
  redactor_add(*ret_redactor, "KEY", SECRET);
  redactor_ready(*ret_redactor);
  return NULL;
}

TEST(secrets_are_neither_shown_nor_found_nor_written) {
  struct fixture f;
  setup(&f);
  log_store_set_redaction(f.store, know_secrets, NULL);
  conmon_line(&f, "i", START, "key " SECRET ".");
  conmon_line(&f, "i", START + SECOND, "{\"message\":\"in " SECRET "\",\"key\":\"" SECRET "\"}");
  conmon_line(&f, "i", START + 2 * SECOND, "colour hunter2-\x1b[1mhunter2");
  raw_text(&f, "i", "2026-11-21T06:00:00.000000001+00:00 stdout P split hunter2-h\n"
                    "2026-11-21T06:00:00.000000001+00:00 stdout F unter2\n");
  CHECK_OK(log_store_add_deploy_line(f.store, "dep", "info", "ours\n" SECRET));
  CHECK_OK(log_store_add_build_line(f.store, "dep", "info", "built with " SECRET));
  auto_gathered all = {0}, none = {0};
  struct log_query query = {.kind = LOG_DEPLOY, .deployment_id = "dep", .limit = 100};
  CHECK_OK(log_store_query(f.store, &query, gather, &all));
  CHECK(!strstr(str_text(&all.text), "hunter2-h"));
  CHECK_HAS(str_text(&all.text), "i:key [redacted KEY].|");
  CHECK_HAS(str_text(&all.text), "in [redacted KEY]{\"key\":\"[redacted KEY]\"}");
  CHECK_HAS(str_text(&all.text), "colour [redacted KEY]");
  CHECK_HAS(str_text(&all.text), "split [redacted KEY]");
  query.filter = "\"" SECRET "\"";
  CHECK_OK(log_store_query(f.store, &query, gather, &none));
  CHECK_INT(none.count, 0);
  auto_free char *build = path_join(f.logs, "build/dep.log"), *ours = path_join(f.logs, "deploy/dep/platform.log");
  auto_str written = STR_EMPTY;
  CHECK_OK(file_read(build, 1 << 20, &written));
  CHECK_OK(file_read(ours, 1 << 20, &written));
  CHECK(!strstr(written.data, "hunter2"));
  query.deployment_id = "other";
  CHECK_ERR(log_store_query(f.store, &query, gather, &none), ERR_IO, "unknown");
  teardown(&f);
}

TEST_MAIN
