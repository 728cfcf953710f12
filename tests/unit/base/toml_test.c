#include "base/toml.h"

#include "tap.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

struct valid_case {
  const char *text, *json;
};

// clang-format off
static const struct valid_case valid_cases[] = {
    /* documents, comments, white space */
    {"", "{}"},
    {"\xEF\xBB\xBF" "a = 1", "{\"a\":1}"},
    {"# only a comment", "{}"},
    {"\t # c\r\n\r\n a=1 # d\r\nb = 2", "{\"a\":1,\"b\":2}"},
    {"a = \"#\" #\t\xC3\xA9", "{\"a\":\"#\"}"},
    /* keys */
    {"bare_key-1 = 1\n1234 = 2", "{\"bare_key-1\":1,\"1234\":2}"},
    {"\"a.b\" = 1\n'c\"d' = 2\n\"\" = 3", "{\"a.b\":1,\"c\\\"d\":2,\"\":3}"},
    {"\"\\u00e9\" = 1\n\"x\\ty\" = 2", "{\"\xC3\xA9\":1,\"x\\ty\":2}"},
    {"a . \"b c\" .d = 1\na.e = 2", "{\"a\":{\"b c\":{\"d\":1},\"e\":2}}"},
    {"3.14159 = \"pi\"", "{\"3\":{\"14159\":\"pi\"}}"},
    {"apple.type = 1\norange.type = 2\napple.skin = 3", "{\"apple\":{\"type\":1,\"skin\":3},\"orange\":{\"type\":2}}"},
    {"true = 1\ninf = 2\n1979-05-27 = 3\n-1 = 4", "{\"true\":1,\"inf\":2,\"1979-05-27\":3,\"-1\":4}"},
    {"\"\\u0000\" = 1", "{\"\xEF\xBF\xBD\":1}"},
    {"a.b.c = 1\na.b.d = 2\na.e = 3", "{\"a\":{\"b\":{\"c\":1,\"d\":2},\"e\":3}}"},
    /* basic strings */
    {"a = \"\"", "{\"a\":\"\"}"},
    {"a = \"\\b\\t\\n\\f\\r\\\"\\\\\"", "{\"a\":\"\\b\\t\\n\\f\\r\\\"\\\\\"}"},
    {"a = \"\\u0041\\U0001F600\\u00DF\\u0800\"", "{\"a\":\"A\xF0\x9F\x98\x80\xC3\x9F\xE0\xA0\x80\"}"},
    {"a = \"x\\u0000y\"", "{\"a\":\"x\\u0000y\"}"},
    {"a = \"\ttab\"", "{\"a\":\"\\ttab\"}"},
    {"a = \"\\uD7FF\\uE000\\uFFFD\\U0010FFFF\\U00000041\"", "{\"a\":\"\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBD\xF4\x8F\xBF\xBF" "A\"}"},
    {"a = \"# no comment = [x]\"", "{\"a\":\"# no comment = [x]\"}"},
    {"a = \"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\" # \xE2\x82\xAC", "{\"a\":\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"}"},
    /* literal strings */
    {"a = 'C:\\x\\n\"q\"'", "{\"a\":\"C:\\\\x\\\\n\\\"q\\\"\"}"},
    {"a = ''", "{\"a\":\"\"}"},
    /* multi-line strings */
    {"a = \"\"\"\"\"\"", "{\"a\":\"\"}"},
    {"a = \"\"\"\nx\ny\"\"\"", "{\"a\":\"x\\ny\"}"},
    {"a = \"\"\"\r\nx\r\ny\r\n\"\"\"", "{\"a\":\"x\\ny\\n\"}"},
    {"a = \"\"\"x \\\n   \n\t y\"\"\"", "{\"a\":\"x y\"}"},
    {"a = \"\"\"x\\  \n  y\"\"\"", "{\"a\":\"xy\"}"},
    {"a = \"\"\"\\\n  \"\"\"", "{\"a\":\"\"}"},
    {"a = \"\"\"a \"b\" \"\"c\"\"\"\"\"", "{\"a\":\"a \\\"b\\\" \\\"\\\"c\\\"\\\"\"}"},
    {"a = \"\"\"\"q\"\"\"\"", "{\"a\":\"\\\"q\\\"\"}"},
    {"a = \"\"\"\\\"\"\"\\\"\"\"\"", "{\"a\":\"\\\"\\\"\\\"\\\"\"}"},
    {"a = '''\nI [dw]on't \\n\n'''", "{\"a\":\"I [dw]on't \\\\n\\n\"}"},
    {"a = '''''two'''''", "{\"a\":\"''two''\"}"},
    {"a = '''\r\nx\r\n'''", "{\"a\":\"x\\n\"}"},
    {"a = '''\n\nx'''", "{\"a\":\"\\nx\"}"},
    {"a = '''a\ttab 'q' \"\"\" \\'''", "{\"a\":\"a\\ttab 'q' \\\"\\\"\\\" \\\\\"}"},
    {"a = \"\"\"x \\\r\n\r\n  y\"\"\"", "{\"a\":\"x y\"}"},
    {"a = \"\"\"\\t\\u00e9\\\\ '\"\"\"", "{\"a\":\"\\t\xC3\xA9\\\\ '\"}"},
    /* integers */
    {"a = [+99, 42, 0, -17, +0, -0]", "{\"a\":[99,42,0,-17,0,0]}"},
    {"a = [1_000, 5_349_221, 1_2_3_4_5]", "{\"a\":[1000,5349221,12345]}"},
    {"a = [0xDEADBEEF, 0xdead_beef, 0x00, 0o01234567, 0o7_55, 0b11010110, 0b0_1]", "{\"a\":[3735928559,3735928559,0,342391,493,214,1]}"},
    {"a = [9223372036854775807, -9223372036854775808, 0x7fffffffffffffff]", "{\"a\":[9223372036854775807,-9223372036854775808,9223372036854775807]}"},
    {"a = [0xABCDEFabcdef, 0b0, 0o0, 0x0_0]", "{\"a\":[188900977659375,0,0,0]}"},
    /* floats */
    {"a = [+1.0, 3.25, -0.5, 5e+2, 1e06, -2E-2, 6.625e-2, 123e-1]", "{\"a\":[1.0,3.25,-0.5,500.0,1000000.0,-0.02,0.06625,12.3]}"},
    {"a = [224_617.5, 1_0e1_0, 0.0, -0.0, 0e0, 1.5e-3]", "{\"a\":[224617.5,100000000000.0,0.0,-0.0,0.0,0.0015]}"},
    {"a = [inf, +inf, -inf, nan, +nan, -nan]", "{\"a\":[\"inf\",\"inf\",\"-inf\",\"nan\",\"nan\",\"nan\"]}"},
    {"a = [9_224_617.5, 1e1_0, 6.022E+23, 1e0_6]", "{\"a\":[9224617.5,10000000000.0,6.022e23,1000000.0]}"},
    /* booleans */
    {"a = true\nb = false", "{\"a\":true,\"b\":false}"},
    /* dates and times */
    {"a = 1979-05-27T07:32:00Z", "{\"a\":\"1979-05-27T07:32:00Z\"}"},
    {"a = 1979-05-27t00:32:00.999999-07:00", "{\"a\":\"1979-05-27T00:32:00.999999-07:00\"}"},
    {"a = 1979-05-27 07:32:00z # c", "{\"a\":\"1979-05-27T07:32:00Z\"}"},
    {"a = 1979-05-27T07:32:00", "{\"a\":\"1979-05-27T07:32:00\"}"},
    {"a = 1979-05-27 # c\nb = 1979-05-27 ", "{\"a\":\"1979-05-27\",\"b\":\"1979-05-27\"}"},
    {"a = [07:32:00, 00:32:00.5, 23:59:60]", "{\"a\":[\"07:32:00\",\"00:32:00.5\",\"23:59:60\"]}"},
    {"a = [2000-02-29, 2024-02-29, 0000-01-01, 9999-12-31]", "{\"a\":[\"2000-02-29\",\"2024-02-29\",\"0000-01-01\",\"9999-12-31\"]}"},
    {"a = [1979-05-27T00:32:00+23:59, 1979-05-27T00:32:00-00:00, 1979-05-27 00:32:00.5+01:30]",
     "{\"a\":[\"1979-05-27T00:32:00+23:59\",\"1979-05-27T00:32:00-00:00\",\"1979-05-27T00:32:00.5+01:30\"]}"},
    {"a = [1979-05-27 07:32:00.123, 23:59:59.999]", "{\"a\":[\"1979-05-27T07:32:00.123\",\"23:59:59.999\"]}"},
    {"a = [1979-01-31, 1979-04-30, 1979-12-31]", "{\"a\":[\"1979-01-31\",\"1979-04-30\",\"1979-12-31\"]}"},
    /* arrays */
    {"a = []", "{\"a\":[]}"},
    {"a = [ [1, 2], ['x', \"y\"], 1.5, {b = 1}, [] ]", "{\"a\":[[1,2],[\"x\",\"y\"],1.5,{\"b\":1},[]]}"},
    {"a = [ # c\n 1, # d\n\n 2 # e\n , ]", "{\"a\":[1,2]}"},
    {"a = [\"\"\"\nx\"\"\",\n'y']", "{\"a\":[\"x\",\"y\"]}"},
    /* tables */
    {"[a]", "{\"a\":{}}"},
    {"[ j . \"k\" . 'l' ] # c\nx=1", "{\"j\":{\"k\":{\"l\":{\"x\":1}}}}"},
    {"[a.b.c]\nx=1\n[a]\ny=2\n[a.b]\nz=3", "{\"a\":{\"b\":{\"c\":{\"x\":1},\"z\":3},\"y\":2}}"},
    {"[fruit]\napple.color = 1\napple.taste.sweet = true\n[fruit.apple.texture]\nsmooth = true",
     "{\"fruit\":{\"apple\":{\"color\":1,\"taste\":{\"sweet\":true},\"texture\":{\"smooth\":true}}}}"},
    {"a.b = 1\n[a.c]\nd = 2", "{\"a\":{\"b\":1,\"c\":{\"d\":2}}}"},
    {"[a.b.c]\nz=9\n[a]\nb.x = 1", "{\"a\":{\"b\":{\"c\":{\"z\":9},\"x\":1}}}"},
    {"top = 1\n[a]\n[b] # empty ones", "{\"top\":1,\"a\":{},\"b\":{}}"},
    {"[fruit.apple]\n[animal]\n[fruit.orange]", "{\"fruit\":{\"apple\":{},\"orange\":{}},\"animal\":{}}"},
    {"[ a ]\nx=1\n [ a . b ] \ny=2", "{\"a\":{\"x\":1,\"b\":{\"y\":2}}}"},
    {"[x.y.z.w]\n[x]", "{\"x\":{\"y\":{\"z\":{\"w\":{}}}}}"},
    /* inline tables */
    {"a = {}", "{\"a\":{}}"},
    {"a = { x = 1, \"y z\" = [1,\n2], t.u = 3, t.v = { w = 4 } }", "{\"a\":{\"x\":1,\"y z\":[1,2],\"t\":{\"u\":3,\"v\":{\"w\":4}}}}"},
    {"a = [ { x = 1 }, { y = 2 } ]", "{\"a\":[{\"x\":1},{\"y\":2}]}"},
    /* arrays of tables */
    {"[[ p ]] # c\n[p.q]\n[[p]]\n[p.q]", "{\"p\":[{\"q\":{}},{\"q\":{}}]}"},
    {"[a.b]\nx=1\n[[a.c]]\n[[a.c.d]]\n[[a.c.d]]", "{\"a\":{\"b\":{\"x\":1},\"c\":[{\"d\":[{},{}]}]}}"},
    {"[[p]]\nn=1\n[[p]]\n[[p]]\nn=3", "{\"p\":[{\"n\":1},{},{\"n\":3}]}"},
    {"[[f]]\nn=1\n[f.p]\nc=1\n[[f.v]]\nn=2\n[[f.v]]\nn=3\n[[f]]\nn=4\n[[f.v]]\nn=5\n[f.p]\nc=2",
     "{\"f\":[{\"n\":1,\"p\":{\"c\":1},\"v\":[{\"n\":2},{\"n\":3}]},{\"n\":4,\"v\":[{\"n\":5}],\"p\":{\"c\":2}}]}"},
    {"[[a.b]]\nx=1\n[a]\ny=2", "{\"a\":{\"b\":[{\"x\":1}],\"y\":2}}"},
};

struct invalid_case {
  const char *text, *error;
};

static const struct invalid_case invalid_cases[] = {
    /* documents */
    {"a = 1 b = 2", "line 1, column 7: expected the end of the line"},
    {"a", "line 1, column 2: expected '=' after the key"},
    {"a\n= 1", "column 2: expected '='"},
    {"a =\n1", "expected a value"},
    {"a = ", "expected a value"},
    {"= 1", "expected a key"},
    {"!a = 1", "expected a key"},
    {"a.  = 1", "expected a key"},
    {".a = 1", "expected a key"},
    {"a..b = 1", "expected a key"},
    {"\xC3\xA9 = 1", "expected a key"},
    {"a = 1 \\", "expected the end of the line"},
    {"a b = 1", "expected '='"},
    {"\"a\" \"b\" = 1", "expected '='"},
    {"\"\"\"a\"\"\" = 1", "a key cannot be a multi-line string"},
    {"'''a''' = 1", "a key cannot be a multi-line string"},
    /* encoding and control characters */
    {"# \xC3\x28", "line 1, column 3: byte 0xC3 is not UTF-8"},
    {"a = \"\xFF\"", "not UTF-8"},
    {"a = '\xED\xA0\x80'", "not UTF-8"},
    {"a = '\xC0\x80'", "not UTF-8"},
    {"# \xE2\x82", "not UTF-8"},
    {"a = 1\n\xEF\xBB\xBF" "b = 2", "line 2, column 1: expected a key"},
    {"# \x01", "U+0001 is not allowed"},
    {"# \x7F", "U+007F is not allowed"},
    {"a = \"\x1F\"", "U+001F is not allowed"},
    {"a = \"\x7F\"", "U+007F is not allowed"},
    {"a = '\x0B'", "U+000B is not allowed"},
    {"a = \"\"\"\x0C\"\"\"", "U+000C is not allowed"},
    {"a\x01 = 1", "U+0001 is not allowed"},
    {"\xFF\xFE" "a = 1", "byte 0xFF is not UTF-8"},
    {"a = \"\xF4\x90\x80\x80\"", "not UTF-8"},
    {"a = '''\x08'''", "U+0008 is not allowed"},
    {"a = 1\rb = 2", "a carriage return needs a line feed"},
    {"a = \"\"\"x\ry\"\"\"", "a carriage return needs a line feed"},
    {"# x\r", "a carriage return needs a line feed"},
    /* strings */
    {"a = \"x", "the string is not closed"},
    {"a = \"x\ny\"", "line 1, column 7: the string is not closed"},
    {"a = 'x\ny'", "the string is not closed"},
    {"a = \"\\", "the string is not closed"},
    {"a = \"\\x41\"", "'\\x' is not an escape sequence"},
    {"a = \"\\e\"", "not an escape sequence"},
    {"a = \"\\ \"", "not an escape sequence"},
    {"a = \"\\u12G4\"", "expected 4 hexadecimal digits"},
    {"a = \"\\U0000004\"", "expected 8 hexadecimal digits"},
    {"a = \"\\uD800\"", "U+D800 is not a Unicode scalar value"},
    {"a = \"\\U00110000\"", "U+110000 is not"},
    {"a = \"\\UFFFFFFFF\"", "is not a Unicode scalar value"},
    {"a = \"\"\"x", "line 1, column 5: the multi-line string is not closed"},
    {"a = '''x''", "the multi-line string is not closed"},
    {"a = \"\"\"x\\ y\"\"\"", "only white space may follow"},
    {"a = \"\"\"x\"\"\"\"\"\"", "expected the end of the line"},
    {"a = '''x''''''", "expected the end of the line"},
    {"a = \"x\" \"y\"", "expected the end of the line"},
    {"a = hello", "'hello' is not a value"},
    /* integers */
    {"a = 01", "cannot begin with a zero"},
    {"a = -01", "cannot begin with a zero"},
    {"a = 0_1", "cannot begin with a zero"},
    {"a = 1__0", "is not a value"},
    {"a = _1", "is not a value"},
    {"a = 1_", "is not a value"},
    {"a = ++1", "is not a value"},
    {"a = +", "is not a value"},
    {"a = 1a", "is not a value"},
    {"a = 0x", "not an integer of base 16"},
    {"a = 0x_1", "not an integer of base 16"},
    {"a = 0x1_", "not an integer of base 16"},
    {"a = 0xG", "not an integer of base 16"},
    {"a = 0o8", "not an integer of base 8"},
    {"a = 0b2", "not an integer of base 2"},
    {"a = 0X1", "is not a value"},
    {"a = +0x1", "is not a value"},
    {"a = -0b1", "is not a value"},
    {"a = 9223372036854775808", "does not fit into 64 bits"},
    {"a = -9223372036854775809", "does not fit into 64 bits"},
    {"a = 0x8000000000000000", "does not fit into 64 bits"},
    /* floats */
    {"a = .5", "is not a value"},
    {"a = 5.", "is not a value"},
    {"a = 5.e1", "is not a value"},
    {"a = 1.2.3", "is not a value"},
    {"a = 1e", "is not a value"},
    {"a = 1e+", "is not a value"},
    {"a = 1e1.5", "is not a value"},
    {"a = 03.14", "cannot begin with a zero"},
    {"a = 1._5", "is not a value"},
    {"a = 1_.5", "is not a value"},
    {"a = 1.5_", "is not a value"},
    {"a = 1e_1", "is not a value"},
    {"a = 1e400", "the float does not fit"},
    {"a = Inf", "is not a value"},
    {"a = NaN", "is not a value"},
    {"a = in", "is not a value"},
    {"a = infinity", "is not a value"},
    /* booleans */
    {"a = True", "is not a value"},
    {"a = truer", "is not a value"},
    {"a = t", "is not a value"},
    /* dates and times */
    {"a = 1979-13-01", "is not a date or time"},
    {"a = 1979-00-01", "is not a date or time"},
    {"a = 1979-02-29", "is not a date or time"},
    {"a = 1900-02-29", "is not a date or time"},
    {"a = 1979-04-31", "is not a date or time"},
    {"a = 1979-01-00", "is not a date or time"},
    {"a = 1979-1-01", "is not a date or time"},
    {"a = 1979-01-01T", "is not a date or time"},
    {"a = 1979-01-01T7:00:00", "is not a date or time"},
    {"a = 1979-01-01T07:00", "is not a date or time"},
    {"a = 1979-01-01T07:00:00.", "is not a date or time"},
    {"a = 1979-01-01T24:00:00", "is not a date or time"},
    {"a = 1979-01-01T07:60:00", "is not a date or time"},
    {"a = 1979-01-01T07:00:61", "is not a date or time"},
    {"a = 1979-01-01T07:00:00+24:00", "is not a date or time"},
    {"a = 1979-01-01T07:00:00+01", "is not a date or time"},
    {"a = 1979-01-01T07:00:00+01:60", "is not a date or time"},
    {"a = 1979-01-01T07:00:00ZZ", "is not a date or time"},
    {"a = 1979-01-01  07:00:00", "expected the end of the line"},
    {"a = 1979-01-01X07:00:00", "is not a date or time"},
    {"a = 07:32", "is not a date or time"},
    {"a = 07:32:00Z", "is not a date or time"},
    {"a = 24:00:00", "is not a date or time"},
    {"a = 23:60:00", "is not a date or time"},
    {"a = 23:59:61", "is not a date or time"},
    {"a = 23:59:59.", "is not a date or time"},
    {"a = 1979-01-32", "is not a date or time"},
    {"a = 1979-05-27T07:32:00-25:00", "is not a date or time"},
    {"a = 1979-05-27T07:32:00+1:00", "is not a date or time"},
    {"a = 10000-01-01", "is not a value"},
    {"a = 1979-05", "is not a date or time"},
    /* arrays */
    {"a = [1", "expected ',' or ']' in the array of line 1"},
    {"a = [1 2]", "expected ',' or ']'"},
    {"a = [,]", "expected a value"},
    {"a = [1,,2]", "expected a value"},
    {"a = [1]]", "expected the end of the line"},
    {"a = [", "expected a value"},
    /* inline tables */
    {"a = {", "expected a key"},
    {"a = {b = 1", "expected ',' or '}'"},
    {"a = {b = 1,}", "expected a key"},
    {"a = {,}", "expected a key"},
    {"a = {b = 1\n}", "expected ',' or '}' on the line"},
    {"a = {\nb = 1}", "expected a key"},
    {"a = {b = 1, # c\n c = 2}", "expected a key"},
    {"a = {b = 1 c = 2}", "expected ',' or '}'"},
    {"a = {b = 1, b = 2}", "b is already defined"},
    {"a = {b.c = 1, b = 2}", "b is already defined"},
    {"a = {b = 1, b.c = 2}", "b is already defined"},
    {"a = {b = {c = 1}, b.d = 2}", "b is already defined"},
    {"a = {}\na.b = 1", "a is already defined and cannot be added to (line 1)"},
    {"a = {b = 1}\n[a.c]", "a is already defined and cannot be added to"},
    {"a = {b = {}}\n[a.b]", "a is already defined and cannot be added to"},
    {"a = {}\n[[a]]", "is not an array of tables"},
    {"[a]\nb = {c = 1}\nb.d = 2", "b is already defined"},
    /* redefinitions */
    {"a = 1\na = 2", "line 2, column 1: a is already defined (line 1)"},
    {"a = 1\n\"a\" = 2", "a is already defined"},
    {"a.b = 1\na.b = 2", "a.b is already defined"},
    {"a.b = 1\na.b.c = 2", "a.b is already defined and cannot be added to"},
    {"a.b.c = 1\na.b = 2", "a.b is already defined"},
    {"a = 1\n[a]", "line 2, column 2: a is already defined (line 1)"},
    {"a = 1\n[a.b]", "a is already defined and cannot be added to"},
    {"[a]\n[a]", "a is already defined (line 1)"},
    {"[a]\nb = 1\n[a.b]", "a.b is already defined"},
    {"[a.b]\n[a]\nb = 1", "b is already defined"},
    {"[fruit]\napple.color = 1\n[fruit.apple]", "fruit.apple is already defined"},
    {"[fruit]\napple.taste.sweet = 1\n[fruit.apple.taste]", "fruit.apple.taste is already defined"},
    {"a.b = 1\n[a]", "a is already defined"},
    {"[a.b.c]\nz=9\n[a]\nb.c.t = 1", "b.c is already defined and cannot be added to"},
    {"[a.b.c.d]\nz=9\n[a]\nb.c.d.k.t = 1", "b.c.d is already defined and cannot be added to"},
    {"[[a.b]]\n[a]\nb.y = 2", "b is already defined and cannot be added to"},
    {"[[a]]\n[a]", "a is already defined"},
    {"[a]\n[[a]]", "a is already defined and is not an array of tables"},
    {"[a.b]\n[[a]]", "a is already defined and is not an array of tables"},
    {"a = []\n[[a]]", "a is already defined and is not an array of tables"},
    {"a = [{}]\n[a.b]", "a is already defined and cannot be added to"},
    {"[[f]]\n[[f.v]]\n[f.v]", "f.v is already defined"},
    {"[[f]]\n[f.p]\n[[f.p]]", "f.p is already defined and is not an array of tables"},
    {"[\"x y\".z]\n[\"x y\".z]", "\"x y\".z is already defined"},
    {"type.name = 1\ntype = {edible = false}", "type is already defined"},
    {"[product]\ntype = {name = 1}\ntype.edible = false", "type is already defined and cannot be added to"},
    {"[fruit.physical]\n[[fruit]]", "fruit is already defined and is not an array of tables"},
    {"[a]\n[a.b]\n[a]", "a is already defined (line 1)"},
    {"[[a]]\na.b = 1\n[[a]]\n[a.a]\n[a.a]", "a.a is already defined"},
    {"a = [{b = 1}]\n[[a]]", "a is already defined and is not an array of tables"},
    /* headers */
    {"[]", "expected a key"},
    {"[a", "expected ']' after the table's name"},
    {"[a]]", "expected the end of the line"},
    {"[a.]", "expected a key"},
    {"[a] b = 1", "expected the end of the line"},
    {"[a\n]", "expected ']'"},
    {"[a b]", "expected ']'"},
    {"[[a]", "expected ']]'"},
    {"[[a] ]", "expected ']]'"},
    {"[ [a]]", "expected a key"},
    {"[[]]", "expected a key"},
    {"[a]\n[[[b]]]", "expected a key"},
};
// clang-format on

TEST(valid_documents) {
  for (size_t i = 0; i < ARRAY_LEN(valid_cases); i++) {
    const struct valid_case *c = &valid_cases[i];
    auto_toml *doc = NULL;
    err *e = toml_parse(c->text, strlen(c->text), "t", &doc);
    if (e) TAP_FAIL("%s: %s", c->text, err_message(e));
    auto_json *expected = json_loads(c->json, JSON_ALLOW_NUL, NULL);
    CHECK(expected != NULL);
    auto_free char *got = json_to_text(toml_root(doc));
    if (!json_equal(toml_root(doc), expected))
      TAP_FAIL("%s gives %s, expected %s", c->text, got, c->json);
  }
}

TEST(invalid_documents) {
  for (size_t i = 0; i < ARRAY_LEN(invalid_cases); i++) {
    const struct invalid_case *c = &invalid_cases[i];
    auto_toml *doc = NULL;
    auto_err *e = toml_parse(c->text, strlen(c->text), "t", &doc);
    if (!e) TAP_FAIL("%s: is accepted, expected: %s", c->text, c->error);
    if (!strstr(err_message(e), c->error) || err_code_of(e) != ERR_INVALID)
      TAP_FAIL("%s: %s, expected: %s", c->text, err_message(e), c->error);
    CHECK(str_starts(err_message(e), "t: line "));
  }
}

/* No text that is cut short may be read past its end: ASan watches an exact copy. */
TEST(every_prefix_of_every_case_is_read_within_bounds) {
  for (size_t i = 0; i < ARRAY_LEN(valid_cases) + ARRAY_LEN(invalid_cases); i++) {
    const char *text = i < ARRAY_LEN(valid_cases) ? valid_cases[i].text
                                                  : invalid_cases[i - ARRAY_LEN(valid_cases)].text;
    for (size_t len = 0; len < strlen(text); len++) {
      auto_free char *exact = mem_dup(text, len ? len : 1);
      auto_toml *doc = NULL;
      err_ignore(toml_parse(exact, len, "t", &doc));
    }
  }
}

TEST(lines_of_keys) {
  const char *text = "a = 1\n"
                     "[b]\n"
                     "c.d = '''\n"
                     "x'''\n"
                     "list = [\n"
                     "  1,\n"
                     "  { k = 2 } ]\n"
                     "\"x.\\\"y\" = 1\n"
                     "[[s]]\n"
                     "[[s]]\n"
                     "name = 1\n"
                     "[z.later]\n"
                     "[z]\n";
  auto_toml *doc = NULL;
  CHECK_OK(toml_parse(text, strlen(text), "t", &doc));
  CHECK_INT(toml_line_of(doc, ""), 1);
  CHECK_INT(toml_line_of(doc, "a"), 1);
  CHECK_INT(toml_line_of(doc, "b"), 2);
  CHECK_INT(toml_line_of(doc, "b.c.d"), 3);
  CHECK_INT(toml_line_of(doc, "b.list"), 5);
  CHECK_INT(toml_line_of(doc, "b.list[0]"), 6);
  CHECK_INT(toml_line_of(doc, "b.list[1].k"), 7);
  CHECK_INT(toml_line_of(doc, "b.\"x.\\\"y\""), 8);
  CHECK_INT(toml_line_of(doc, "s"), 9);
  CHECK_INT(toml_line_of(doc, "s[1]"), 10);
  CHECK_INT(toml_line_of(doc, "s[1].name"), 11);
  CHECK_INT(toml_line_of(doc, "z.later"), 12);
  CHECK_INT(toml_line_of(doc, "z"), 13);
}

TEST(strings_are_told_from_what_is_given_as_text) {
  const char *text = "a = 'x'\nb = \"\"\"y\"\"\"\nc = inf\nd = 1979-05-27\ne = [07:32:00, 'z']\nf = 1\n";
  auto_toml *doc = NULL;
  CHECK_OK(toml_parse(text, strlen(text), "t", &doc));
  CHECK(toml_is_string(doc, "a") && toml_is_string(doc, "b") && toml_is_string(doc, "e[1]"));
  CHECK(!toml_is_string(doc, "c") && !toml_is_string(doc, "d") && !toml_is_string(doc, "e[0]"));
  CHECK(!toml_is_string(doc, "f") && !toml_is_string(doc, "") && !toml_is_string(doc, "x"));
}

TEST(paths_that_lead_nowhere_have_no_line) {
  const char *text = "a = [1]\nb.c = 2";
  static const char *const paths[] = {"x",    "a.b",  "a[1]", "a[0].x", "a[",  "a[x]", "b.c.d",
                                      "b[0]", "b..c", "\"b",  "b.",     "[0]", "a[0",  "\""};
  auto_toml *doc = NULL;
  CHECK_OK(toml_parse(text, strlen(text), "t", &doc));
  for (size_t i = 0; i < ARRAY_LEN(paths); i++)
    if (toml_line_of(doc, paths[i]) != 0) TAP_FAIL("'%s' has a line", paths[i]);
}

TEST(joined_paths) {
  static const char *const cases[][3] = {{"", "a", "a"},
                                         {"a", "b-1_C", "a.b-1_C"},
                                         {"a", "", "a.\"\""},
                                         {"a", "b.c", "a.\"b.c\""},
                                         {"a[2]", "q\"\\", "a[2].\"q\\\"\\\\\""}};
  for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
    auto_free char *path = toml_path_join(cases[i][0], cases[i][1]);
    CHECK_TEXT(path, cases[i][2]);
  }
}

static err *parse_repeated(const char *start, const char *unit, size_t count) {
  auto_str text = STR_EMPTY;
  str_add(&text, start);
  for (size_t i = 0; i < count; i++)
    str_add(&text, unit);
  auto_toml *doc = NULL;
  return toml_parse(str_text(&text), text.len, "t", &doc);
}

TEST(limits) {
  CHECK_ERR(parse_repeated("a = ", "[", 65), ERR_LIMIT, "more than 64 levels of nesting");
  CHECK_ERR(parse_repeated("a = ", "[", 64), ERR_INVALID, "expected a value");
  CHECK_ERR(parse_repeated("a = ", "{a=", 100000), ERR_LIMIT, "levels of nesting");
  CHECK_ERR(parse_repeated("[a", ".a", 64), ERR_INVALID, "expected ']'");
  CHECK_ERR(parse_repeated("a", ".a", 65), ERR_INVALID, "expected '='");
  CHECK_ERR(
      parse_repeated("a=1\n[b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b."
                     "b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b.b]",
                     "", 0),
      ERR_LIMIT, "levels of nesting");
  CHECK_ERR(parse_repeated("", "[[a]]\n", 100001), ERR_LIMIT, "more than 100000 values");
  CHECK_ERR(parse_repeated("#", "x", TOML_MAX_BYTES), ERR_LIMIT, "larger than 1048576 bytes");
  CHECK_OK(parse_repeated("#", "x", TOML_MAX_BYTES - 1));
  CHECK_ERR(parse_repeated("a = ", "1", 2000), ERR_INVALID, "the value is too long");
}

TEST_MAIN
