//! The bindings that wit-bindgen makes of `wit/`: the only place with unsafe code.

#![allow(
    unsafe_code,
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    clippy::restriction
)]

wit_bindgen::generate!({
    world: "probed-collector",
    path: "../wit",
    pub_export_macro: true,
    default_bindings_module: "finops_collector::bindings",
});
