/* The input is a source: files as "name\n<text>\f", any bytes.  A plan is a Dockerfile that parses. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "build/dockerfile.h"
#include "build/plan.h"

struct files {
  struct strv names, texts;
};

static const char *find(const struct files *f, const char *path) {
  for (size_t i = 0; i < f->names.len; i++)
    if (str_eq(f->names.items[i], path)) return f->texts.items[i];
  return NULL;
}

static bool is_file(void *arg, const char *path) {
  return find(arg, path) != NULL;
}

static bool is_folder(void *arg, const char *path) {
  (void)arg;
  return str_eq(path, "vendor");
}

static err *read_text(void *arg, const char *path, struct str *ret_text) {
  str_add(ret_text, find(arg, path));
  return NULL;
}

static void list(void *arg, const char *path, struct strv *ret_names) {
  const struct files *f = arg;
  if (!*path) strv_add_all(ret_names, (const char *const *)f->names.items);
}

static void split(const char *data, size_t size, struct files *f) {
  auto_free char *text = str_ndup(data, size);
  auto_strv parts = STRV_EMPTY;
  strv_split(&parts, text, '\f');
  for (size_t i = 0; i < parts.len; i++) {
    char *newline = strchr(parts.items[i], '\n');
    if (newline) *newline = '\0';
    strv_add(&f->names, parts.items[i]);
    strv_add(&f->texts, newline ? newline + 1 : "");
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size > 65536) return 0;
  struct files files = {0};
  split((const char *)data, size, &files);
  struct source_view view = {is_file, is_folder, read_text, list, &files};
  struct plan_request request = {.source = &view, .service_id = "svc"};
  struct plan plan;
  err *e = plan_make(&request, &plan);
  if (!e) {
    auto_dockerfile *file = NULL;
    err *bad = dockerfile_parse(plan.dockerfile, strlen(plan.dockerfile), NULL, &file);
    if (bad) abort();
    auto_free char *text = plan_print(&plan);
    if (!strstr(text, plan.dockerfile)) abort();
    plan_done(&plan);
  }
  err_ignore(e);
  strv_done(&files.names);
  strv_done(&files.texts);
  return 0;
}
