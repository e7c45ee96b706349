//! Hostile guests against egress and credentials: calls in each form that the operator's file does not grant. A call must
//! fail with the right kind, no server may see a connection, the secret must be nowhere, and the same process must then
//! run a good collector. Each family of attacks shows beside that the granted form works against the same server.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod addresses;
mod asked;
mod credentials;
mod environment;
mod grant;
mod judge;
mod operations;
mod property;
mod replies;
mod requests;
mod targets;
mod words;
