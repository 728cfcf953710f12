/* Environments: empty ones and copies. */
#include "town.h"

static void set_in(const char *service_id, const char *name, bool sealed) {
  struct variable v = {.name = (char *)name, .value = (char *)"x", .is_sealed = sealed};
  id_copy(v.project_id, project.id);
  id_copy(v.environment_id, instance.environment_id);
  id_copy(v.service_id, service_id);
  CHECK_OK(variable_set(town_db, &v));
}

static void instance_in(const struct environment *e, struct service_instance *ret_instance) {
  bool found = false;
  CHECK_OK(service_instance_find(town_db, service.id, e->id, &found, ret_instance));
  CHECK(found);
}

TEST(an_empty_one_has_every_service_and_nothing_of_it) {
  town_open();
  auto_environment made = {0};
  auto_service_instance i = {0};
  auto_variable_list variables = {0};
  auto_domain_list domains = {0};
  set_variable("COLOUR", "blue");
  CHECK_OK(core_environment_create(town, project.id, "staging", NULL, false, &made));
  instance_in(&made, &i);
  CHECK_INT(i.settings.source_kind, SOURCE_NONE);
  CHECK_OK(variable_list_by_environment(town_db, made.id, &variables));
  CHECK_OK(domain_list_by_environment(town_db, made.id, &domains));
  CHECK_INT(variables.len + domains.len, 0);
  CHECK(!made.is_ephemeral && !*made.source_environment_id);
  town_close();
}

TEST(a_copy_has_settings_variables_and_domains_of_its_own) {
  town_open();
  auto_environment made = {0};
  auto_service_instance i = {0};
  auto_variable_list variables = {0};
  auto_domain_list domains = {0};
  struct domain custom = {.kind = DOMAIN_CUSTOM, .host = (char *)"shop.example.org", .sync_status = SYNC_ACTIVE};
  id_copy(custom.project_id, project.id);
  id_copy(custom.environment_id, instance.environment_id);
  id_copy(custom.service_id, service.id);
  id_copy(custom.service_instance_id, instance.id);
  CHECK_OK(domain_insert(town_db, &custom));
  CHECK_OK(core_domain_set_port(town, domain.id, 3000));
  set_in(service.id, "PLAIN", false);
  set_in(service.id, "SEALED", true);
  set_in("", "SHARED", false);
  str_replace_owned(&instance.settings.start_command, "run it");
  change_settings();
  CHECK_OK(core_environment_create(town, project.id, "staging", instance.environment_id, true, &made));
  instance_in(&made, &i);
  CHECK_TEXT(i.settings.start_command, "run it");
  CHECK_TEXT(i.settings.source_image, instance.settings.source_image);
  CHECK_OK(variable_list_by_environment(town_db, made.id, &variables));
  CHECK_INT(variables.len, 2);
  CHECK_TEXT(variables.items[0].name, "SHARED");
  CHECK_TEXT(variables.items[1].name, "PLAIN");
  CHECK_OK(domain_list_by_environment(town_db, made.id, &domains));
  CHECK_INT(domains.len, 1);
  CHECK(str_starts(domains.items[0].host, "api-staging-"));
  CHECK_INT(domains.items[0].target_port, 3000);
  CHECK(made.is_ephemeral);
  CHECK_TEXT(made.source_environment_id, instance.environment_id);
  town_close();
}

TEST(a_copy_lives_beside_its_source_and_goes_without_it) {
  town_open();
  auto_environment made = {0}, gone = {0};
  auto_service_instance i = {0};
  auto_environment_list deleted = {0};
  char ours[ID_SIZE], theirs[ID_SIZE];
  deploy_live(ours);
  CHECK_OK(core_environment_create(town, project.id, "staging", instance.environment_id, false, &made));
  instance_in(&made, &i);
  CHECK_OK(core_deploy_instance(town, &i, "", theirs));
  WAIT_STATUS(theirs, SUCCESS);
  CHECK_OK(core_environment_delete(town, made.id));
  WAIT(fake_count(en, theirs) == 0);
  CHECK_STATUS(ours, SUCCESS);
  CHECK_TEXT(served_by(), ours);
  CHECK_ERR(environment_get(town_db, made.id, &gone), ERR_NOT_FOUND, "");
  CHECK_OK(environment_list_deleted(town_db, &deleted));
  CHECK_ERR(core_environment_delete(town, instance.environment_id), ERR_CONFLICT, "last environment");
  town_close();
}

TEST(what_cannot_be_copied_leaves_nothing) {
  town_open();
  auto_environment made = {0};
  auto_project other = {0};
  auto_environment_list theirs = {0}, ours = {0};
  CHECK_OK(core_project_create(town, workspace.id, "other", NULL, &other));
  CHECK_OK(environment_list_by_project(town_db, other.id, NULL, &theirs));
  CHECK_ERR(core_environment_create(town, project.id, "a", theirs.items[0].id, false, &made), ERR_NOT_FOUND,
            "not in this project");
  CHECK_ERR(core_environment_create(town, project.id, "production", NULL, false, &made), ERR_CONFLICT, "already");
  CHECK_ERR(core_environment_create(town, project.id, "…", NULL, false, &made), ERR_INVALID, "no letter or digit");
  for (int n = 1; n <= 12; n++) { /* the database fails at one statement after another */
    db_fail_after(town_db, n);
    auto_err *e = core_environment_create(town, project.id, "b", instance.environment_id, false, &made);
    db_fail_after(town_db, 0);
    if (!e) break;
  }
  environment_list_done(&ours);
  CHECK_OK(environment_list_by_project(town_db, project.id, NULL, &ours));
  CHECK(ours.len == 1 || (ours.len == 2 && str_eq(ours.items[0].name, "b")));
  town_close();
}

TEST(names_are_as_long_as_scripts_make_them) {
  town_open();
  auto_environment made = {0}, longer = {0};
  CHECK_OK(core_environment_create(town, project.id, "pr-feature-deployment-workflow-12", NULL, false, &made));
  CHECK_ERR(core_environment_create(town, project.id, "a234567890123456789012345678901234567890123456789012345678901234x",
                                    NULL, false, &longer), ERR_INVALID, "at most 64");
  town_close();
}

/* ---- services ---- */

TEST(a_copy_of_a_service_has_its_settings_and_unsealed_variables) {
  town_open();
  auto_environment staging = {0};
  auto_service first = {0}, second = {0};
  auto_service_instance i = {0}, elsewhere = {0};
  auto_variable_list copied = {0}, kept = {0};
  auto_domain_list domains = {0};
  bool found = false;
  set_in(service.id, "PLAIN", false);
  set_in(service.id, "SEALED", true);
  set_in("", "SHARED", false);
  str_replace_owned(&instance.settings.start_command, "run it");
  change_settings();
  CHECK_OK(core_environment_create(town, project.id, "staging", NULL, false, &staging));
  CHECK_OK(core_service_duplicate(town, &instance, &first));
  CHECK_OK(core_service_duplicate(town, &instance, &second));
  CHECK_TEXT(first.name, "api-copy");
  CHECK_TEXT(second.name, "api-copy-2");
  CHECK_OK(service_instance_find(town_db, first.id, instance.environment_id, &found, &i));
  CHECK(found && service_settings_equal(&i.settings, &instance.settings));
  CHECK_OK(service_instance_find(town_db, first.id, staging.id, &found, &elsewhere));
  CHECK(!found);
  CHECK_OK(variable_list(town_db, instance.environment_id, first.id, &copied));
  CHECK_INT(copied.len, 1);
  CHECK_TEXT(copied.items[0].name, "PLAIN");
  CHECK_TEXT(copied.items[0].value, "x");
  CHECK_OK(variable_list(town_db, instance.environment_id, service.id, &kept));
  CHECK_INT(kept.len, 2);
  CHECK_OK(domain_list_by_instance(town_db, i.id, &domains));
  CHECK_INT(domains.len, 0);
  town_close();
}

TEST(a_long_name_is_cut_for_its_copy) {
  town_open();
  auto_service copy = {0}, wide = {0};
  auto_service_instance i = {0};
  town_make_service("\u00e4bcdefghijklmnopqrstuv\u00e4xyz-\u00e4", &wide, &i);
  CHECK_OK(core_service_duplicate(town, &i, &copy));
  CHECK_TEXT(copy.name, "\u00e4bcdefghijklmnopqrstuv\u00e4-copy");
  town_close();
}

TEST_MAIN
