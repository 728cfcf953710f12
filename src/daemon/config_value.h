/* The types of values in tramway.toml: how each is read, shown, compared and freed.  Used by
 * config.c, whose rows name one of these types each. */
#ifndef TRAMWAY_DAEMON_CONFIG_VALUE_H
#define TRAMWAY_DAEMON_CONFIG_VALUE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum config_type {
  CONFIG_INT,       /* int */
  CONFIG_COUNT,     /* int64_t, a plain integer */
  CONFIG_SIZE,      /* int64_t, bytes */
  CONFIG_DURATION,  /* int64_t, seconds */
  CONFIG_CHOICE,    /* int-sized enum: the index in `choices` */
  CONFIG_TEXT,      /* char *: one line */
  CONFIG_WORD,      /* char *: letters, digits, '.', '-', '_' */
  CONFIG_URL,       /* char *: http or https */
  CONFIG_PATH,      /* char *: absolute */
  CONFIG_HOST,      /* char *: host name, made lower case */
  CONFIG_ADDRESS,   /* char *: host:port */
  CONFIG_ADDRESSES, /* struct strv of those */
  CONFIG_IP,        /* char *: IP address */
  CONFIG_IPS,       /* struct strv of those */
  CONFIG_NET4,      /* char *: IPv4 network; low and high bound the prefix */
  CONFIG_NET6,      /* char *: IPv6 network */
};

enum config_flag {
  CONFIG_ZERO = 1,    /* 0 is allowed beside low … high */
  CONFIG_EMPTY = 2,   /* "" is allowed */
  CONFIG_RESTART = 4, /* takes effect only after a restart */
};

/* What a value may be; part of a row. */
struct config_rule {
  enum config_type type;
  unsigned flags;
  int64_t low, high;   /* of numbers, prefixes, and the length of a list */
  const char *choices; /* of CONFIG_CHOICE: "auto|always|never" */
};

/* Reads `value` into *field (which holds zeros or an older value, then freed).  The error names
 * what was expected, not the key. */
fallible config_value_set(const struct config_rule *rule, const json_t *value, void *field);

/* Appends the value as a person reads it, with its unit, and without passwords. */
void config_value_show(const struct config_rule *rule, const void *field, struct str *ret_text);

bool config_value_equal(const struct config_rule *rule, const void *a, const void *b);
void config_value_clear(const struct config_rule *rule, void *field);

#endif
