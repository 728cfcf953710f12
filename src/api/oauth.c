/* The device flow over HTTP: POST /oauth/device/auth and /oauth/token for the program, and /device, a page
 * without script for the person.
 *
 * The page takes a password, so nothing that a browser sends by itself allows anything; the token in the
 * form and in the cookie keeps others from sending the form in somebody's name all the same. */
#include <stdlib.h>
#include <string.h>

#include "api/device.h"
#include "api/internal.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "http/url.h"

#define DEVICE_GRANT "urn:ietf:params:oauth:grant-type:device_code"
#define CSRF_COOKIE "tramway_csrf"
enum { CSRF_BYTES = 16 };

static void pairs_done(struct url_pairs *pairs) {
  url_pairs_done(pairs);
}
#define auto_pairs __attribute__((cleanup(pairs_done))) struct url_pairs

static err *read_form(const http_request *r, struct url_pairs *ret_pairs) {
  size_t len;
  const char *body = http_body(r, &len);
  if (strlen(body) != len) return err_new(ERR_INVALID, "the form cannot be read");
  return url_parse_query(body, ret_pairs);
}

static const char *field(const struct url_pairs *pairs, const char *name) {
  const char *value = url_pairs_get(pairs, name);
  return value ? value : "";
}

/* ---- for the program ---- */

/* Error answers of RFC 6749, 5.2. */
static void respond_error(http_request *r, int status, const char *code, const char *description) {
  auto_json *body = json_pack("{s:s, s:s}", "error", code, "error_description", description);
  http_add_header(r, "Cache-Control", "no-store");
  http_respond_json(r, status, body);
}

void handle_device_auth(http_request *r, void *api_) {
  api *a = api_;
  struct caller caller = {0};
  char user_code[USER_CODE_SIZE];
  auto_free char *device_code = NULL;
  auth_origin(r, &caller);
  auto_free char *origin = str_format("%s at %s", *caller.agent ? caller.agent : "a program", caller.address);
  err *e = device_begin(a->devices, origin, clock_now_us(), &device_code, user_code);
  if (e) {
    http_respond_err(r, e);
    return;
  }
  auto_free char *uri = str_format("%s/device", a->public_url);
  auto_free char *complete = str_format("%s/device?user_code=%s", a->public_url, user_code);
  auto_json *body = json_pack("{s:s, s:s, s:s, s:s, s:i, s:i}", "device_code", device_code, "user_code", user_code,
                              "verification_uri", uri, "verification_uri_complete", complete, "expires_in",
                              DEVICE_LIFE_S, "interval", DEVICE_INTERVAL_S);
  http_add_header(r, "Cache-Control", "no-store");
  http_respond_json(r, 200, body);
}

static void respond_token(api *a, http_request *r, const char *user_id) {
  struct caller caller = {0};
  auto_free char *secret = NULL;
  auth_origin(r, &caller);
  err *e = auth_issue_session(a->parts.db, user_id, &caller, &secret);
  if (e) {
    http_respond_err(r, e);
    return;
  }
  auto_json *body = json_pack("{s:s, s:s}", "access_token", secret, "token_type", "Bearer");
  http_add_header(r, "Cache-Control", "no-store");
  http_respond_json(r, 200, body);
}

void handle_oauth_token(http_request *r, void *api_) {
  static const struct {
    const char *code, *description;
  } told[] = {[DEVICE_PENDING] = {"authorization_pending", "nobody has answered yet"},
              [DEVICE_SLOW_DOWN] = {"slow_down", "ask less often"},
              [DEVICE_EXPIRED] = {"expired_token", "the code is unknown, was used or has expired: begin again"},
              [DEVICE_DENIED] = {"access_denied", "it was refused"}};
  api *a = api_;
  auto_pairs pairs = {0};
  char user_id[ID_SIZE];
  err *e = read_form(r, &pairs);
  if (e) {
    err_free(e);
    respond_error(r, 400, "invalid_request", "the form cannot be read");
  } else if (!str_eq(field(&pairs, "grant_type"), DEVICE_GRANT)) {
    respond_error(r, 400, "unsupported_grant_type", "only " DEVICE_GRANT);
  } else {
    enum device_state state = device_poll(a->devices, field(&pairs, "device_code"), clock_now_us(), user_id);
    if (state == DEVICE_ALLOWED)
      respond_token(a, r, user_id);
    else
      respond_error(r, 400, told[state].code, told[state].description);
  }
}

/* ---- for the person ---- */

static void add_html(struct str *text, const char *plain) {
  for (; *plain; plain++) {
    const char *escaped = *plain == '<' ? "&lt;" : *plain == '>' ? "&gt;" : *plain == '&' ? "&amp;" :
                          *plain == '"' ? "&quot;" : *plain == '\'' ? "&#39;" : NULL;
    if (escaped)
      str_add(text, escaped);
    else
      str_add_char(text, *plain);
  }
}

static void respond_page(http_request *r, int status, const struct str *content) {
  static const struct http_header headers[] = {
      {"Content-Type", "text/html; charset=utf-8"},
      {"Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"},
      {"X-Frame-Options", "DENY"},
      {"X-Content-Type-Options", "nosniff"},
      {"Referrer-Policy", "no-referrer"},
      {"Cache-Control", "no-store"},
      {NULL, NULL}};
  auto_free char *page = str_format(
      "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">"
      "<title>Tramway</title><style>body{font:16px/1.5 sans-serif;max-width:24em;margin:4em auto;padding:0 1em}"
      "label{display:block;margin:.8em 0}input{width:100%%;font:inherit;padding:.3em;box-sizing:border-box}"
      "button{font:inherit;padding:.4em 1.2em;margin:.8em .5em 0 0}.bad{color:#a00}</style>%s</html>\n",
      str_text(content));
  http_respond(r, status, headers, page, strlen(page));
}

static void respond_words(http_request *r, int status, const char *words) {
  auto_str content = STR_EMPTY;
  str_addf(&content, "<h1>Tramway</h1><p>%s</p>", words);
  respond_page(r, status, &content);
}

static void add_input(struct str *text, const char *label, const char *attributes) {
  str_addf(text, "<label>%s<input %s></label>", label, attributes);
}

/* The form; `problem` (or NULL) stands above it. */
static void respond_form(api *a, http_request *r, int status, const char *user_code, const char *problem) {
  auto_str text = STR_EMPTY;
  auto_free char *csrf = secret_random_hex(CSRF_BYTES);
  const char *origin = device_find(a->devices, user_code, clock_now_us());
  str_add(&text, "<h1>Sign a program in</h1>");
  if (problem) {
    str_add(&text, "<p class=bad>");
    add_html(&text, problem);
    str_add(&text, "</p>");
  }
  if (origin) {
    str_add(&text, "<p><b>");
    add_html(&text, origin);
    str_add(&text, "</b> wants to act as you. Go on only if you started it yourself and it shows this code.</p>");
  }
  str_addf(&text, "<form method=post action=/device><input type=hidden name=csrf value=%s>", csrf);
  str_add(&text, "<label>Code<input name=user_code required autocomplete=off value=\"");
  add_html(&text, user_code);
  str_add(&text, "\"></label>");
  add_input(&text, "E-mail", "name=email type=email required autocomplete=username");
  add_input(&text, "Password", "name=password type=password required autocomplete=current-password");
  add_input(&text, "Code of your authenticator app, if you use one", "name=code inputmode=numeric autocomplete=one-time-code");
  str_add(&text, "<button name=answer value=allow>Sign in</button><button name=answer value=deny>Refuse</button></form>");
  auto_free char *cookie = str_format(CSRF_COOKIE "=%s; Path=/device; HttpOnly; SameSite=Strict; Max-Age=%d%s", csrf,
                                      DEVICE_LIFE_S, str_starts(a->public_url, "https://") ? "; Secure" : "");
  http_add_header(r, "Set-Cookie", cookie);
  respond_page(r, status, &text);
}

void handle_device_page(http_request *r, void *api_) {
  const char *user_code = http_query(r, "user_code");
  respond_form(api_, r, 200, user_code ? user_code : "", NULL);
}

/* Whether the cookie of that name has that value. */
static bool cookie_is(const http_request *r, const char *name, const char *value) {
  const char *header = http_header(r, "cookie");
  auto_strv parts = STRV_EMPTY;
  auto_free char *wanted = str_format("%s=%s", name, value);
  if (!header || strlen(value) != 2 * CSRF_BYTES) return false;
  strv_split(&parts, header, ';');
  for (size_t i = 0; i < parts.len; i++) {
    const char *part = str_trim(parts.items[i]);
    if (strlen(part) == strlen(wanted) && secret_equal(part, wanted, strlen(wanted))) return true;
  }
  return false;
}

static err *decide(api *a, const http_request *r, const struct url_pairs *form, bool *ret_allowed) {
  auto_user user = {0};
  struct caller caller = {0};
  const char *user_code = field(form, "user_code");
  auth_origin(r, &caller);
  *ret_allowed = str_eq(field(form, "answer"), "allow");
  struct credentials given = {.email = field(form, "email"), .password = field(form, "password"), .code = field(form, "code")};
  TRY(auth_sign_in(a, caller.address, &given, &user));
  caller.kind = CALLER_USER;
  id_copy(caller.user_id, user.id);
  TRY(audit_accepted(a, &caller, *ret_allowed ? "deviceAllow" : "deviceDeny", NULL, NULL));
  if (!device_decide(a->devices, user_code, user.id, *ret_allowed, clock_now_us()))
    return err_new(ERR_NOT_FOUND, "No program waits with this code: it was used, or ten minutes are over");
  return NULL;
}

void handle_device_form(http_request *r, void *api_) {
  api *a = api_;
  auto_pairs form = {0};
  bool allowed = false;
  err *e = read_form(r, &form);
  if (e) {
    http_respond_err(r, e);
    return;
  }
  if (!cookie_is(r, CSRF_COOKIE, field(&form, "csrf"))) {
    respond_form(a, r, 403, field(&form, "user_code"), "The form was old, or came from another page: fill it in again");
    return;
  }
  e = decide(a, r, &form, &allowed);
  if (e)
    respond_form(a, r, err_code_http_status(err_code_of(e)), field(&form, "user_code"), err_message(e));
  else
    respond_words(r, 200, allowed ? "The program is signed in. You may close this page."
                                  : "The program was refused. You may close this page.");
  err_free(e);
}

/* An invitation's link, opened in a browser. */
void handle_invitation(http_request *r, void *api_) {
  (void)api_;
  respond_words(r, 200, "This is an invitation into a workspace. Type <code>tram invite accept</code> and this page's address.");
}
