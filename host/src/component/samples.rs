//! Components for tests, as text.

/// The smallest component that passes for a collector: it has the names, and does nothing.
pub(crate) const COLLECTOR: &str = r#"(component
  (type $kind u32)
  (import "finops:collector/types@0.1.0" (instance))
  (import "failure" (type (eq $kind)))
  (core module $m (func (export "f")))
  (core instance $i (instantiate $m))
  (func $f (canon lift (core func $i "f")))
  (export "describe" (func $f))
  (export "collect" (func $f)))"#;

/// A collector with further imports.
pub(crate) fn collector_with(imports: &[&str]) -> String {
    let imports: String = imports
        .iter()
        .map(|name| format!("(import \"{name}\" (instance)) "))
        .collect();
    COLLECTOR.replacen("(import", &format!("{imports}(import"), 1)
}
