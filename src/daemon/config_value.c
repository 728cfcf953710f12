#include "daemon/config_value.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/mem.h"

#define TEXT_MAX 4096

struct unit {
  const char *name;
  int64_t factor;
};

// clang-format off
static const struct unit size_units[] = {
    {"B", 1},
    {"kB", 1000}, {"KB", 1000}, {"MB", 1000000}, {"GB", 1000000000}, {"TB", 1000000000000},
    {"K", 1LL << 10}, {"M", 1LL << 20}, {"G", 1LL << 30}, {"T", 1LL << 40},
    {"KiB", 1LL << 10}, {"MiB", 1LL << 20}, {"GiB", 1LL << 30}, {"TiB", 1LL << 40},
    {NULL, 0},
};
static const struct unit duration_units[] = {
    {"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}, {NULL, 0},
};
// clang-format on

static const struct unit *find_unit(const struct unit *units, const char *name, size_t len) {
  for (; units->name; units++)
    if (strlen(units->name) == len && memcmp(units->name, name, len) == 0) return units;
  return NULL;
}

/* Digits, spaces, a unit; *p moves behind them.  False also when it does not fit. */
static bool take_amount(const char **p, const struct unit *units, int64_t *ret_sum) {
  if (!isdigit((unsigned char)**p)) return false;
  int64_t number = 0;
  for (; isdigit((unsigned char)**p); (*p)++)
    if (__builtin_mul_overflow(number, 10, &number) ||
        __builtin_add_overflow(number, **p - '0', &number))
      return false;
  while (**p == ' ')
    (*p)++;
  size_t len = 0;
  while (isalpha((unsigned char)(*p)[len]))
    len++;
  const struct unit *unit = find_unit(units, *p, len);
  *p += len;
  return unit && !__builtin_mul_overflow(number, unit->factor, &number) &&
         !__builtin_add_overflow(*ret_sum, number, ret_sum);
}

/* A duration may have several parts, from large to small: "1h30m". */
static bool parse_amount(const char *text, enum config_type type, int64_t *ret_value) {
  int64_t sum = 0;
  if (type == CONFIG_SIZE) {
    if (!take_amount(&text, size_units, &sum) || *text) return false;
  } else {
    do {
      if (!take_amount(&text, duration_units, &sum)) return false;
    } while (*text);
  }
  *ret_value = sum;
  return true;
}

/* In the largest unit that leaves a whole number. */
static void show_size(int64_t bytes, struct str *ret_text) {
  static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  for (; bytes && bytes % 1024 == 0 && unit + 1 < ARRAY_LEN(names); unit++) bytes /= 1024;
  str_addf(ret_text, "%lld %s", (long long)bytes, names[unit]);
}

static void show_amount(const struct config_rule *rule, int64_t amount, struct str *ret_text) {
  if (rule->type == CONFIG_SIZE)
    show_size(amount, ret_text);
  else
    str_addf(ret_text, "%lld%s", (long long)amount, rule->type == CONFIG_DURATION ? " s" : "");
}

static err *check_range(const struct config_rule *rule, int64_t amount) {
  if (amount >= rule->low && amount <= rule->high) return NULL;
  if (amount == 0 && rule->flags & CONFIG_ZERO) return NULL;
  auto_str range = STR_EMPTY;
  if (rule->flags & CONFIG_ZERO) str_add(&range, "0, or ");
  show_amount(rule, rule->low, &range);
  str_add(&range, " to ");
  show_amount(rule, rule->high, &range);
  return err_new(ERR_INVALID, "must be %s", str_text(&range));
}

static err *read_amount(const struct config_rule *rule, const json_t *value, int64_t *ret_amount) {
  bool text_too = rule->type == CONFIG_SIZE || rule->type == CONFIG_DURATION;
  int64_t amount = 0;
  if (json_is_integer(value))
    amount = json_integer_value(value);
  else if (!text_too)
    return err_new(ERR_INVALID, "must be an integer");
  else if (!json_is_string(value) || !parse_amount(json_string_value(value), rule->type, &amount))
    return err_new(ERR_INVALID, rule->type == CONFIG_SIZE
                                    ? "must be a size: an integer, or text such as \"512MiB\""
                                    : "must be a duration: seconds, or text such as \"30m\"");
  TRY(check_range(rule, amount));
  *ret_amount = amount;
  return NULL;
}

static err *read_choice(const struct config_rule *rule, const json_t *value, int *ret_index) {
  auto_strv choices = STRV_EMPTY;
  strv_split(&choices, rule->choices, '|');
  for (size_t i = 0; json_is_string(value) && i < choices.len; i++)
    if (str_eq(choices.items[i], json_string_value(value))) {
      *ret_index = (int)i;
      return NULL;
    }
  auto_free char *names = strv_join(&choices, "\", \"");
  return err_new(ERR_INVALID, "must be one of \"%s\"", names);
}

static bool is_one_line(const char *text) {
  if (strlen(text) > TEXT_MAX) return false;
  for (; *text; text++)
    if ((unsigned char)*text < 0x20 || *text == 0x7F) return false;
  return true;
}

static bool is_word(const char *text) {
  for (; *text; text++)
    if (!isalnum((unsigned char)*text) && !strchr(".-_", *text)) return false;
  return true;
}

static bool is_url(const char *text) {
  if (!str_starts(text, "http://") && !str_starts(text, "https://")) return false;
  const char *rest = strstr(text, "://") + 3;
  return *rest && *rest != '/' && !strpbrk(text, " \"'<>\\`{}|^");
}

static bool is_net(const struct config_rule *rule, const char *text) {
  struct address_net net;
  return address_parse_net(text, &net) &&
         net.family == (rule->type == CONFIG_NET4 ? AF_INET : AF_INET6) &&
         net.prefix >= rule->low && net.prefix <= rule->high;
}

static err *check_text(const struct config_rule *rule, const char *text) {
  struct address address;
  if (!*text && rule->flags & CONFIG_EMPTY) return NULL;
  if (!*text) return err_new(ERR_INVALID, "must not be empty");
  if (!is_one_line(text))
    return err_new(ERR_INVALID, "must be one line of at most %d bytes", TEXT_MAX);
  if (rule->type == CONFIG_WORD && !is_word(text))
    return err_new(ERR_INVALID, "may only have letters, digits, '.', '-' and '_'");
  if (rule->type == CONFIG_URL && !is_url(text))
    return err_new(ERR_INVALID, "must be a URL that begins with http:// or https://");
  if (rule->type == CONFIG_PATH && *text != '/')
    return err_new(ERR_INVALID, "must be an absolute path");
  if (rule->type == CONFIG_HOST && !address_is_host_name(text))
    return err_new(ERR_INVALID, "must be a host name such as \"example.com\"");
  if (rule->type == CONFIG_ADDRESS && !address_parse(text, &address))
    return err_new(ERR_INVALID,
                   "'%s' must be \"<IP address>:<port>\", as in \"127.0.0.1:8080\" or "
                   "\"[::1]:8080\"",
                   text);
  if (rule->type == CONFIG_IP && !address_family(text))
    return err_new(ERR_INVALID, "'%s' must be an IP address, as in \"127.0.0.1\" or \"::1\"", text);
  if ((rule->type == CONFIG_NET4 || rule->type == CONFIG_NET6) && !is_net(rule, text))
    return err_new(ERR_INVALID, "must be an %s network of /%d to /%d, with zeros behind the prefix",
                   rule->type == CONFIG_NET4 ? "IPv4" : "IPv6", (int)rule->low, (int)rule->high);
  return NULL;
}

static err *read_text(const struct config_rule *rule, const json_t *value, char **ret_text) {
  if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value))
    return err_new(ERR_INVALID, "must be text in quotes");
  TRY(check_text(rule, json_string_value(value)));
  char *text = str_dup(json_string_value(value));
  if (rule->type == CONFIG_HOST)
    for (char *c = text; *c; c++)
      *c = (char)tolower((unsigned char)*c);
  size_t len = strlen(text);
  while (rule->type == CONFIG_URL && len && text[len - 1] == '/')
    text[--len] = '\0';
  *ret_text = text;
  return NULL;
}

static err *read_list(const struct config_rule *rule, const json_t *value, struct strv *ret_list) {
  size_t len = json_array_size(value);
  if (!json_is_array(value) || len < (size_t)rule->low || len > (size_t)rule->high)
    return err_new(ERR_INVALID, "must be a list of %d to %d texts", (int)rule->low,
                   (int)rule->high);
  struct config_rule item_rule = {.type = rule->type == CONFIG_IPS ? CONFIG_IP : CONFIG_ADDRESS};
  auto_strv list = STRV_EMPTY;
  for (size_t i = 0; i < len; i++) {
    char *text;
    TRY(read_text(&item_rule, json_array_get(value, i), &text));
    strv_add_take(&list, text);
  }
  *ret_list = list;
  list = STRV_EMPTY;
  return NULL;
}

err *config_value_set(const struct config_rule *rule, const json_t *value, void *field) {
  int64_t amount = 0;
  char *text;
  struct strv list;
  switch (rule->type) {
  case CONFIG_INT:
    TRY(read_amount(rule, value, &amount));
    *(int *)field = (int)amount;
    return NULL;
  case CONFIG_COUNT:
  case CONFIG_SIZE:
  case CONFIG_DURATION:
    return read_amount(rule, value, field);
  case CONFIG_CHOICE:
    return read_choice(rule, value, field);
  case CONFIG_ADDRESSES:
  case CONFIG_IPS:
    TRY(read_list(rule, value, &list));
    config_value_clear(rule, field);
    *(struct strv *)field = list;
    return NULL;
  default:
    TRY(read_text(rule, value, &text));
    config_value_clear(rule, field);
    *(char **)field = text;
    return NULL;
  }
}

/* What stands before the '@' of a URL (a user and a password) is replaced by stars. */
static void show_text(const char *text, struct str *ret_text) {
  const char *scheme = strstr(text, "://");
  const char *host = scheme ? scheme + 3 : NULL;
  const char *at = host ? memrchr(host, '@', strcspn(host, "/?#")) : NULL;
  str_add_char(ret_text, '"');
  if (at) {
    str_add_bytes(ret_text, text, (size_t)(host - text));
    str_add(ret_text, "***");
    text = at;
  }
  str_add(ret_text, text);
  str_add_char(ret_text, '"');
}

static void show_choice(const struct config_rule *rule, int index, struct str *ret_text) {
  auto_strv choices = STRV_EMPTY;
  strv_split(&choices, rule->choices, '|');
  str_addf(ret_text, "\"%s\"", choices.items[index]);
}

static void show_list(const struct strv *list, struct str *ret_text) {
  auto_free char *joined = strv_join(list, "\", \"");
  str_addf(ret_text, "[\"%s\"]", joined);
}

void config_value_show(const struct config_rule *rule, const void *field, struct str *ret_text) {
  switch (rule->type) {
  case CONFIG_INT:
    str_addf(ret_text, "%d", *(const int *)field);
    return;
  case CONFIG_COUNT:
  case CONFIG_SIZE:
  case CONFIG_DURATION:
    show_amount(rule, *(const int64_t *)field, ret_text);
    return;
  case CONFIG_CHOICE:
    show_choice(rule, *(const int *)field, ret_text);
    return;
  case CONFIG_ADDRESSES:
  case CONFIG_IPS:
    show_list(field, ret_text);
    return;
  default:
    show_text(*(char *const *)field, ret_text);
  }
}

static bool lists_equal(const struct strv *a, const struct strv *b) {
  if (a->len != b->len) return false;
  for (size_t i = 0; i < a->len; i++)
    if (!str_eq(a->items[i], b->items[i])) return false;
  return true;
}

bool config_value_equal(const struct config_rule *rule, const void *a, const void *b) {
  switch (rule->type) {
  case CONFIG_INT:
  case CONFIG_CHOICE:
    return *(const int *)a == *(const int *)b;
  case CONFIG_COUNT:
  case CONFIG_SIZE:
  case CONFIG_DURATION:
    return *(const int64_t *)a == *(const int64_t *)b;
  case CONFIG_ADDRESSES:
  case CONFIG_IPS:
    return lists_equal(a, b);
  default:
    return str_eq(*(char *const *)a, *(char *const *)b);
  }
}

void config_value_clear(const struct config_rule *rule, void *field) {
  if (rule->type == CONFIG_ADDRESSES || rule->type == CONFIG_IPS) {
    strv_done(field);
  } else if (rule->type >= CONFIG_TEXT) {
    free(*(char **)field);
    *(char **)field = NULL;
  }
}
