//! Compiling in the real child, and the code cache around it.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use finops_host::{
    component::{COMPILE_SUBCOMMAND, CacheDir, Compiler, ComponentError, ComponentFile, load},
    sandbox::engine::engine,
};
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use tempfile::TempDir;

const COLLECTOR: &str = r#"(component
  (import "finops:collector/types@0.1.0" (instance))
  (core module $m (func (export "f") BODY))
  (core instance $i (instantiate $m))
  (func $f (canon lift (core func $i "f")))
  (export "describe" (func $f))
  (export "collect" (func $f)))"#;

fn compiler() -> Compiler {
    Compiler::program(PathBuf::from(env!("CARGO_BIN_EXE_finops-host")))
}

fn component(home: &TempDir) -> ComponentFile {
    read(home, &wat::parse_str(COLLECTOR.replace("BODY", "")).unwrap())
}

fn read(home: &TempDir, bytes: &[u8]) -> ComponentFile {
    let path = home.path().join("c.wasm");
    fs::write(&path, bytes).unwrap();
    ComponentFile::read(&path, None).unwrap()
}

async fn load_cached(file: &ComponentFile, cache: &Path) -> bool {
    let cache = CacheDir::open(cache);
    let engine = engine().unwrap();
    let (component, loaded) = load(file, engine, &cache, &compiler()).await.unwrap();
    assert!(component.get_export_index(None, "describe").is_some());
    loaded.cached
}

#[tokio::test]
async fn code_is_compiled_once_and_then_taken_from_the_cache() {
    let home = tempfile::tempdir().unwrap();
    let (file, cache) = (component(&home), home.path().join("cache"));
    assert!(!load_cached(&file, &cache).await);
    assert!(load_cached(&file, &cache).await);
    let other = read(&home, &wat::parse_str(COLLECTOR.replace("BODY", "nop")).unwrap());
    assert!(!load_cached(&other, &cache).await);
}

#[tokio::test]
async fn damaged_code_is_compiled_anew() {
    let home = tempfile::tempdir().unwrap();
    let (file, cache) = (component(&home), home.path().join("cache"));
    assert!(!load_cached(&file, &cache).await);
    let kept = fs::read_dir(&cache).unwrap().next().unwrap().unwrap().path();
    let mut code = fs::read(&kept).unwrap();
    let middle = code.len() / 2;
    *code.get_mut(middle).unwrap() ^= 1;
    fs::write(&kept, code).unwrap();
    assert!(!load_cached(&file, &cache).await);
    assert!(load_cached(&file, &cache).await);
}

#[tokio::test]
async fn without_a_usable_cache_loading_still_works() {
    let home = tempfile::tempdir().unwrap();
    let file = component(&home);
    assert!(!load_cached(&file, &file.path).await);
    assert!(!load_cached(&file, &file.path).await);
}

#[tokio::test]
async fn what_does_not_validate_is_refused_with_the_compilers_words() {
    let home = tempfile::tempdir().unwrap();
    let mut bytes = wat::parse_str(COLLECTOR.replace("BODY", "i32.const 1 drop")).unwrap();
    let constant = [0x41, 1, 0x1a];
    let at = bytes.windows(3).position(|found| found == constant).unwrap();
    bytes.splice(at..at + 3, [0x01, 0x01, 0x1a]);
    let file = read(&home, &bytes);
    let error = load(&file, engine().unwrap(), &CacheDir::none(), &compiler())
        .await
        .unwrap_err();
    assert!(matches!(error, ComponentError::Compile { .. }), "{error}");
    assert!(error.to_string().contains("type mismatch"), "{error}");
}

#[test]
fn the_child_limits_itself_before_it_reads() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_finops-host"))
        .arg(COMPILE_SUBCOMMAND)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // More than a pipe holds: once it is written, the child has begun to read.
    let mut input = child.stdin.take().unwrap();
    input.write_all(&[0; 256 << 10]).unwrap();
    let limits = fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    drop(input);
    let limit = |name: &str| {
        let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
        let columns: Vec<_> = line.trim_start_matches(name).split_whitespace().collect();
        columns.first().copied().unwrap().to_owned()
    };
    assert_eq!(limit("Max cpu time"), "60");
    assert_eq!(limit("Max address space"), (4_u64 << 30).to_string());
    assert_eq!(limit("Max core file size"), "0");
    assert!(status.contains("NoNewPrivs:\t1"), "{status}");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty() && !output.stderr.is_empty());
}
