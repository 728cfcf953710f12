#include "api/device.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/mem.h"
#include "base/str.h"

#define SECOND_US INT64_C(1000000)

/* No vowels, so that no words come out, and nothing that looks like a digit (RFC 8628, 6.1). */
static const char letters[] = "BCDFGHJKLMNPQRSTVWXZ";

struct device {
  struct list link;
  char hash[SHA256_HEX_SIZE]; /* of the device code */
  char user_code[USER_CODE_SIZE];
  char *origin;
  char user_id[ID_SIZE];
  enum device_state state;
  int interval_s;
  int64_t expires_us, polled_us;
};

struct devices {
  struct list all;
  int count;
};

struct devices *devices_new(void) {
  struct devices *all = mem_zalloc(sizeof *all);
  list_init(&all->all);
  return all;
}

static void end(struct devices *all, struct device *d) {
  list_remove(&d->link);
  all->count--;
  free(d->origin);
  free(d);
}

void devices_free(struct devices *all) {
  if (!all) return;
  LIST_FOREACH(d, &all->all, struct device, link) end(all, d);
  free(all);
}

static void end_expired(struct devices *all, int64_t now_us) {
  LIST_FOREACH(d, &all->all, struct device, link) if (d->expires_us <= now_us) end(all, d);
}

static void new_user_code(char code[USER_CODE_SIZE]) {
  const size_t n = sizeof letters - 1;
  for (int i = 0; i < USER_CODE_SIZE - 1; i++) {
    unsigned char byte;
    do
      secret_random(&byte, 1);
    while (byte >= 256 - 256 % n); /* each letter as likely as the next */
    code[i] = i == 4 ? '-' : letters[byte % n];
  }
  code[USER_CODE_SIZE - 1] = '\0';
}

/* As it was given out: upper case, with its hyphen. */
static bool normal(const char *typed, char code[USER_CODE_SIZE]) {
  int n = 0;
  for (; *typed; typed++) {
    if (*typed == '-' || *typed == ' ') continue;
    if (n == 4) code[n++] = '-';
    if (n >= USER_CODE_SIZE - 1) return false;
    code[n++] = (char)toupper((unsigned char)*typed);
  }
  code[n] = '\0';
  return n == USER_CODE_SIZE - 1;
}

static struct device *waiting(struct devices *all, const char *typed, int64_t now_us) {
  char code[USER_CODE_SIZE];
  end_expired(all, now_us);
  if (!normal(typed, code)) return NULL;
  LIST_FOREACH(d, &all->all, struct device, link)
    if (d->state == DEVICE_PENDING && str_eq(d->user_code, code)) return d;
  return NULL;
}

err *device_begin(struct devices *all, const char *origin, int64_t now_us, char **ret_device_code,
                  char ret_user_code[USER_CODE_SIZE]) {
  end_expired(all, now_us);
  if (all->count >= DEVICES_MAX)
    return err_new(ERR_BUSY, "too many programs wait to be signed in: try again in some minutes");
  struct device *d = mem_zalloc(sizeof *d);
  char *code = secret_random_hex(32);
  secret_sha256_hex(code, strlen(code), d->hash);
  do
    new_user_code(d->user_code);
  while (waiting(all, d->user_code, now_us));
  d->origin = str_dup(origin);
  d->interval_s = DEVICE_INTERVAL_S;
  d->expires_us = now_us + DEVICE_LIFE_S * SECOND_US;
  list_push(&all->all, &d->link);
  all->count++;
  snprintf(ret_user_code, USER_CODE_SIZE, "%s", d->user_code);
  *ret_device_code = code;
  return NULL;
}

const char *device_find(struct devices *all, const char *user_code, int64_t now_us) {
  const struct device *d = waiting(all, user_code, now_us);
  return d ? d->origin : NULL;
}

bool device_decide(struct devices *all, const char *user_code, const char *user_id, bool allow, int64_t now_us) {
  struct device *d = waiting(all, user_code, now_us);
  if (!d) return false;
  d->state = allow ? DEVICE_ALLOWED : DEVICE_DENIED;
  id_copy(d->user_id, user_id);
  return true;
}

static enum device_state poll(struct device *d, int64_t now_us) {
  bool early = d->polled_us && now_us - d->polled_us < d->interval_s * SECOND_US - SECOND_US / 2;
  d->polled_us = now_us;
  if (d->state != DEVICE_PENDING || !early) return d->state;
  d->interval_s += DEVICE_INTERVAL_S; /* RFC 8628, 3.5 */
  return DEVICE_SLOW_DOWN;
}

enum device_state device_poll(struct devices *all, const char *device_code, int64_t now_us,
                              char ret_user_id[ID_SIZE]) {
  char hash[SHA256_HEX_SIZE];
  secret_sha256_hex(device_code, strlen(device_code), hash);
  end_expired(all, now_us);
  LIST_FOREACH(d, &all->all, struct device, link) {
    if (!str_eq(d->hash, hash)) continue;
    enum device_state state = poll(d, now_us);
    id_copy(ret_user_id, d->user_id);
    if (state == DEVICE_ALLOWED || state == DEVICE_DENIED) end(all, d);
    return state;
  }
  return DEVICE_EXPIRED;
}
