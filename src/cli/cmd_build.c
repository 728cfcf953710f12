/* build --plan. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "build/plan.h"
#include "cli/cli.h"
#include "cli/commands.h"

#define DOCKERFILE "Dockerfile"

/* A Dockerfile is used as it is, whatever else lies there. */
static void show_dockerfile(struct cli *cli, const struct args *args, const char *text) {
  auto_json *answer = json_pack("{s:s, s:s}", "provider", "dockerfile", "dockerfile", text);
  if (args_has(args, "json"))
    out_json(&cli->out, answer);
  else
    out_line(&cli->out,
             "There is a Dockerfile: it is built as it is, and nothing is planned.\n\n%s", text);
}

static json_t *plan_json(const struct plan *plan) {
  json_t *notes = json_array();
  for (size_t i = 0; i < plan->notes.len; i++)
    json_array_append_new(notes, json_string(plan->notes.items[i]));
  return json_pack("{s:s, s:s, s:s, s:o, s:s}", "provider", plan->provider, "startCommand",
                   plan->start_command, "releaseCommand", plan->release, "notes", notes,
                   "dockerfile", plan->dockerfile);
}

static err *show_plan(struct cli *cli, const struct args *args, const struct source_view *view,
                      const struct strv *variables) {
  struct plan_request request = {
      .source = view,
      .variables = (const char *const *)variables->items,
      .build_command = args_text(args, "build-command"),
      .start_command = args_text(args, "start-command"),
      .service_id = "local",
  };
  struct plan plan;
  TRY(plan_make(&request, &plan));
  auto_json *answer = plan_json(&plan);
  auto_free char *text = plan_print(&plan);
  plan_done(&plan);
  if (args_has(args, "json"))
    out_json(&cli->out, answer);
  else
    out_line(&cli->out, "%s", text);
  return NULL;
}

static err *run_build(struct cli *cli, const struct args *args) {
  const char *folder = args_word(args, 0) ? args_word(args, 0) : ".", *pair;
  auto_strv variables = STRV_EMPTY;
  auto_str dockerfile = STR_EMPTY;
  size_t cursor = 0;
  if (!args_has(args, "plan"))
    return err_new(ERR_INVALID,
                   "builds run on the server: `%s up` starts one; `%s build --plan` "
                   "shows what it would do",
                   cli->program, cli->program);
  while ((pair = args_next(args, "variable", &cursor)))
    strv_add(&variables, pair);
  struct source_view view;
  TRY(source_view_open(folder, &view));
  err *e = NULL;
  if (source_read(&view, DOCKERFILE, &dockerfile))
    show_dockerfile(cli, args, str_text(&dockerfile));
  else
    e = show_plan(cli, args, &view, &variables);
  source_view_close(&view);
  return err_wrap(e, "planning the build of '%s'", folder);
}

/* clang-format off */
static const struct flag build_flags[] = {
  { "plan",          NULL,      "show what a build would do, and its Dockerfile" },
  { "variable|v",    "K=V",     "plan with this service variable; may be repeated" },
  { "build-command", "COMMAND", "plan with this build command" },
  { "start-command", "COMMAND", "plan with this start command" },
  FLAG_JSON, FLAG_END,
};
/* clang-format on */
const struct command command_build = {
    .name = "build",
    .usage = "[PATH]",
    .summary = "Show how this folder would be built",
    .details = "Without a Dockerfile the planner looks at the files, finds out what they are and\n"
               "writes one. --plan prints it with its reasons; nothing is sent or built.",
    .examples = "build --plan\nbuild --plan backend -v RAILPACK_PYTHON_VERSION=3.11",
    .flags = build_flags,
    .max_words = 1,
    .run = run_build,
};
