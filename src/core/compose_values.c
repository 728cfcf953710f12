/* Ports, health checks, commands and variables of a service. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "core/compose_internal.h"

/* ---- ports ---- */

struct port {
  long long target;
  bool udp, local; /* published to the machine itself only */
};

/* What speaks no HTTP. */
static bool is_database_port(long long port) {
  static const int ports[] = {22, 25, 1433, 1521, 1883, 2181, 3306, 4222, 5432, 5672, 6379, 9042, 9092, 11211, 26257, 27017, 33060};
  for (size_t i = 0; i < ARRAY_LEN(ports); i++)
    if (ports[i] == port) return true;
  return false;
}

static bool is_loopback(const char *host) {
  return str_starts(host, "127.") || str_eq(host, "localhost") || str_eq(host, "[::1]") || str_eq(host, "::1");
}

/* "80", "8080:80", "127.0.0.1:8080:80/tcp", "[::1]:8080:80" */
static bool read_short_port(const char *text, struct port *ret_port) {
  auto_free char *copy = str_dup(text);
  char *slash = strchr(copy, '/');
  if (slash) *slash = '\0';
  ret_port->udp = slash && !str_eq(slash + 1, "tcp");
  char *target = strrchr(copy, ':');
  if (target) *target++ = '\0';
  char *published = target ? strrchr(copy, ':') : NULL;
  if (published) *published = '\0';
  ret_port->local = published && is_loopback(copy);
  return str_to_int(target ? target : copy, 1, 65535, &ret_port->target);
}

static bool read_long_port(const struct yml *y, struct port *ret_port) {
  const char *protocol = yml_text(yml_get(y, "protocol")), *host = yml_text(yml_get(y, "host_ip"));
  ret_port->udp = protocol && !str_eq(protocol, "tcp");
  ret_port->local = host && is_loopback(host);
  return str_to_int(yml_text(yml_get(y, "target")), 1, 65535, &ret_port->target);
}

static void take_port(const struct compose_service *s, const struct port *port) {
  const json_t *networking = json_object_get(s->part, "networking");
  if (port->udp)
    compose_note(s, "port %lld/udp is left out: only TCP is public", port->target);
  else if (port->local)
    compose_note(s, "port %lld is published to this machine only: it gets no domain", port->target);
  else if (is_database_port(port->target))
    compose_note(s, "port %lld speaks no HTTP and gets no domain; the other services reach it at "
                    "%s.railway.internal:%lld, and `tram tcp-proxy create --service %s --port %lld` makes it public",
                 port->target, s->name, port->target, s->name, port->target);
  else if (networking)
    compose_note(s, "port %lld is left out: the generated domain leads to one port", port->target);
  else
    compose_put(s, "networking", "serviceDomains", json_pack("{s:{s:I}}", "<hasDomain>", "port", (json_int_t)port->target));
}

void compose_read_ports(const struct compose_service *s) {
  const struct yml *ports = yml_get(s->given, "ports");
  for (size_t i = 0; ports && i < ports->len; i++) {
    const struct yml *y = ports->items[i].value;
    struct port port = {0};
    const char *text = yml_text(y);
    if (y->kind == YML_MAP ? read_long_port(y, &port) : text && read_short_port(text, &port))
      take_port(s, &port);
    else
      compose_note(s, "the port '%s' is left out: only single ports are taken", text ? text : "?");
  }
}

/* ---- health checks ---- */

/* The path of "…http://localhost:8080/health…", or NULL. */
static char *path_of_url(const char *text) {
  const char *at = strstr(text, "http://");
  static const char *const hosts[] = {"localhost", "127.0.0.1", "0.0.0.0", "[::1]"};
  if (!at) return NULL;
  at += strlen("http://");
  for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
    if (!str_starts(at, hosts[i])) continue;
    at += strlen(hosts[i]);
    if (*at == ':') at += 1 + strspn(at + 1, "0123456789");
    size_t len = strcspn(at, " \t\n\"'|;&<>)");
    return *at == '/' ? str_ndup(at, len) : !len ? str_dup("/") : NULL;
  }
  return NULL;
}

static char *joined(const struct yml *y) {
  auto_strv words = STRV_EMPTY;
  if (y->kind == YML_SCALAR) return str_dup(y->text);
  for (size_t i = 0; i < y->len; i++) {
    const char *word = yml_text(y->items[i].value);
    strv_add(&words, word ? word : "");
  }
  return words.len ? strv_join(&words, " ") : str_dup("");
}

void compose_read_health(const struct compose_service *s) {
  const struct yml *health = yml_get(s->given, "healthcheck"), *test = yml_get(health, "test");
  if (yml_is_null(test) || yml_is_true(yml_get(health, "disable"))) return;
  auto_free char *text = joined(test), *path = path_of_url(text);
  if (str_eq(text, "NONE")) return;
  if (path)
    compose_put(s, "deploy", "healthcheckPath", json_string(path));
  else
    compose_note(s, "the healthcheck is left out, since it asks nothing by HTTP: a deployment is ready when its port "
                    "listens");
}

/* ---- commands ---- */

/* As one word of a shell. */
static void add_quoted(struct str *out, const char *word) {
  if (out->len) str_add_char(out, ' ');
  if (*word && !word[strcspn(word, " \t\n\"'\\$`&|;<>()*?[]#~{}!")]) {
    str_add(out, word);
    return;
  }
  str_add_char(out, '\'');
  for (; *word; word++) {
    if (*word == '\'')
      str_add(out, "'\\''");
    else
      str_add_char(out, *word);
  }
  str_add_char(out, '\'');
}

static void add_command(struct str *out, const struct yml *y) {
  if (yml_is_null(y)) return;
  if (y->kind == YML_SCALAR) {
    if (out->len) str_add_char(out, ' ');
    str_add(out, y->text);
  }
  for (size_t i = 0; i < y->len; i++) {
    const char *word = yml_text(y->items[i].value);
    add_quoted(out, word ? word : "");
  }
}

void compose_read_command(const struct compose_service *s) {
  const struct yml *entrypoint = yml_get(s->given, "entrypoint"), *command = yml_get(s->given, "command");
  auto_str text = STR_EMPTY;
  str_init(&text);
  add_command(&text, entrypoint);
  add_command(&text, command);
  if (!text.len) return;
  if (yml_is_null(entrypoint) && text.data[0] == '-') {
    compose_note(s, "the command '%s' is left out: it is arguments for the image's entrypoint, whose name is needed here; "
                    "set the start command", str_text(&text));
    return;
  }
  if (yml_is_null(entrypoint) && yml_text(yml_get(s->given, "image")))
    compose_note(s, "the command is run in the place of the image's entrypoint, too: write that in front if it matters");
  compose_put(s, "deploy", "startCommand", json_string(str_text(&text)));
}

/* ---- variables ---- */

static void set_variable(const struct compose_service *s, const char *name, const char *value) {
  json_t *variables = json_object_get(s->part, "variables");
  if (!variables) json_object_set_new(s->part, "variables", variables = json_object());
  json_object_set_new(variables, name, json_pack("{s:s}", "value", value));
}

/* NAME without a value is taken from where the file is read, as compose does. */
static void pass_variable(const struct compose_service *s, const char *name) {
  const struct compose_input *input = s->reading->input;
  const char *value = input->get_env(input->arg, name);
  if (value)
    set_variable(s, name, value);
  else
    compose_note(s, "the variable %s is left out: it has no value here", name);
}

static void read_pair(const struct compose_service *s, const char *pair) {
  size_t len = strcspn(pair, "=");
  auto_free char *name = str_ndup(pair, len);
  if (pair[len])
    set_variable(s, name, pair + len + 1);
  else
    pass_variable(s, name);
}

static void read_own(const struct compose_service *s, const struct yml *environment) {
  for (size_t i = 0; i < environment->len; i++) {
    const struct yml_item *item = &environment->items[i];
    const char *text = yml_text(item->value);
    if (environment->kind == YML_LIST && text)
      read_pair(s, text);
    else if (environment->kind == YML_MAP && text)
      set_variable(s, item->key, text);
    else if (environment->kind == YML_MAP && yml_is_null(item->value))
      pass_variable(s, item->key);
    else
      compose_refuse(s, item->line, "environment: a value must be text");
  }
}

static err *read_env_file(const struct compose_service *s, const struct yml *y) {
  const struct compose_input *input = s->reading->input;
  bool is_map = y->kind == YML_MAP;
  const char *path = yml_text(is_map ? yml_get(y, "path") : y);
  auto_json *variables = NULL;
  if (!path) return err_new(ERR_INVALID, "%s, line %d: env_file must name a file", input->file, y->line);
  err *e = input->read_env(input->arg, path, &variables);
  if (e && err_code_of(e) == ERR_NOT_FOUND && is_map && str_eq(yml_text(yml_get(y, "required")), "false")) {
    err_ignore(e);
    return NULL;
  }
  TRY(err_wrap(e, "service '%s': env_file '%s'", s->name, path));
  const char *name;
  json_t *value;
  json_object_foreach(variables, name, value) set_variable(s, name, json_string_value(value));
  return NULL;
}

err *compose_read_environment(const struct compose_service *s) {
  const struct yml *file = yml_get(s->given, "env_file"), *own = yml_get(s->given, "environment");
  if (file && file->kind != YML_LIST) TRY(read_env_file(s, file));
  for (size_t i = 0; file && file->kind == YML_LIST && i < file->len; i++) TRY(read_env_file(s, file->items[i].value));
  if (own) read_own(s, own);
  return NULL;
}
