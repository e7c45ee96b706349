//! Every family of metrics: its name, kind and help. docs/metrics.md says the same at length, and a test compares the two.

use super::exposition::{Family, Kind};

const fn family(kind: Kind, name: &'static str, help: &'static str) -> Family {
    Family { name, kind, help }
}

macro_rules! families {
    ($($constant:ident: $kind:ident $name:literal, $help:literal;)*) => {
        $(pub(super) const $constant: Family = family(Kind::$kind, $name, $help);)*
        /// All of them.
        #[cfg(test)]
        pub(super) const ALL: &[Family] = &[$($constant),*];
    };
}

families! {
    // The process.
    BUILD: Gauge "finops_build_info", "The version of the host that answers; always 1.";
    BEGAN: Gauge "finops_process_start_time_seconds", "When the process began, in seconds since the epoch.";
    UPTIME: Gauge "finops_process_uptime_seconds", "How long the process lives.";
    RESIDENT: Gauge "finops_process_resident_memory_bytes", "Memory of the process that is in use.";
    RELOADS: Counter "finops_config_reloads_total", "Readings of the operator's files.";
    FILES: Gauge "finops_config_files", "Files of the last reading, by whether they are in force.";

    // Instances.
    INSTANCES: Gauge "finops_instances", "Instances by what they do.";
    INSTANCE: Gauge "finops_instance_info", "The collector that an instance runs; always 1.";
    FIT: Gauge "finops_instance_fit", "Whether some version of the instance's file is in force.";
    REFUSED: Gauge "finops_instance_config_refused", "Whether the instance's file, or its component, as it now lies there is refused.";
    IN_A_ROW: Gauge "finops_instance_failed_runs_in_a_row", "Runs that have failed since the last that did not.";
    LAST_DENIED: Gauge "finops_instance_last_run_denied_calls", "Different calls of the last run that the grant did not allow.";

    // Runs.
    STARTED: Counter "finops_runs_started_total", "Runs begun.";
    RUNS: Counter "finops_runs_total", "Runs ended, by outcome.";
    DURATION: Histogram "finops_run_duration_seconds", "How long runs took, of all instances.";
    LAG: Histogram "finops_run_start_lag_seconds", "How late runs began after their time, of all instances.";
    LAST_TOOK: Gauge "finops_run_last_duration_seconds", "How long the last run took.";
    RECORDS: Counter "finops_records_total", "Cost records by what commits made of them.";
    REQUESTS: Counter "finops_requests_total", "Calls that the collector asked for, by outcome.";
    ATTEMPTS: Counter "finops_request_attempts_total", "Requests that were sent to providers, retries included.";
    PAID: Counter "finops_paid_calls_total", "Requests under a rule with a price.";
    SPEND: Counter "finops_spend_usd_total", "What paid calls of this process cost, in USD.";
    SENT: Counter "finops_request_sent_bytes_total", "Bytes of request bodies sent to providers.";
    RECEIVED: Counter "finops_reply_received_bytes_total", "Decoded bytes of replies read from providers.";
    MEMORY: Gauge "finops_guest_memory_peak_bytes", "The most memory that the collector had in its last run.";
    CPU: Counter "finops_guest_cpu_seconds_total", "CPU time of the collector.";

    // Deliveries.
    DELIVERIES: Counter "finops_deliveries_total", "Deliveries by how they ended.";
    BATCHES_SENT: Counter "finops_delivery_batches_sent_total", "Batches whose bytes were sent, each sending counted.";
    BATCHES_FOUND: Counter "finops_delivery_batches_found_total", "Batches that were found at the destination instead of being sent again.";
    SETTLED: Counter "finops_delivery_entries_settled_total", "Entries that the destination has certainly taken.";
    DEAD: Counter "finops_delivery_entries_dead_total", "Entries that were given up as dead letters.";
    DUPLICATED: Counter "finops_delivery_batches_maybe_duplicated_total", "Batches sent again although they may have arrived.";

    // The ledger.
    READABLE: Gauge "finops_ledger_readable", "Whether the ledger could be read for this answer.";
    FILE: Gauge "finops_ledger_file_bytes", "Bytes of the ledger's file and its log.";
    FREE: Gauge "finops_ledger_disk_free_bytes", "Bytes that are free on the ledger's disk.";
    LAW2: Gauge "finops_ledger_law2_differences", "Postings whose entries do not add up to their records, at the last proof. Must be 0.";
    PROVED: Gauge "finops_ledger_proved_timestamp_seconds", "When the laws were last proved, in seconds since the epoch.";
    ENTRIES: Gauge "finops_outbox_entries", "Entries of a destination that are not settled, by state.";
    OLDEST: Gauge "finops_outbox_oldest_entry_age_seconds", "How long the oldest entry waits that can be delivered; 0 if none does.";
    OUTBOX: Gauge "finops_outbox_bytes", "Bytes that wait for all destinations.";
    QUOTA: Gauge "finops_outbox_quota_bytes", "Bytes that may wait; at 80 % no new run begins.";
    PAUSED: Gauge "finops_destination_paused", "Whether nothing is sent to the destination until the operator says so.";
    FAILURES: Gauge "finops_destination_failed_attempts_in_a_row", "Attempts that have failed since the destination last answered as it should.";
    SNAPSHOT_WAITING: Gauge "finops_snapshot_waiting", "Changed partitions and files that wait to be rendered.";
    SNAPSHOT_FAILING: Gauge "finops_snapshot_failing", "Whether the directory could not be brought up to date.";
    SNAPSHOT_RENDERED: Gauge "finops_snapshot_rendered_timestamp_seconds", "When the directory was last up to date, in seconds since the epoch.";
    LAST_READ: Gauge "finops_stream_last_read_timestamp_seconds", "When a stream was last committed, in seconds since the epoch.";
    CHECKPOINT: Gauge "finops_stream_checkpoint_timestamp_seconds", "When a stream's checkpoint was last moved, in seconds since the epoch.";
    COMPLETE: Gauge "finops_stream_complete_until_timestamp_seconds", "End of a stream's newest complete partition, in seconds since the epoch.";
    HELD: Gauge "finops_held_commits", "Commits that are held for review.";
    SPEND_TODAY: Gauge "finops_spend_today_usd", "What paid calls cost this UTC day, in USD.";
    SPEND_MONTH: Gauge "finops_spend_this_month_usd", "What paid calls cost this calendar month in UTC, in USD.";
}
