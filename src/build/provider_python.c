/* Python: requirements.txt, pyproject.toml, Pipfile, or a program with one of the usual names.
 *
 * pip does the installing, whatever tool wrote the project: it is what works with an index and, in
 * our own base image, without one (docs/adr/0005).  Lock files of uv, Poetry and PDM are not read. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/json.h"
#include "build/provider_python.h"

#define DEFAULT_VERSION "3.13"

static const char *const programs[] = {"main.py", "app.py", "start.py", "bot.py", "hello.py", "server.py"};

static const char *find_program(const struct draft *d) {
  for (size_t i = 0; i < ARRAY_LEN(programs); i++)
    if (draft_has(d, programs[i])) return programs[i];
  return NULL;
}

static bool detect(const struct draft *d) {
  return draft_has(d, "requirements.txt") || draft_has(d, "pyproject.toml") || draft_has(d, "Pipfile") ||
         find_program(d);
}

/* ">=3.9" is met by the default, "==3.11.*" and "3.11" are not. */
static char *version_of_range(const char *range) {
  char *number = version_number(range, 2);
  const char *dot = strchr(number, '.');
  bool open = str_starts(range, ">") || str_starts(range, "^");
  const char *upper = strchr(range, '<');
  auto_free char *limit = version_number(upper ? upper : "", 2);
  const char *limit_dot = strchr(limit, '.');
  bool default_fits = !limit_dot || atoi(limit_dot + 1) > 13;
  if (*number && !(open && default_fits && dot && atoi(dot + 1) <= 13)) return number;
  free(number);
  return NULL;
}

static char *find_version(struct draft *d) {
  auto_json *project = NULL;
  auto_err *bad = draft_read_object(d, "pyproject.toml", &project); /* reported by python_requirements */
  auto_free char *dot_file = draft_read(d, ".python-version");
  auto_free char *runtime = draft_read(d, "runtime.txt");
  const struct { const char *range, *where; } places[] = {
      {draft_setting(d, "PYTHON_VERSION"), "a PYTHON_VERSION variable"},
      {dot_file, ".python-version"},
      {runtime, "runtime.txt"},
      {bad ? NULL : json_get_text(json_object_get(project, "project"), "requires-python"), "requires-python in pyproject.toml"},
  };
  for (size_t i = 0; i < ARRAY_LEN(places); i++) {
    char *version = str_empty(places[i].range) ? NULL : version_of_range(places[i].range);
    if (!version) continue;
    draft_note(d, "Python %s (from %s)", version, places[i].where);
    return version;
  }
  draft_note(d, "Python " DEFAULT_VERSION " (nothing asks for another)");
  return str_dup(DEFAULT_VERSION);
}

/* Lines of requirements.txt that name other files. */
static bool names_files(const char *text) {
  auto_strv lines = STRV_EMPTY;
  strv_split(&lines, text, '\n');
  for (size_t i = 0; i < lines.len; i++) {
    const char *line = str_trim(lines.items[i]);
    if (str_starts(line, "-r") || str_starts(line, "-c") || str_starts(line, "-e") || str_starts(line, ".") ||
        str_starts(line, "--requirement") || str_starts(line, "--constraint"))
      return true;
  }
  return false;
}

static void add_install(struct draft *d, const struct strv *requirements) {
  auto_free char *text = draft_read(d, "requirements.txt");
  strv_add(&d->caches, "/root/.cache/pip");
  if (text) {
    if (!names_files(text)) strv_add(&d->install_files, "requirements.txt");
    strv_add(&d->installs, "pip install -r requirements.txt");
    draft_note(d, "requirements.txt, installed with pip");
    return;
  }
  if (!requirements->len) return;
  auto_str command = STR_EMPTY;
  str_add(&command, "pip install");
  for (size_t i = 0; i < requirements->len; i++) {
    str_add_char(&command, ' ');
    shell_quote(&command, requirements->items[i]);
  }
  strv_add(&d->installs, str_text(&command));
  draft_note(d, "%s, installed with pip (lock files are not read)", draft_has(d, "Pipfile") ? "Pipfile" : "pyproject.toml");
}

/* psycopg2 and mysqlclient compile against C libraries, unless Debian's own package is used. */
static void add_system_packages(struct draft *d, const struct strv *requirements) {
  bool postgres = python_depends_on(d, requirements, "psycopg2");
  bool mysql = python_depends_on(d, requirements, "mysqlclient");
  if (!postgres && !mysql) return;
  auto_free char *before = str_dup(d->setup);
  draft_set(&d->setup, "%s# Debian's own package (when no index answers) needs no compiler.\n"
            "RUN [ -e /usr/share/tramway/pydist ] || { apt-get update && apt-get install -y --no-install-recommends gcc%s%s"
            " && rm -rf /var/lib/apt/lists/*; }\n", before, postgres ? " libpq-dev" : "",
            mysql ? " default-libmysqlclient-dev pkg-config" : "");
}

/* "mysite.wsgi" of WSGI_APPLICATION = "mysite.wsgi.application" in a settings.py; owned. */
static char *django_module(const struct draft *d) {
  const char *set = draft_variable(d, "RAILPACK_DJANGO_APP_NAME");
  if (set) return str_format("%s.wsgi", set);
  auto_strv names = STRV_EMPTY;
  d->source->list(d->source->arg, "", &names);
  for (size_t i = 0; i < names.len; i++) {
    size_t len = strlen(names.items[i]);
    if (!len || names.items[i][len - 1] != '/') continue;
    names.items[i][len - 1] = '\0';
    auto_free char *wsgi = str_format("%s/wsgi.py", names.items[i]);
    if (draft_has(d, wsgi)) return str_format("%s.wsgi", names.items[i]);
  }
  return NULL;
}

static bool start_django(struct draft *d, const struct strv *requirements) {
  auto_free char *module = draft_has(d, "manage.py") ? django_module(d) : NULL;
  if (!module) return false;
  if (python_depends_on(d, requirements, "gunicorn"))
    draft_set(&d->start, "python manage.py migrate && gunicorn --bind 0.0.0.0:${PORT:-8000} %s:application", module);
  else
    draft_set(&d->start, "python manage.py migrate && python manage.py runserver 0.0.0.0:${PORT:-8000}");
  draft_note(d, "Django, with %s", module);
  return true;
}

static void find_start(struct draft *d, const struct strv *requirements) {
  if (start_django(d, requirements)) return;
  const char *program = find_program(d);
  if (!program) return;
  auto_free char *module = str_ndup(program, strlen(program) - strlen(".py"));
  bool asgi = python_depends_on(d, requirements, "fastapi") || python_depends_on(d, requirements, "python-fasthtml") ||
              python_depends_on(d, requirements, "starlette");
  if (asgi && python_depends_on(d, requirements, "uvicorn")) {
    draft_set(&d->start, "uvicorn %s:app --host 0.0.0.0 --port ${PORT:-8000}", module);
    draft_note(d, "an ASGI app in %s, served by uvicorn", program);
  } else if (python_depends_on(d, requirements, "flask") && python_depends_on(d, requirements, "gunicorn")) {
    draft_set(&d->start, "gunicorn --bind 0.0.0.0:${PORT:-8000} %s:app", module);
    draft_note(d, "a Flask app in %s, served by gunicorn", program);
  } else {
    draft_set(&d->start, "python %s", program);
  }
}

static err *fill(struct draft *d) {
  auto_strv requirements = STRV_EMPTY;
  TRY(python_requirements(d, &requirements));
  auto_free char *version = find_version(d);
  draft_set(&d->image, "python:%s-slim", version);
  draft_set(&d->setup, "ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=/app PIP_ROOT_USER_ACTION=ignore "
                       "PIP_DISABLE_PIP_VERSION_CHECK=1\n");
  add_system_packages(d, &requirements);
  add_install(d, &requirements);
  find_start(d, &requirements);
  return NULL;
}

const struct provider provider_python = {
    .name = "python",
    .detect = detect,
    .fill = fill,
    .looks_for = "requirements.txt, pyproject.toml, Pipfile, main.py, app.py (Python)",
};
