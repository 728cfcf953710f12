#include "core/checks.h"

#include "base/str.h"

bool checks_replaces(const struct commit_check *before, const struct commit_check *now) {
  if (now->ordinal != before->ordinal) return now->ordinal > before->ordinal;
  return before->state == CHECK_PENDING || now->state != CHECK_PENDING;
}

struct tally {
  size_t pending;
  const struct commit_check *failed, *waited_for;
  int64_t heard_us;
};

static struct tally count(const struct commit_check_list *checks) {
  struct tally t = {0};
  for (size_t i = 0; i < checks->len; i++) {
    const struct commit_check *check = &checks->items[i];
    if (check->state == CHECK_FAILED && !t.failed) t.failed = check;
    if (check->state == CHECK_PENDING) t.pending++, t.waited_for = check;
    if (check->updated_us > t.heard_us) t.heard_us = check->updated_us;
  }
  return t;
}

static char *time_is_up(const struct checks_wait *wait, const struct commit_check_list *checks,
                        const struct tally *t) {
  long long minutes = wait->timeout_us / 60000000;
  auto_str after = STR_EMPTY;
  if (minutes)
    str_addf(&after, "%lld min", minutes);
  else
    str_addf(&after, "%lld s", (long long)(wait->timeout_us / 1000000));
  if (!checks->len)
    return str_format("no check of the commit was heard of within %s: does the webhook send them?", str_text(&after));
  return str_format("'%s' had not ended after %s", t->waited_for ? t->waited_for->name : "a check", str_text(&after));
}

enum checks_verdict checks_judge(const struct checks_wait *wait, const struct commit_check_list *checks,
                                 int64_t now_us, char **ret_reason, int64_t *ret_again_us) {
  struct tally t = count(checks);
  int64_t ends_us = wait->since_us + wait->timeout_us, settled_us = t.heard_us + wait->settle_us;
  if (t.failed) {
    *ret_reason = str_format("'%s' failed", t.failed->name);
    return CHECKS_SKIP;
  }
  bool all_ended = checks->len && !t.pending;
  if (all_ended && now_us >= settled_us) {
    *ret_reason = str_format("%zu check%s passed", checks->len, checks->len == 1 ? "" : "s");
    return CHECKS_PASS;
  }
  if (now_us >= ends_us && !all_ended) {
    *ret_reason = time_is_up(wait, checks, &t);
    return CHECKS_SKIP;
  }
  *ret_again_us = all_ended ? settled_us : ends_us;
  return CHECKS_WAIT;
}
