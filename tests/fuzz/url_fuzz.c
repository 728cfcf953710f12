/* A request target as it comes in: path, query, and every kind of route pattern.  What is decoded
 * must be UTF-8 without NUL, and what is encoded again must come out the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "http/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const patterns[] = {"/", "/{a}", "/a/{b}/c", "/{a}/{b...}", "/a/{rest...}"};

static void check_text(const char *text) {
  if (!str_is_utf8(text, strlen(text))) abort();
  auto_str encoded = STR_EMPTY, decoded = STR_EMPTY;
  url_encode(text, &encoded);
  if (!url_decode(str_text(&encoded), encoded.len, true, &decoded)) abort();
  if (!str_eq(str_text(&decoded), text)) abort();
}

static void check_pairs(struct url_pairs *pairs) {
  if (pairs->len > URL_PAIRS_MAX) abort();
  for (size_t i = 0; i < pairs->len; i++) {
    check_text(pairs->items[i].name);
    check_text(pairs->items[i].value);
  }
  url_pairs_done(pairs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto_str target = STR_EMPTY;
  str_add_bytes(&target, data, size);
  char *query = strchr(target.data, '?');
  if (query) *query++ = '\0';
  struct url_pairs pairs;
  err *e = url_parse_query(query ? query : "", &pairs);
  if (!e) check_pairs(&pairs);
  err_ignore(e);
  (void)url_pattern_valid(target.data);
  if (!url_path_valid(target.data)) return 0;
  for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
    if (url_match(patterns[i], target.data, &pairs)) check_pairs(&pairs);
  if (url_pattern_valid(target.data) && url_match(target.data, "/x/y/z", &pairs))
    url_pairs_done(&pairs);
  return 0;
}
