#include "base/man.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/version.h"

/* One line or a part of one.  A hyphen that is to be copied from the page must not become a dash. */
static void add_escaped(struct str *page, const char *text, bool line_begins) {
  if (line_begins && (*text == '.' || *text == '\'')) str_add(page, "\\&");
  for (; *text; text++) {
    if (*text == '\\')
      str_add(page, "\\e");
    else if (*text == '-' || *text == '`' || *text == '~' || *text == '^')
      str_addf(page, "\\%s", *text == '-' ? "-" : *text == '`' ? "(ga" : *text == '~' ? "(ti" : "(ha");
    else if (*text == '\'')
      str_add(page, "\\(aq");
    else
      str_add_char(page, *text);
  }
}

/* An argument of a request such as .SH. */
static void add_argument(struct str *page, const char *text) {
  str_add(page, " \"");
  for (; *text; text++) {
    if (*text == '"')
      str_add(page, "\\(dq");
    else
      add_escaped(page, (const char[]){*text, '\0'}, false);
  }
  str_add_char(page, '"');
}

static void add_upper(struct str *page, const char *text) {
  for (; *text; text++) str_add_char(page, (char)toupper((unsigned char)*text));
}

void man_begin(struct str *page, const char *name, int section, const char *summary) {
  str_add(page, ".TH ");
  add_upper(page, name);
  str_addf(page, " %d \"\" \"Tramway %s\" \"Tramway manual\"\n.SH NAME\n", section, tramway_version);
  add_escaped(page, name, true);
  str_add(page, " \\- ");
  add_escaped(page, summary, false);
  str_add_char(page, '\n');
}

void man_section(struct str *page, const char *title) {
  str_add(page, ".SH");
  add_argument(page, title);
  str_add_char(page, '\n');
}

void man_subsection(struct str *page, const char *title) {
  str_add(page, ".SS");
  add_argument(page, title);
  str_add_char(page, '\n');
}

void man_text(struct str *page, const char *text) {
  auto_strv lines = STRV_EMPTY;
  strv_split(&lines, text, '\n');
  for (size_t i = 0; i < lines.len; i++) {
    char *line = str_trim(lines.items[i]);
    if (!*line) {
      if (i > 0 && i + 1 < lines.len) str_add(page, ".PP\n");
      continue;
    }
    add_escaped(page, line, true);
    str_add_char(page, '\n');
  }
}

void man_item(struct str *page, const char *term, const char *value, const char *meaning) {
  str_add(page, ".TP\n\\fB");
  add_escaped(page, term, false);
  str_add(page, "\\fR");
  if (!str_empty(value)) {
    str_add(page, " \\fI");
    add_escaped(page, value, false);
    str_add(page, "\\fR");
  }
  str_add_char(page, '\n');
  man_text(page, meaning);
}

void man_lines(struct str *page, const char *lines) {
  auto_strv list = STRV_EMPTY;
  strv_split(&list, lines, '\n');
  str_add(page, ".PP\n.RS 4\n.nf\n");
  for (size_t i = 0; i < list.len; i++) {
    if (!*list.items[i] && i + 1 == list.len) break;
    add_escaped(page, list.items[i], true);
    str_add_char(page, '\n');
  }
  str_add(page, ".fi\n.RE\n");
}

void man_see_also(struct str *page, const char *const *names) {
  man_section(page, "SEE ALSO");
  for (; *names; names++) {
    str_add(page, "\\fB");
    add_escaped(page, *names, false);
    str_addf(page, "\\fR%s\n", names[1] ? "," : "");
  }
}
