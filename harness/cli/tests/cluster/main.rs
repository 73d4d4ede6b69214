//! Tests on a real cluster: the upstream control plane, Flux and the NAP controller, against the simulated Azure.
//!
//! Most share one cluster, in the order of the list below; each leaves it as it found it. The others are about how clusters start and
//! end and have their own. Every scenario in `scenarios/` is run by `ci/catalogue.sh`, not here.
//!
//! Where the components are not built the tests are ignored, with the reason; `runner` lists the variables that change this.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a helper of a test fails as the test does")]

mod autoscaler;
mod binary;
mod changes;
mod delayed_watch;
mod embedded_schemas;
mod flux;
mod kept;
mod kubelets;
mod on_demand;
mod own;
mod prices;
mod processes;
mod provisioning;
mod runner;
mod runs;
mod shared;
mod suite;
mod upgrade;
mod volumes;

use std::process::ExitCode;

use runner::Test;

fn main() -> ExitCode {
    let tests = vec![
        Test::shared(
            "provisioning::commit_to_pool_to_pod_to_node",
            provisioning::a_commit_becomes_a_pool_and_a_pod_becomes_a_node,
        ),
        Test::own("ctrl_c::in_prepare", runs::ctrl_c_in_prepare),
        Test::shared("validate::embedded_schemas_agree_with_the_server", embedded_schemas::agree_with_the_server),
        Test::shared(
            "validate::any_object_may_be_tried_and_none_is_kept",
            embedded_schemas::any_object_may_be_tried_and_none_is_kept,
        ),
        Test::own("ctrl_c::in_burst", runs::ctrl_c_in_burst),
        Test::shared("flux::every_command_works", flux::every_command_works),
        Test::own("ctrl_c::in_drain", runs::ctrl_c_in_drain),
        Test::shared("runs::scale_burst_passes_and_its_counts_agree", runs::scale_burst_passes_and_its_counts_agree),
        Test::own("processes::sigkill_leaves_none", runs::sigkill_leaves_no_process),
        Test::shared("runs::a_bad_commit_is_rolled_back", runs::a_bad_commit_is_rolled_back),
        Test::own("processes::two_clusters_run_side_by_side", processes::two_clusters_run_side_by_side),
        Test::shared("runs::an_evicted_spot_vm_is_replaced", runs::an_evicted_spot_vm_is_replaced),
        Test::shared(
            "prices::the_controller_goes_by_the_prices_of_the_report",
            prices::the_controller_goes_by_the_prices_of_the_report,
        ),
        Test::shared("runs::a_kept_cluster_belongs_to_its_user", kept::a_kept_cluster_belongs_to_its_user),
        Test::own("processes::a_failed_start_leaves_nothing", processes::a_failed_start_leaves_nothing),
        Test::shared("runs::only_objects_of_the_run_are_changed", changes::only_objects_of_the_run_are_changed),
        Test::shared("targets::a_kubeconfig_is_all_that_a_run_needs", runs::a_kubeconfig_is_all_that_a_run_needs),
        Test::own("runs::sigterm_with_grace_ends_in_time", runs::sigterm_with_grace_ends_in_time),
        Test::shared("runs::one_run_at_a_time", runs::one_run_at_a_time),
        Test::own("runs::a_removed_folder_fails_the_run", runs::a_removed_folder_fails_the_run),
        Test::shared(
            "runs::a_delayed_watch_shows_in_the_self_audit",
            delayed_watch::a_delayed_watch_shows_in_the_self_audit,
        ),
        Test::own("suite::ctrl_c_ends_it", suite::ctrl_c_ends_the_suite),
        Test::shared("runs::a_tree_of_another_team_passes", runs::a_tree_of_another_team_passes),
        Test::own(
            "suite::a_contaminated_cluster_does_not_affect_the_next_run",
            suite::a_contaminated_cluster_does_not_affect_the_next_run,
        ),
        Test::shared(
            "autoscaler::follows_cpu_an_own_metric_and_an_external_one",
            autoscaler::follows_cpu_an_own_metric_and_an_external_one,
        ),
        Test::shared("kubelets::pods_are_as_ready_as_they_can_be", kubelets::pods_are_as_ready_as_they_can_be),
        Test::shared(
            "volumes::claims_get_a_volume_where_their_pod_runs",
            volumes::claims_get_a_volume_where_their_pod_runs,
        ),
        Test::own("suite::repeated_runs_have_one_report", suite::repeated_runs_have_one_report),
        Test::own("upgrade::a_batched_fleet_drifts", upgrade::a_batched_fleet_drifts),
        Test::shared("on_demand::starts_once_and_again_after_a_kill", on_demand::starts_once_and_again_after_a_kill),
        Test::shared("on_demand::the_registry_takes_images", on_demand::the_registry_takes_images),
    ];
    runner::run(tests, own::built().err())
}
