#include "backup/restic_output.h"

#include "base/mem.h"
#include "tap.h"

static struct restic_output o;

static void feed(const char *text) {
  restic_output_feed(&o, text, strlen(text));
}

TEST(a_summary_in_pieces_is_the_answer) {
  restic_output_init(&o);
  feed("{\"message_type\":\"summ");
  feed("ary\",\"snapshot_id\":\"769e112c\",\"data_added\":10");
  feed("67}\n");
  CHECK_TEXT(json_get_text(o.answer, "snapshot_id"), "769e112c");
  CHECK_INT(json_get_int(o.answer, "data_added", 0), 1067);
  restic_output_done(&o);
}

TEST(progress_is_no_answer) {
  restic_output_init(&o);
  feed("{\"message_type\":\"status\",\"percent_done\":0.5,\"total_bytes\":200,\"bytes_done\":100}\n");
  CHECK(!o.answer);
  CHECK_INT(o.bytes, 200);
  restic_output_done(&o);
}

TEST(what_vanished_is_counted_apart) {
  restic_output_init(&o);
  feed("{\"message_type\":\"error\",\"error\":{\"Op\":\"open\",\"Path\":\"/v/a\",\"Err\":2},\"during\":\"archival\",\"item\":\"/v/a\"}\n");
  feed("{\"message_type\":\"error\",\"error\":{\"Op\":\"open\",\"Path\":\"/v/b\",\"Err\":13},\"during\":\"archival\",\"item\":\"/v/b\"}\n");
  feed("{\"message_type\":\"error\",\"error\":{},\"item\":\"/v/c\"}\n");
  CHECK_INT(o.errors, 3);
  CHECK_INT(o.vanished, 1);
  CHECK_TEXT(o.first_error, "/v/b: Permission denied");
  restic_output_done(&o);
}

TEST(lines_that_are_no_json_and_a_line_without_its_end) {
  restic_output_init(&o);
  feed("created restic repository\n{broken\n\n[{\"id\":\"abc\"}]");
  CHECK(!o.answer);
  restic_output_end(&o);
  CHECK_INT(json_array_size(o.answer), 1);
  restic_output_done(&o);
}

TEST(a_line_without_end_takes_no_memory) {
  restic_output_init(&o);
  auto_free char *piece = mem_alloc(1 << 20);
  memset(piece, '[', 1 << 20);
  for (int i = 0; i < 10; i++) restic_output_feed(&o, piece, 1 << 20);
  CHECK(o.line.capacity <= 2 * RESTIC_LINE_MAX);
  feed("\n{\"message_type\":\"summary\",\"snapshot_id\":\"769e112c\"}\n");
  CHECK_TEXT(json_get_text(o.answer, "snapshot_id"), "769e112c");
  restic_output_done(&o);
}

TEST_MAIN
