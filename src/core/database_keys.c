/* The keys of Redis and Valkey, as the data view shows them. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "core/database_private.h"
#include "core/database_redis.h"

/* ---- pages of keys ---- */

/* "TYPE", "PTTL" and "MEMORY USAGE" of a key: lines at, at + 1 and at + 2. */
static json_t *key_told(const char *key, const json_t *lines, size_t at) {
  const json_t *type = json_array_get(json_array_get(lines, at), 0), *ttl = json_array_get(json_array_get(lines, at + 1), 0),
               *bytes = json_array_get(json_array_get(lines, at + 2), 0);
  return json_pack("{s:s, s:O?, s:o, s:O?}", "key", key, "type", type, "ttlMs",
                   json_integer_value(ttl) >= 0 ? json_incref((json_t *)ttl) : json_null(), "bytes", bytes);
}

static void end_keys(struct database_look *look, json_t *keys) {
  const char *cursor = look->argument;
  bool is_last = str_eq(cursor, "0");
  database_look_end(look, NULL, json_pack("{s:o, s:o}", "keys", keys, "cursor", is_last ? json_null() : json_string(cursor)));
}

static err *take_details(struct database_look *look, const char *output) {
  auto_json *lines = NULL;
  TRY(redis_lines_read(output, &lines));
  json_t *keys = json_array(), *key;
  size_t i;
  json_array_foreach(look->columns, i, key) {
    json_t *told = key_told(json_string_value(key), lines, i * 3);
    bool is_gone = str_eq(json_get_text(told, "type"), "none"); /* since the page was read */
    if (is_gone)
      json_decref(told);
    else
      json_array_append_new(keys, told);
  }
  end_keys(look, keys);
  return NULL;
}

static void add_questions(struct str *commands, const char *argument) {
  str_addf(commands, "%sTYPE %s\nPTTL %s\nMEMORY USAGE %s SAMPLES 0", commands->len ? "\n" : "", argument, argument, argument);
}

/* SCAN answers with as many as it likes: at most some more than were asked for. */
static err *take_page(struct database_look *look, const char *output) {
  auto_json *lines = NULL;
  auto_str commands = STR_EMPTY;
  TRY(redis_lines_read(output, &lines));
  json_t *page = json_array_get(lines, 0), *value;
  size_t i;
  look->argument = str_dup(json_string_value(json_array_get(page, 0)));
  if (!look->argument) return err_new(ERR_CORRUPT, "the database gave no cursor");
  look->columns = json_array();
  json_array_foreach(page, i, value) {
    auto_free char *argument = NULL;
    if (i == 0 || !json_is_string(value)) continue;
    auto_err *too_long = redis_argument(json_string_value(value), &argument);
    if (too_long) continue; /* it could not be asked for either */
    json_array_append(look->columns, value);
    add_questions(&commands, argument);
  }
  if (!json_array_size(look->columns))
    end_keys(look, json_array());
  else
    database_look_ask(look, str_text(&commands), take_details);
  return NULL;
}

err *core_database_keys(core *c, const struct database_place *place, const struct core_database_keys *q,
                        database_view_fn *done, void *arg) {
  struct database_look *look = NULL;
  auto_free char *pattern = NULL;
  const char *cursor = q->cursor ? q->cursor : "0";
  if (!*cursor || strlen(cursor) > 20 || strspn(cursor, "0123456789") != strlen(cursor))
    return err_new(ERR_INVALID, "that is no cursor of a former page");
  if (q->limit < 1 || q->limit > REDIS_KEYS_MAX) return err_new(ERR_INVALID, "the limit is not within 1 and %d", REDIS_KEYS_MAX);
  TRY(redis_argument(q->pattern ? q->pattern : "*", &pattern));
  TRY(database_look_open(c, place, false, done, arg, &look));
  auto_free char *command = str_format("SCAN %s MATCH %s COUNT %lld", cursor, pattern, (long long)q->limit);
  database_look_ask(look, command, take_page);
  return NULL;
}

/* ---- one key ---- */

static err *take_value(struct database_look *look, const char *output) {
  auto_json *lines = NULL;
  TRY(redis_lines_read(output, &lines));
  const json_t *length = json_array_get(json_array_get(lines, 0), 0);
  json_object_set_new(look->value, "length", json_is_integer(length) ? json_incref((json_t *)length) : json_null());
  json_object_set_new(look->value, "entries", redis_entries(json_get_text(look->value, "type"), json_array_get(lines, 1)));
  database_look_end(look, NULL, json_incref(look->value));
  return NULL;
}

static err *take_kind(struct database_look *look, const char *output) {
  auto_json *lines = NULL;
  TRY(redis_lines_read(output, &lines));
  look->value = key_told(look->table, lines, 0);
  const char *type = json_get_text(look->value, "type");
  if (!type || str_eq(type, "none")) return err_new(ERR_NOT_FOUND, "there is no key '%.200s'", look->table);
  auto_free char *commands = redis_show(type, look->argument);
  if (!commands) { /* of a module: its elements are unknown */
    json_object_set_new(look->value, "length", json_null());
    json_object_set_new(look->value, "entries", json_array());
    database_look_end(look, NULL, json_incref(look->value));
  } else {
    database_look_ask(look, commands, take_value);
  }
  return NULL;
}

err *core_database_key(core *c, const struct database_place *place, const char *key, database_view_fn *done, void *arg) {
  struct database_look *look = NULL;
  auto_free char *argument = NULL;
  auto_str commands = STR_EMPTY;
  TRY(redis_argument(key, &argument));
  TRY(database_look_open(c, place, false, done, arg, &look));
  look->table = str_dup(key);
  look->argument = str_dup(argument);
  add_questions(&commands, argument);
  database_look_ask(look, str_text(&commands), take_kind);
  return NULL;
}
