/* Which values of variables are kept out of logs.  Pure.
 *
 * A sealed one always.  Others when they look like a secret and not like a word that logs are full of: at
 * least SECRET_RULE_MIN bytes, and
 *   - the name says so (SECRET, TOKEN, PASSWORD, …_KEY, …), or
 *   - it looks random: 16 bytes and more, letters of both cases and digits mixed (24 and more in one case,
 *     or in hex), ten different characters and more.
 * Numbers, words such as "production", paths, host names and URLs are none; of a URL with a password in it
 * the whole and the password are. */
#ifndef TRAMWAY_CORE_SECRET_RULE_H
#define TRAMWAY_CORE_SECRET_RULE_H

#include <stdbool.h>

#include "base/redact.h"

#define SECRET_RULE_MIN 8

bool secret_rule_is_secret(const char *name, const char *value, bool is_sealed);

/* Adds to `r` what of the variable is secret. */
void secret_rule_add(redactor *r, const char *name, const char *value, bool is_sealed);

#endif
