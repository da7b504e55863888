//! What rackhand relies on of a Kubernetes API, as cases that run against the double always and against a real server
//! where `RACKHAND_TEST_APISERVER` names one (with `_TOKEN` of an administrator, `_USER_TOKEN` of the user
//! `rackhand-user` without rights, and `_CA`, a PEM file). Where the two differ, the double is wrong.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot be set up must fail"
)]

mod access;
mod api;
mod apply;
mod core;
mod definitions;
mod objects;
mod schema;
mod watch;

/// Each case twice: against the double, and against the real server.
macro_rules! cases {
    ($($group:ident { $($case:ident)* })*) => {
        mod double {
            $(mod $group {
                $(#[tokio::test]
                async fn $case() {
                    let (api, _listening) = crate::api::Api::double().await;
                    crate::$group::$case(&api).await;
                })*
            })*
        }
        mod real {
            $(mod $group {
                $(#[tokio::test]
                async fn $case() {
                    match crate::api::Api::real().await {
                        Some(api) => crate::$group::$case(&api).await,
                        None => println!("skipped: no real API server is named"),
                    }
                })*
            })*
        }
    };
}

cases! {
    objects {
        the_server_sets_what_is_its_own
        a_name_is_given_once
        a_namespace_must_exist
        names_are_generated
        what_is_not_an_object_of_the_kind_is_refused
        what_is_not_there_is_not_found
        a_replacement_is_of_the_newest_state
        a_write_that_changes_nothing_is_none
        the_generation_rises_with_the_spec_alone
        the_status_is_written_at_its_own_endpoint
        a_merge_patch_changes_what_it_names
        a_json_patch_changes_what_it_tests
        patches_of_other_kinds_are_refused
        a_deletion_says_what_is_gone
        a_deletion_asks_for_the_state_it_means
        finalizers_hold_a_deletion
        many_are_deleted_by_label
        lists_are_chosen_by_label_and_field
        lists_come_in_pages
        a_dry_run_stores_nothing
        metadata_alone_can_be_asked_for
        a_stale_status_is_refused
        a_namespace_that_ends_takes_nothing_new
        a_body_has_a_limit
        objects_of_all_namespaces_are_listed_together
    }
    schema {
        unknown_fields_are_dropped
        defaults_are_put_in
        nulls_give_way_to_defaults
        values_out_of_bounds_are_refused
        a_value_may_be_of_two_types
        all_that_is_wrong_is_told_at_once
        a_status_is_held_against_its_schema
        names_and_labels_follow_the_rules
    }
    definitions {
        a_definition_is_established_and_discovered
        definitions_that_cannot_hold_are_refused
        a_definition_goes_with_its_objects
        tables_have_the_columns_of_the_definition
    }
    apply {
        an_apply_makes_what_is_not_there
        what_is_applied_is_owned
        others_fields_are_a_conflict
        force_takes_the_field_away
        the_same_value_is_shared
        what_is_no_longer_applied_goes
        a_container_cannot_be_emptied
        what_others_own_stays
        items_are_merged_by_their_key
        sets_are_merged_and_plain_lists_replaced
        the_status_is_applied_at_its_own_endpoint
        an_apply_without_change_is_no_write
        an_update_takes_ownership
        an_apply_after_an_update_conflicts
        an_apply_says_who_and_what
        unknown_fields_cannot_be_applied
        an_apply_may_be_yaml
        a_value_of_two_types_makes_lists_whole
        managers_can_be_forgotten
        core_kinds_are_applied_too
    }
    watch {
        a_watch_tells_what_happens_after_a_version
        a_watch_without_a_version_begins_with_what_is_there
        an_object_that_ceases_to_fit_is_gone
        one_object_can_be_watched
        bookmarks_tell_the_version
        a_version_that_is_no_longer_kept_is_expired
        a_last_finalizer_ends_in_one_event
    }
    core {
        secrets_keep_bytes
        leases_are_taken_by_version
        events_are_about_their_own_namespace
        config_maps_are_written_without_a_version
        discovery_lists_what_is_served
    }
    access {
        nobody_without_a_token_is_known
        rights_come_from_roles
        rights_can_be_for_names
    }
}
