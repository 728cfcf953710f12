#include "engine/local/seccomp.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/mem.h"
#include "base/str.h"

static const struct {
  const char *machine, *go, *seccomp;
} architectures[] = {
    {"x86_64", "amd64", "SCMP_ARCH_X86_64"},     {"aarch64", "arm64", "SCMP_ARCH_AARCH64"},
    {"s390x", "s390x", "SCMP_ARCH_S390X"},       {"ppc64le", "ppc64le", "SCMP_ARCH_PPC64LE"},
    {"riscv64", "riscv64", "SCMP_ARCH_RISCV64"}, {"armv7l", "arm", "SCMP_ARCH_ARM"},
};

void seccomp_host_facts(struct seccomp_facts *ret_facts) {
  struct utsname host;
  uname(&host);
  ret_facts->architecture = "";
  for (size_t i = 0; i < ARRAY_LEN(architectures); i++)
    if (str_eq(host.machine, architectures[i].machine))
      ret_facts->architecture = architectures[i].go;
  if (sscanf(host.release, "%d.%d", &ret_facts->kernel_major, &ret_facts->kernel_minor) != 2)
    ret_facts->kernel_major = ret_facts->kernel_minor = 0;
}

static const char *seccomp_name(const char *go) {
  for (size_t i = 0; i < ARRAY_LEN(architectures); i++)
    if (str_eq(go, architectures[i].go)) return architectures[i].seccomp;
  return "";
}

static bool has_text(const json_t *array, const char *text) {
  for (size_t i = 0; i < json_array_size(array); i++)
    if (str_eq(json_string_value(json_array_get(array, i)), text)) return true;
  return false;
}

static bool has_capability(const struct seccomp_facts *facts, const char *capability) {
  for (size_t i = 0; facts->capabilities && facts->capabilities[i]; i++)
    if (str_eq(facts->capabilities[i], capability)) return true;
  return false;
}

static bool has_kernel(const struct seccomp_facts *facts, const char *version) {
  int major = 0, minor = 0;
  if (sscanf(version, "%d.%d", &major, &minor) < 1) return false;
  return facts->kernel_major > major ||
         (facts->kernel_major == major && facts->kernel_minor >= minor);
}

/* containers/common pkg/seccomp: included only when every condition holds (all capabilities), … */
static bool is_included(const json_t *filter, const struct seccomp_facts *facts) {
  const json_t *arches = json_object_get(filter, "arches"), *caps = json_object_get(filter, "caps");
  const char *kernel = json_get_text(filter, "minKernel");
  if (json_array_size(arches) && !has_text(arches, facts->architecture)) return false;
  for (size_t i = 0; i < json_array_size(caps); i++)
    if (!has_capability(facts, json_string_value(json_array_get(caps, i)))) return false;
  return str_empty(kernel) || has_kernel(facts, kernel);
}

/* … and excluded when any one holds. */
static bool is_excluded(const json_t *filter, const struct seccomp_facts *facts) {
  const json_t *arches = json_object_get(filter, "arches"), *caps = json_object_get(filter, "caps");
  const char *kernel = json_get_text(filter, "minKernel");
  if (has_text(arches, facts->architecture)) return true;
  for (size_t i = 0; i < json_array_size(caps); i++)
    if (has_capability(facts, json_string_value(json_array_get(caps, i)))) return true;
  return !str_empty(kernel) && has_kernel(facts, kernel);
}

static json_t *convert_rule(const json_t *rule) {
  json_t *out = json_object();
  json_t *names = json_object_get(rule, "names"), *args = json_object_get(rule, "args");
  if (names)
    json_object_set(out, "names", names);
  else
    json_object_set_new(out, "names", json_pack("[O]", json_object_get(rule, "name")));
  json_object_set(out, "action", json_object_get(rule, "action"));
  json_t *errno_return = json_object_get(rule, "errnoRet");
  if (json_is_integer(errno_return)) json_object_set(out, "errnoRet", errno_return);
  if (json_array_size(args)) json_object_set(out, "args", args);
  return out;
}

/* The machine's own instruction set only, not the older ones that it also runs (`archMap`):
 * programs for 32-bit x86 are killed.  Compiling the filter for three sets made every start 13 ms
 * slower. */
static json_t *convert_architectures(const struct seccomp_facts *facts) {
  const char *own = seccomp_name(facts->architecture);
  json_t *out = json_array();
  if (*own) json_array_append_new(out, json_string(own));
  return out; /* none named: libseccomp takes the machine's own */
}

err *seccomp_convert(const json_t *profile, const struct seccomp_facts *facts,
                     json_t **ret_seccomp) {
  const char *action = json_get_text(profile, "defaultAction");
  const json_t *rules = json_object_get(profile, "syscalls");
  if (!action || !json_is_array(rules))
    return err_new(ERR_CORRUPT, "the seccomp profile has no 'defaultAction' or no 'syscalls'");
  json_t *out = json_object();
  json_set_text(out, "defaultAction", action);
  json_t *errno_return = json_object_get(profile, "defaultErrnoRet");
  if (json_is_integer(errno_return)) json_object_set(out, "defaultErrnoRet", errno_return);
  json_object_set_new(out, "architectures", convert_architectures(facts));
  json_t *list = json_array();
  for (size_t i = 0; i < json_array_size(rules); i++) {
    const json_t *rule = json_array_get(rules, i);
    if (is_included(json_object_get(rule, "includes"), facts) &&
        !is_excluded(json_object_get(rule, "excludes"), facts))
      json_array_append_new(list, convert_rule(rule));
  }
  json_object_set_new(out, "syscalls", list);
  *ret_seccomp = out;
  return NULL;
}
