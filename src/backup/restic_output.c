#include "backup/restic_output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void restic_output_init(struct restic_output *o) {
  *o = (struct restic_output){0};
}

void restic_output_done(struct restic_output *o) {
  str_done(&o->line);
  json_decref(o->answer);
  free(o->first_error);
  *o = (struct restic_output){0};
}

/* {"message_type":"error","error":{"Op":"open","Path":"…","Err":2},"during":"archival","item":"/x"}; of
 * what is no system call's failure "error" is {} or has a message. */
static void take_error(struct restic_output *o, const json_t *line) {
  const json_t *error = json_object_get(line, "error");
  int64_t number = json_get_int(error, "Err", 0);
  const char *item = json_get_text(line, "item"), *message = json_get_text(error, "message");
  o->errors++;
  if (number == ENOENT) o->vanished++;
  if (number == ENOENT || o->first_error || o->errors > RESTIC_ERRORS_MAX) return;
  o->first_error = str_format("%s: %s", item ? item : "a file",
                              message ? message : number > 0 && number < 200 ? strerror((int)number) : "cannot be read");
}

/* {"message_type":"status","total_bytes":…,"bytes_done":…,…}: the total is that of what was counted so far. */
static void take_status(struct restic_output *o, const json_t *line) {
  int64_t total = json_get_int(line, "total_bytes", 0), done = json_get_int(line, "bytes_done", 0);
  o->bytes = total > done ? total : done;
}

/* What is no JSON is for people, and stands in the tail of standard error too. */
static void take_line(struct restic_output *o, const char *text, size_t len) {
  auto_json *line = NULL;
  if (!len || (*text != '{' && *text != '[')) return;
  err *e = json_parse(text, len, "restic", &line);
  if (e) {
    err_ignore(e);
    return;
  }
  const char *type = json_get_text(line, "message_type");
  if (type && str_eq(type, "error")) take_error(o, line);
  if (type && str_eq(type, "status")) take_status(o, line);
  if (type && !str_eq(type, "summary")) return;
  json_decref(o->answer);
  o->answer = json_incref(line);
}

void restic_output_feed(struct restic_output *o, const char *data, size_t len) {
  while (len) {
    const char *end = memchr(data, '\n', len);
    size_t part = end ? (size_t)(end - data) : len;
    if (!o->skipping && o->line.len + part > RESTIC_LINE_MAX) o->skipping = true;
    if (!o->skipping) str_add_bytes(&o->line, data, part);
    if (!end) break;
    if (!o->skipping) take_line(o, str_text(&o->line), o->line.len);
    str_clear(&o->line);
    o->skipping = false;
    data = end + 1;
    len -= part + 1;
  }
}

void restic_output_end(struct restic_output *o) {
  if (!o->skipping) take_line(o, str_text(&o->line), o->line.len);
  str_clear(&o->line);
}
