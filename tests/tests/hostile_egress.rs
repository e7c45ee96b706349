//! Hostile guests against egress and credentials: calls in each form that the operator's file does not grant. A call must
//! fail with the right kind, no server may see a connection, the secret must be nowhere, and the same process must then
//! run a good collector. Each family of attacks shows beside that the granted form works against the same server.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "hostile_egress/addresses.rs"]
mod addresses;
#[path = "hostile_egress/environment.rs"]
mod environment;
#[path = "hostile_egress/grant.rs"]
mod grant;
#[path = "hostile_egress/operations.rs"]
mod operations;
#[path = "hostile_egress/property.rs"]
mod property;
#[path = "hostile_egress/replies.rs"]
mod replies;
#[path = "hostile_egress/requests.rs"]
mod requests;
#[path = "hostile_egress/targets.rs"]
mod targets;
#[path = "hostile_egress/words.rs"]
mod words;
