//! The host side of `finops:collector@0.1.0`, generated: the only `bindgen!` of the program.
#![allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    clippy::restriction,
    unreachable_pub,
    unused_qualifications
)]

wasmtime::component::bindgen!({
    path: "../wit",
    world: "collector",
    imports: { default: async | trappable },
    exports: { default: async },
    with: {
        "finops:collector/http.response": super::http::OpenReply,
        "finops:collector/ledger.writer": super::writers::OpenWriter,
    },
});
