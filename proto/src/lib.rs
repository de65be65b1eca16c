//! The gRPC API `vow.v1`: messages, clients and servers, generated from the `.proto` files beside this crate.
//!
//! It says what goes over the wire and nothing else: turning the daemon's own types into these messages is the
//! business of `vow-serve`, showing them that of the client.

/// Version 1 of the API.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::allow_attributes_without_reason,
    clippy::doc_markdown,
    reason = "generated; the documentation is in the .proto files"
)]
pub mod v1 {
    tonic::include_proto!("vow.v1");

    /// The compiled descriptors of the whole API, for gRPC server reflection.
    pub const FILE_DESCRIPTOR_SET: &[u8] = tonic::include_file_descriptor_set!("vow");
}
