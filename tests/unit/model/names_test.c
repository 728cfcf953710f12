/* The words of every enum are Railway's (reference section 1), in the enum's order. */
#include "model/names.h"

#include "base/mem.h"
#include "base/str.h"
#include "model/account.h"
#include "model/deployment.h"
#include "model/domain.h"
#include "model/service_settings.h"
#include "tap.h"

// clang-format off
static const struct {
  const struct names *names;
  const char *words;
} enums[] = {
  {&deployment_status_names, "QUEUED WAITING NEEDS_APPROVAL INITIALIZING BUILDING DEPLOYING SUCCESS "
                             "FAILED CRASHED SLEEPING SKIPPED REMOVING REMOVED"},
  {&deployment_step_kind_names, "SNAPSHOT_CODE BUILD_IMAGE PUBLISH_IMAGE WAIT_FOR_DEPENDENCIES "
                                "PRE_DEPLOY_COMMAND MIGRATE_VOLUMES CREATE_CONTAINER "
                                "CONFIGURE_NETWORK HEALTHCHECK DRAIN_INSTANCES"},
  {&instance_status_names, "CREATED INITIALIZING RUNNING RESTARTING EXITED STOPPED CRASHED SKIPPED "
                           "REMOVING REMOVED"},
  {&deployment_cause_names, "UP REPO IMAGE REDEPLOY ROLLBACK RESTART VARIABLES"},
  {&instance_role_names,    "REPLICA PRE_DEPLOY TASK"},
  {&sync_status_names,      "CREATING UPDATING ACTIVE DELETING DELETED UNSPECIFIED"},
  {&domain_kind_names,      "SERVICE CUSTOM"},
  {&workspace_role_names,   "ADMIN MEMBER DEPLOYER VIEWER"},
  {&api_token_kind_names,   "ACCOUNT WORKSPACE SESSION"},
  {&source_kind_names,      "none upload repo image"},
  {&builder_names,          "RAILPACK DOCKERFILE NIXPACKS HEROKU PAKETO"},
  {&restart_policy_names,   "ON_FAILURE ALWAYS NEVER"},
};
// clang-format on

TEST(the_words_are_railways) {
  for (size_t i = 0; i < ARRAY_LEN(enums); i++) {
    auto_str words = STR_EMPTY;
    for (unsigned j = 0; j < enums[i].names->count; j++)
      str_addf(&words, "%s%s", j ? " " : "", names_word(enums[i].names, j));
    CHECK_TEXT(str_text(&words), enums[i].words);
  }
}

TEST(every_word_is_found_again) {
  for (size_t i = 0; i < ARRAY_LEN(enums); i++) {
    for (unsigned j = 0; j < enums[i].names->count; j++) {
      unsigned value;
      CHECK_OK(names_find(enums[i].names, names_word(enums[i].names, j), &value));
      CHECK_INT(value, j);
    }
  }
}

TEST(the_last_word_is_the_last_value) {
  CHECK_TEXT(deployment_status_name(DEPLOYMENT_REMOVED), "REMOVED");
  CHECK_TEXT(deployment_step_kind_name(STEP_DRAIN_INSTANCES), "DRAIN_INSTANCES");
  CHECK_TEXT(instance_status_name(INSTANCE_REMOVED), "REMOVED");
  CHECK_TEXT(deployment_cause_name(DEPLOYMENT_CAUSE_VARIABLES), "VARIABLES");
  CHECK_TEXT(instance_role_name(INSTANCE_TASK), "TASK");
  CHECK_TEXT(sync_status_name(SYNC_UNSPECIFIED), "UNSPECIFIED");
  CHECK_TEXT(domain_kind_name(DOMAIN_CUSTOM), "CUSTOM");
  CHECK_TEXT(workspace_role_name(WORKSPACE_VIEWER), "VIEWER");
  CHECK_TEXT(api_token_kind_name(API_TOKEN_SESSION), "SESSION");
  CHECK_TEXT(source_kind_name(SOURCE_IMAGE), "image");
  CHECK_TEXT(builder_name(BUILDER_PAKETO), "PAKETO");
  CHECK_TEXT(restart_policy_name(RESTART_NEVER), "NEVER");
}

TEST(letter_case_is_ignored) {
  enum builder builder = BUILDER_DOCKERFILE;
  enum restart_policy policy = RESTART_ALWAYS;
  CHECK_OK(builder_parse("railpack", &builder));
  CHECK_INT(builder, BUILDER_RAILPACK);
  CHECK_OK(restart_policy_parse("never", &policy));
  CHECK_INT(policy, RESTART_NEVER);
}

TEST(an_unknown_word_is_answered_with_the_known_ones) {
  enum restart_policy policy = RESTART_ALWAYS;
  static const char *const words[] = {"SOMETIMES", "", "NEVE", "NEVER ", NULL};
  for (size_t i = 0; i < ARRAY_LEN(words); i++)
    CHECK_ERR(restart_policy_parse(words[i], &policy), ERR_INVALID,
              "is not one of ON_FAILURE, ALWAYS, NEVER");
  CHECK_INT(policy, RESTART_ALWAYS);
}

TEST(final_and_active_do_not_overlap) {
  for (unsigned i = 0; i < DEPLOYMENT_STATUS_COUNT; i++) {
    enum deployment_status s = (enum deployment_status)i;
    CHECK(!(deployment_status_is_final(s) && deployment_status_is_active(s)));
  }
  CHECK_INT(deployment_status_names.count, DEPLOYMENT_STATUS_COUNT);
}

TEST_MAIN
