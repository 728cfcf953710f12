#include "engine/local/seccomp.h"

#include "base/mem.h"
#include "base/str.h"
#include "tap.h"

static const char *const caps[] = {"CAP_CHOWN", "CAP_SYS_CHROOT", NULL};
static const struct seccomp_facts facts = {caps, "amd64", 5, 10};

/* The names that remain of rules r1, r2, … whose filters are given. */
static char *kept(const char *filter) {
  auto_free char *text =
      str_format("{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":38,\"syscalls\":[{"
                 "\"names\":[\"open\"],"
                 "\"action\":\"SCMP_ACT_ALLOW\",\"args\":[],\"errnoRet\":1,%s}]}",
                 filter);
  auto_json *profile = NULL, *out = NULL;
  CHECK_OK(json_parse(text, strlen(text), "profile", &profile));
  CHECK_OK(seccomp_convert(profile, &facts, &out));
  return json_dumps(json_object_get(out, "syscalls"), JSON_COMPACT);
}

TEST(conditions) {
  static const struct {
    const char *filter;
    bool kept;
  } rows[] = {
      {"\"includes\":{},\"excludes\":{}", true},
      {"\"includes\":{\"arches\":[\"amd64\",\"x32\"]}", true},
      {"\"includes\":{\"arches\":[\"s390x\"]}", false},
      {"\"includes\":{\"caps\":[\"CAP_CHOWN\"]}", true},
      {"\"includes\":{\"caps\":[\"CAP_SYS_ADMIN\"]}", false},
      {"\"includes\":{\"caps\":[\"CAP_CHOWN\",\"CAP_SYS_ADMIN\"]}", false},
      {"\"includes\":{\"minKernel\":\"4.8\"}", true},
      {"\"includes\":{\"minKernel\":\"5.10\"}", true},
      {"\"includes\":{\"minKernel\":\"5.11\"}", false},
      {"\"excludes\":{\"caps\":[\"CAP_SYS_ADMIN\"]}", true},
      {"\"excludes\":{\"caps\":[\"CAP_SYS_CHROOT\"]}", false},
      {"\"excludes\":{\"arches\":[\"amd64\"]}", false},
      {"\"excludes\":{\"minKernel\":\"4.8\"}", false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    auto_free char *text = kept(rows[i].filter);
    if ((strcmp(text, "[]") != 0) != rows[i].kept) TAP_FAIL("%s: %s", rows[i].filter, text);
  }
}

TEST(a_rule_keeps_what_oci_knows) {
  auto_free char *text = kept("\"comment\":\"x\",\"includes\":{},\"errno\":\"EPERM\"");
  CHECK_TEXT(text, "[{\"names\":[\"open\"],\"action\":\"SCMP_ACT_ALLOW\",\"errnoRet\":1}]");
}

TEST(debian_s_own_profile) {
  auto_json *profile = json_load_file("/usr/share/containers/seccomp.json", 0, NULL), *out = NULL;
  if (!profile) return; /* not installed here */
  CHECK_OK(seccomp_convert(profile, &facts, &out));
  CHECK_TEXT(json_get_text(out, "defaultAction"), "SCMP_ACT_ERRNO");
  CHECK_INT(json_get_int(out, "defaultErrnoRet", 0), 38);
  auto_free char *text = json_to_text(out);
  CHECK_HAS(text, "\"openat\"");
  CHECK_HAS(text, "{\"names\":[\"chroot\"],\"action\":\"SCMP_ACT_ALLOW\"}");
  CHECK(!strstr(text,
                "{\"names\":[\"delete_module\",\"finit_module\",\"init_module\",\"query_module\"],"
                "\"action\":\"SCMP_ACT_ALLOW\"}"));
}

TEST(a_profile_without_rules_is_refused) {
  auto_json *profile = json_object(), *out = NULL;
  CHECK_ERR(seccomp_convert(profile, &facts, &out), ERR_CORRUPT, "defaultAction");
}

TEST_MAIN
