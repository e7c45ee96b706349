//! Attacks that no compiler would make.

mod hostile {
    use crate::ends::{assert_limit, assert_trapped};
    use finops_host::{sandbox::failure::LimitReached, schedule::RunSummary};
    use finops_tests::hostile::{Act, Handmade, Stage, assert_done};

    async fn perform(stage: &Stage, name: &str, made: &Handmade, limits: &str) -> RunSummary {
        let wasm = made.write(stage, name).unwrap();
        let act = Act::of_file(&wasm).with(&format!("[limits]\n{limits}"));
        stage.perform(&act).await.unwrap()
    }

    /// Grows several memories and tables in turn, so many times, by a page and by 4,096 entries; fails at the first refusal.
    fn growing(times: u32) -> Handmade {
        let memories = ["a", "b", "c", "d", "e", "f"];
        let tables = ["t", "u", "v"];
        let mut module = String::new();
        for name in memories {
            module += &format!("(memory ${name} 1)\n");
        }
        for name in tables {
            module += &format!("(table ${name} 1 funcref)\n");
        }
        module += "(func $must (param i32) (if (i32.lt_s (local.get 0) (i32.const 0)) (then unreachable)))\n";
        module +=
            &format!("(func $attack (local $left i32) (local.set $left (i32.const {times}))\n(loop $again\n");
        for name in memories {
            module += &format!("(call $must (memory.grow ${name} (i32.const 1)))\n");
        }
        for name in tables {
            module += &format!("(call $must (table.grow ${name} (ref.null func) (i32.const 4096)))\n");
        }
        module +=
            "(local.set $left (i32.sub (local.get $left) (i32.const 1))) (br_if $again (local.get $left))))";
        Handmade::attack(&module)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn several_memories_and_tables_share_one_limit() {
        let stage = Stage::new().unwrap();
        let limits = "memory = \"8MiB\"";
        let summary = perform(&stage, "growing", &growing(1_000_000), limits).await;
        assert_limit("growing", &summary, LimitReached::Memory(8 << 20));
        // No single one of them came near the limit.
        assert!(
            summary.usage.memory > 7 << 20 && summary.usage.memory <= 8 << 20,
            "{:?}",
            summary.usage
        );
        let summary = perform(&stage, "growing-little", &growing(5), limits).await;
        assert_done("a little", &summary);
        stage.assert_unharmed(&[]).await.unwrap();
    }

    /// So many memories beside the one that all have.
    fn memories(count: usize) -> Handmade {
        let module = "(memory 0)\n".repeat(count) + "(func $attack)";
        Handmade::attack(&module)
    }

    /// So many tables.
    fn tables(count: usize) -> Handmade {
        let module = "(table 0 funcref)\n".repeat(count) + "(func $attack)";
        Handmade::attack(&module)
    }

    /// So many instances of a module with thousands of globals.
    fn instances(count: usize) -> Handmade {
        let globals = "(global (mut i64) (i64.const 1))".repeat(5_000);
        let instances = "(core instance (instantiate $wide))".repeat(count);
        Handmade {
            component: format!("(core module $wide {globals}) {instances}"),
            module: "(func $attack)".to_owned(),
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn memories_tables_and_instances_are_counted_and_a_component_with_too_many_never_runs() {
        let stage = Stage::new().unwrap();
        for (what, good, bad, words) in [
            ("memories", memories(15), memories(16), "memory count too high"),
            ("tables", tables(32), tables(33), "table count too high"),
            (
                "instances",
                instances(250),
                instances(300),
                "instance count too high",
            ),
        ] {
            let summary = perform(&stage, &format!("few-{what}"), &good, "").await;
            assert_done(what, &summary);
            let wasm = bad.write(&stage, what).unwrap();
            let refused = stage.perform(&Act::of_file(&wasm)).await.unwrap_err().to_string();
            assert!(refused.contains(words), "{what}: {refused}");
        }
        stage.assert_unharmed(&[]).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_length_that_lies_ends_the_guest_before_the_host_reads_anything() {
        let stage = Stage::new().unwrap();
        let open = |partitions: &str, length: &str| {
            format!(
                "(func $attack (call $open (i32.const 256) (i32.const 8) (i32.const 256) (i32.const 8) (i32.const 256)
                   (i32.const 8) (i32.const 256) (i32.const 0) (i32.const {partitions}) (i32.const {length})
                   (i32.const 1024)))"
            )
        };
        let write = |address: &str, length: &str| {
            format!("(func $attack (call $write (i32.const 1) (i32.const {address}) (i32.const {length})))")
        };
        let many = |length: &str| {
            format!("(func $attack (call $send-many (i32.const 4096) (i32.const {length}) (i32.const 1024)))")
        };
        for (what, module) in [
            ("2^31 partitions", open("4096", "0x80000000")),
            ("2^32 - 1 partitions", open("4096", "0xffffffff")),
            ("2^31 requests", many("0x80000000")),
            ("a text of 2^31 bytes", write("4096", "0x80000000")),
            ("a text of 2^32 - 1 bytes", write("0", "0xffffffff")),
            ("a text beyond the memory's end", write("0x3fff0", "100")),
            ("a text at the end of all addresses", write("0xfffffff0", "100")),
        ] {
            let made = Handmade::attack(&module);
            let summary = perform(&stage, "lying", &made, "").await;
            assert_trapped(what, &summary, "");
        }
        for (what, module) in [("a true text", write("256", "8")), ("no requests", many("0"))] {
            let summary = perform(&stage, "true", &Handmade::attack(&module), "").await;
            assert_done(what, &summary);
        }
        stage.assert_unharmed(&[]).await.unwrap();
    }

    /// `count` requests that all point at the same body of `size` bytes.
    fn requests(count: u32, size: u32) -> Handmade {
        Handmade::attack(&format!(
            "(data (i32.const 320) \"POSThttps://denied.example/\")
             (func $attack (local $at i32) (local $left i32)
               (drop (memory.grow (i32.const 300)))
               (local.set $at (i32.const 0x40000)) (local.set $left (i32.const {count}))
               (loop $again
                 (i32.store offset=0 (local.get $at) (i32.const 320))
                 (i32.store offset=4 (local.get $at) (i32.const 4))
                 (i32.store offset=8 (local.get $at) (i32.const 324))
                 (i32.store offset=12 (local.get $at) (i32.const 23))
                 (i32.store offset=24 (local.get $at) (i32.const 1))
                 (i32.store offset=28 (local.get $at) (i32.const 0x80000))
                 (i32.store offset=32 (local.get $at) (i32.const {size}))
                 (local.set $at (i32.add (local.get $at) (i32.const 40)))
                 (local.set $left (i32.sub (local.get $left) (i32.const 1)))
                 (br_if $again (local.get $left)))
               (call $send-many (i32.const 0x40000) (i32.const {count}) (i32.const 1024)))"
        ))
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn two_thousand_requests_with_one_body_of_16_mib_never_become_32_gib() {
        let stage = Stage::new().unwrap();
        for (what, count, size) in [
            ("2,000 large bodies", 2_000, 16 << 20),
            ("two bodies of together more than one call may hold", 2, 9 << 20),
            ("more requests than go at once", 257, 0),
        ] {
            let summary = perform(&stage, "many", &requests(count, size), "").await;
            assert_trapped(what, &summary, "");
            assert_eq!(summary.egress.attempts, 0, "{what}");
        }
        let summary = perform(&stage, "some", &requests(256, 1 << 10), "").await;
        assert_done("as many as go at once", &summary);
        assert_eq!(summary.egress.requests, 256);
        stage.assert_unharmed(&[]).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn random_bytes_come_in_small_pieces_only() {
        let stage = Stage::new().unwrap();
        let random =
            |length: &str| format!("(func $attack (call $random (i64.const {length}) (i32.const 1024)))");
        for length in ["65537", "0x40000000", "0xffffffffffffffff"] {
            let made = Handmade::attack(&random(length));
            let summary = perform(&stage, "random", &made, "").await;
            assert_trapped(length, &summary, "exceeds limit 65536");
        }
        let gigabytes =
            "(func $attack (loop $again (call $random (i64.const 65536) (i32.const 1024)) (br $again)))";
        let summary = perform(
            &stage,
            "gigabytes",
            &Handmade::attack(gigabytes),
            "cpu = \"300ms\"",
        )
        .await;
        let cpu = LimitReached::Cpu(std::time::Duration::from_millis(300));
        assert_limit("gigabytes", &summary, cpu);
        let summary = perform(&stage, "some", &Handmade::attack(&random("65536")), "").await;
        assert_done("some", &summary);
        stage.assert_unharmed(&[]).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn handles_that_are_never_given_back_end_with_their_limit() {
        let stage = Stage::new().unwrap();
        let leaking = |count: &str| {
            format!(
                "(func $attack (local $left i32) (local.set $left (i32.const {count}))
                   (loop $again
                     (drop (call $subscribe (i64.const 1000000000)))
                     (local.set $left (i32.sub (local.get $left) (i32.const 1)))
                     (br_if $again (local.get $left))))"
            )
        };
        let summary = perform(&stage, "leaking", &Handmade::attack(&leaking("1000000")), "").await;
        assert_trapped("a million handles", &summary, "");
        let summary = perform(&stage, "some", &Handmade::attack(&leaking("1000")), "").await;
        assert_done("a thousand", &summary);
        stage.assert_unharmed(&[]).await.unwrap();
    }
}
