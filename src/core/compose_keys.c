/* Which keys of a service are taken, refused, or left out. */
#include <string.h>

#include "base/mem.h"
#include "core/compose_internal.h"

enum treatment {
  TAKEN,
  REFUSED, /* would open the host, or another container, to the app */
  QUIET,   /* has no meaning here */
  TOLD,    /* left out, and said so */
};

/* clang-format off */
static const struct {
  const char *key;
  enum treatment treatment;
  const char *words;
} keys[] = {
  { "image",        TAKEN, NULL }, { "build",       TAKEN, NULL }, { "command",   TAKEN, NULL },
  { "entrypoint",   TAKEN, NULL }, { "environment", TAKEN, NULL }, { "env_file",  TAKEN, NULL },
  { "ports",        TAKEN, NULL }, { "healthcheck", TAKEN, NULL }, { "restart",   TAKEN, NULL },
  { "depends_on",   TAKEN, NULL }, { "deploy",      TAKEN, NULL }, { "volumes",   TAKEN, NULL },
  { "scale",        TAKEN, NULL }, { "mem_limit",   TAKEN, NULL }, { "cpus",      TAKEN, NULL },
  { "stop_grace_period", TAKEN, NULL },

  { "privileged",          REFUSED, "would give the app the rights of the host's root" },
  { "network_mode",        REFUSED, "would put the app into another network than its environment's" },
  { "pid",                 REFUSED, "would show the app processes that are not its own" },
  { "ipc",                 REFUSED, "would share memory with what is not the app's own" },
  { "uts",                 REFUSED, "would share the host's name" },
  { "userns_mode",         REFUSED, "would take away the app's user namespace" },
  { "cgroup",              REFUSED, "would show the app the host's control groups" },
  { "cgroup_parent",       REFUSED, "would take the app out of its limits" },
  { "devices",             REFUSED, "would give the app devices of the host" },
  { "device_cgroup_rules", REFUSED, "would give the app devices of the host" },
  { "gpus",                REFUSED, "would give the app devices of the host" },
  { "cap_add",             REFUSED, "would give the app rights of the kernel" },
  { "security_opt",        REFUSED, "would take protection away" },
  { "sysctls",             REFUSED, "would change settings of the kernel" },
  { "volumes_from",        REFUSED, "would mount another container's files" },
  { "extends",             REFUSED, "is not available: write out what it stands for" },
  { "runtime",             REFUSED, "would run the app with another runtime" },
  { "credential_spec",     REFUSED, "is not available" },
  { "use_api_socket",      REFUSED, "would give the app the container engine" },

  { "container_name", QUIET, NULL }, { "labels",     QUIET, NULL }, { "annotations", QUIET, NULL },
  { "expose",         QUIET, NULL }, { "networks",   QUIET, NULL }, { "init",        QUIET, NULL },
  { "logging",        QUIET, NULL }, { "stdin_open", QUIET, NULL }, { "tty",         QUIET, NULL },
  { "pull_policy",    QUIET, NULL }, { "platform",   QUIET, NULL }, { "links",       QUIET, NULL },
  { "cap_drop",       QUIET, NULL }, { "attach",     QUIET, NULL }, { "develop",     QUIET, NULL },
  { "hostname",       TOLD, "the service is reached by its own name" },
  { "profiles",       TOLD, "the service is taken whatever the profile" },
  { "secrets",        TOLD, "use a sealed variable" },
  { "configs",        TOLD, "use a variable, or a file in the image" },
  { "user",           TOLD, "set the variable RAILWAY_RUN_UID" },
};
/* clang-format on */

/* privileged: false, pid: "" and devices: [] ask for nothing. */
static bool asks_for_nothing(const struct yml *y) {
  if (yml_is_null(y)) return true;
  if (y->kind != YML_SCALAR) return !y->len;
  return !*y->text || str_ieq(y->text, "false") || str_ieq(y->text, "no") || str_ieq(y->text, "off");
}

/* What is the rule anyway. */
static bool is_harmless(const char *key, const struct yml *y) {
  const char *text = yml_text(y);
  if (str_eq(key, "network_mode")) return str_eq(text, "bridge");
  if (str_eq(key, "ipc")) return str_eq(text, "private") || str_eq(text, "shareable");
  if (str_eq(key, "cgroup")) return str_eq(text, "private");
  if (str_eq(key, "security_opt") && y->kind == YML_LIST) {
    for (size_t i = 0; i < y->len; i++)
      if (!str_starts(yml_text(y->items[i].value) ? yml_text(y->items[i].value) : "", "no-new-privileges")) return false;
    return true;
  }
  return false;
}

static void check_key(const struct compose_service *s, const struct yml_item *item) {
  for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
    if (!str_eq(keys[i].key, item->key)) continue;
    if (keys[i].treatment == REFUSED && !asks_for_nothing(item->value) && !is_harmless(item->key, item->value))
      compose_refuse(s, item->line, "%s %s", item->key, keys[i].words);
    if (keys[i].treatment == TOLD) compose_note(s, "%s is left out: %s", item->key, keys[i].words);
    return;
  }
  if (!str_starts(item->key, "x-")) compose_note(s, "%s is left out: Tramway has no such setting", item->key);
}

void compose_check_keys(const struct compose_service *s) {
  for (size_t i = 0; i < s->given->len; i++) check_key(s, &s->given->items[i]);
}

/* ---- volumes: what is the host's is refused ---- */

static bool is_host_path(const char *source) {
  return *source == '/' || *source == '.' || *source == '~' || strchr(source, '/') || strchr(source, '\\');
}

/* A named volume becomes one of the service's, empty.  Each has one service, and a service has one. */
static void take_named(const struct compose_service *s, const char *name, const char *target) {
  json_t *patch = s->reading->plan->patch, *volumes = json_object_get(patch, "volumes");
  if (!volumes) json_object_set_new(patch, "volumes", volumes = json_object());
  if (json_object_get(s->part, "volumeMounts")) {
    compose_note(s, "the volume %s at %s is left out: a service has one volume", name, target);
  } else if (json_object_get(volumes, name)) {
    compose_note(s, "the volume %s at %s is left out: it is another service's, and a volume has one", name, target);
  } else {
    json_object_set_new(volumes, name, json_pack("{s:b}", "isCreated", true));
    json_object_set_new(s->part, "volumeMounts", json_pack("{s:{s:s}}", name, "mountPath", target));
  }
}

static void check_volume(const struct compose_service *s, int line, const char *source, const char *target) {
  bool is_socket = (source && strstr(source, "docker.sock")) || (target && strstr(target, "docker.sock"));
  if (is_socket)
    compose_refuse(s, line, "volumes: docker.sock would give the app the container engine");
  else if (source && is_host_path(source))
    compose_refuse(s, line, "volumes: '%.128s' would mount files of the host; put them into the image", source);
  else if (!source || !target)
    compose_note(s, "the nameless volume at %s is left out: what is written there ends with the deployment",
                 target ? target : "?");
  else
    take_named(s, source, target);
}

static void check_short_volume(const struct compose_service *s, const struct yml *volume) {
  auto_strv parts = STRV_EMPTY;
  strv_split(&parts, volume->text, ':');
  const char *source = parts.len > 1 ? parts.items[0] : NULL;
  check_volume(s, volume->line, source, parts.items[parts.len > 1 ? 1 : 0]);
}

static void check_long_volume(const struct compose_service *s, const struct yml *volume) {
  const char *type = yml_text(yml_get(volume, "type")), *source = yml_text(yml_get(volume, "source"));
  const char *target = yml_text(yml_get(volume, "target"));
  if (!source) source = yml_text(yml_get(volume, "src"));
  if (!target) target = yml_text(yml_get(volume, "destination"));
  if (str_eq(type, "tmpfs"))
    compose_note(s, "the tmpfs at %s is left out", target ? target : "?");
  else if (type && !str_eq(type, "volume"))
    compose_refuse(s, volume->line, "volumes: a mount of type '%.32s' would mount what is the host's", type);
  else
    check_volume(s, volume->line, source, target);
}

void compose_check_volumes(const struct compose_service *s) {
  const struct yml *volumes = yml_get(s->given, "volumes");
  if (yml_is_null(volumes)) return;
  if (volumes->kind != YML_LIST) {
    compose_refuse(s, volumes->line, "volumes must be a list");
    return;
  }
  for (size_t i = 0; i < volumes->len; i++) {
    const struct yml *volume = volumes->items[i].value;
    if (volume->kind == YML_MAP)
      check_long_volume(s, volume);
    else if (yml_text(volume))
      check_short_volume(s, volume);
    else
      compose_refuse(s, volume->line, "volumes: this is no volume");
  }
}
