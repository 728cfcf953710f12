/* Manual pages: every character of a text comes through, and no text becomes a request. */
#include "base/man.h"

#include "base/mem.h"
#include "tap.h"

TEST(a_page_has_its_parts) {
  auto_str page = STR_EMPTY;
  static const char *const names[] = {"tram(1)", "tramd(8)", NULL};
  man_begin(&page, "tramd", 8, "what it is");
  man_section(&page, "OPTIONS");
  man_item(&page, "--config", "FILE", "reads FILE");
  man_see_also(&page, names);
  CHECK_HAS(str_text(&page), ".TH TRAMD 8 \"\" \"Tramway ");
  CHECK_HAS(str_text(&page), ".SH NAME\ntramd \\- what it is\n");
  CHECK_HAS(str_text(&page), ".SH \"OPTIONS\"\n.TP\n\\fB\\-\\-config\\fR \\fIFILE\\fR\nreads FILE\n");
  CHECK_HAS(str_text(&page), ".SH \"SEE ALSO\"\n\\fBtram(1)\\fR,\n\\fBtramd(8)\\fR\n");
}

TEST(no_text_becomes_a_request) {
  auto_str page = STR_EMPTY;
  man_text(&page, ".so /etc/passwd\n'br\nC:\\new `x` ~ ^");
  CHECK_TEXT(str_text(&page), "\\&.so /etc/passwd\n\\&\\(aqbr\nC:\\enew \\(gax\\(ga \\(ti \\(ha\n");
}

TEST(quotes_stay_inside_an_argument) {
  auto_str page = STR_EMPTY;
  man_subsection(&page, "say \"x\" \\");
  CHECK_TEXT(str_text(&page), ".SS \"say \\(dqx\\(dq \\e\"\n");
}

TEST(paragraphs_and_lines) {
  auto_str page = STR_EMPTY;
  man_text(&page, "one\n  two\n\nthree\n");
  CHECK_TEXT(str_text(&page), "one\ntwo\n.PP\nthree\n");
  str_done(&page);
  str_init(&page);
  man_lines(&page, "tram up\n.hidden\n");
  CHECK_TEXT(str_text(&page), ".PP\n.RS 4\n.nf\ntram up\n\\&.hidden\n.fi\n.RE\n");
}

TEST_MAIN
