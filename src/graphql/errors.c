#include "graphql/errors.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

/* JSON holds UTF-8 only.  A message may quote a text that was cut within a character, or what some
 * program printed: then what is not ASCII in it becomes '?'. */
static json_t *message_json(const char *message) {
  json_t *text = json_string(message);
  if (text) return text;
  auto_free char *ascii = str_dup(message);
  for (char *c = ascii; *c; c++)
    if ((unsigned char)*c >= 0x80) *c = '?';
  return json_string(ascii);
}

json_t *graphql_error_object(enum err_code code, const char *message,
                             const struct graphql_location *at, json_t *path) {
  json_t *error = json_object();
  json_object_set_new(error, "message", message_json(message));
  if (at)
    json_object_set_new(
        error, "locations",
        json_pack("[{s:I, s:I}]", "line", (json_int_t)at->line, "column", (json_int_t)at->column));
  if (path) json_object_set_new(error, "path", path);
  json_object_set_new(error, "extensions", json_pack("{s:s}", "code", err_code_name(code)));
  return error;
}

void graphql_errors_add_err(struct graphql_errors *errors, err *e,
                            const struct graphql_location *at, json_t *path) {
  if (json_array_size(errors->list) < errors->max)
    json_array_append_new(errors->list,
                          graphql_error_object(err_code_of(e), err_message(e), at, path));
  else
    json_decref(path);
  err_free(e);
}

void graphql_errors_add(struct graphql_errors *errors, enum err_code code,
                        const struct graphql_location *at, json_t *path, const char *format, ...) {
  va_list args;
  va_start(args, format);
  auto_free char *message = str_vformat(format, args);
  va_end(args);
  graphql_errors_add_err(errors, err_new(code, "%s", message), at, path);
}
