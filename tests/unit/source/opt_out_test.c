/* Commits that ask not to be deployed. */
#include "source/opt_out.h"

#include "base/mem.h"
#include "tap.h"

/* clang-format off */
static const struct { const char *message, *words; } table[] = {
  { "fix it [skip deploy]",               "[skip deploy]" },
  { "[deploy skip] fix it",               "[deploy skip]" },
  { "fix\n\nbody [skip railway] more",    "[skip railway]" },
  { "[SKIP CI]",                          "[SKIP CI]" },
  { "[ci skip]",                          "[ci skip]" },
  { "[no ci]",                            "[no ci]" },
  { "[no deploy]",                        "[no deploy]" },
  { "[skip actions]",                     "[skip actions]" },
  { "[skip cd]",                          "[skip cd]" },
  { "[skip tramway]",                     "[skip tramway]" },
  { "[skip  deploy]",                     "[skip  deploy]" },
  { "[a] [skip deploy]",                  "[skip deploy]" },
  { "[[skip deploy]]",                    "[skip deploy]" },
  { "[skip deployment]",                  NULL },
  { "[skipdeploy]",                       NULL },
  { "[skip]",                             NULL },
  { "[deploy no]",                        NULL },
  { "[skip\ndeploy]",                     NULL },
  { "[skip deploy",                       NULL },
  { "skip deploy",                        NULL },
  { "[ skip deploy]",                     NULL },
  { "[]",                                 NULL },
  { "[",                                  NULL },
  { "",                                   NULL },
};
/* clang-format on */

TEST(words_in_a_message) {
  for (size_t i = 0; i < ARRAY_LEN(table); i++) {
    auto_free char *words = opt_out_find(table[i].message);
    CHECK_TEXT(words, table[i].words);
  }
  CHECK(!opt_out_find(NULL));
}

TEST_MAIN
