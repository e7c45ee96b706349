//! The limits that hold where the operator says nothing.

mod hostile {
    use finops_host::sandbox::limits::{self, Limits};
    use std::time::Duration;

    const KIB: u64 = 1 << 10;
    const MIB: u64 = 1 << 20;
    const GIB: u64 = 1 << 30;

    /// The figures of the sandbox page, written out here on purpose.
    #[test]
    fn the_defaults_are_those_that_are_documented() {
        let limits = Limits::default();
        for (what, is, documented) in [
            ("memory", limits.memory, 128 * MIB),
            ("requests", limits.requests, 2_000),
            ("requests at once", u64::from(limits.concurrent_requests), 8),
            ("bytes in flight", limits.in_flight, 64 * MIB),
            ("request body", limits.request_body, 4 * MIB),
            ("sent", limits.sent, 64 * MIB),
            ("response", limits.response, GIB),
            ("response asked for whole", limits.response_whole, 16 * MIB),
            ("received", limits.received, 4 * GIB),
            ("records", limits.records, 5_000_000),
            ("staged", limits.staged, 2 * GIB),
            ("partitions", limits.partitions, 1_000),
            ("writers", u64::from(limits.writers), 16),
            ("observations", limits.observations, 100_000),
            ("log", limits.log, MIB),
            ("URL", limits::URL as u64, 8 * KIB),
            ("headers", limits::HEADERS as u64, 64),
            ("bytes of headers", limits::HEADER_BYTES as u64, 32 * KIB),
            ("record", limits::RECORD as u64, 32 * KIB),
            ("tags", limits::TAGS as u64, 64),
            ("batch", limits::BATCH as u64, 10_000),
            ("checkpoint", limits::CHECKPOINT as u64, 64 * KIB),
            ("messages", limits::MESSAGE as u64, 4 * KIB),
            ("denied calls remembered", limits::DENIED_REMEMBERED as u64, 100),
        ] {
            assert_eq!(is, documented, "{what}");
        }
        assert_eq!(limits.cpu, Duration::from_secs(30));
        assert_eq!(limits.wall, Duration::from_secs(600));
    }
}
