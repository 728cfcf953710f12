/* TOML's values that are one word: booleans, integers, floats, dates and times.  Used by toml.c. */
#ifndef TRAMWAY_BASE_TOML_VALUE_H
#define TRAMWAY_BASE_TOML_VALUE_H

#include <jansson.h>

#include "base/toml_lex.h"

/* Reads the word at the current position; the caller owns *ret_value. */
fallible toml_value_read(struct toml_lex *lex, json_t **ret_value);

#endif
