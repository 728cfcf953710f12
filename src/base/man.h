/* Manual pages as text for man(7), from what a program knows of itself.  Everything is escaped:
 * texts may hold any character. */
#ifndef TRAMWAY_BASE_MAN_H
#define TRAMWAY_BASE_MAN_H

#include "base/str.h"

/* The head of a page: name in capitals, its section, and the line that `apropos` searches. */
void man_begin(struct str *page, const char *name, int section, const char *summary);

void man_section(struct str *page, const char *title);
void man_subsection(struct str *page, const char *title);

/* Text of one or more paragraphs, with empty lines between; its line breaks are not kept. */
void man_text(struct str *page, const char *text);

/* A bold term and what it means, indented; `value` (may be NULL) follows the term in italics. */
void man_item(struct str *page, const char *term, const char *value, const char *meaning);

/* Lines as they are, indented. */
void man_lines(struct str *page, const char *lines);

/* "SEE ALSO" with names such as "tramd(8)"; NULL at the end. */
void man_see_also(struct str *page, const char *const *names);

#endif
