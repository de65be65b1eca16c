//! Why a graph is used as it is.

/// What keeps a graph from being prepared. It says nothing about whether the graph can be run: that is the runtime's to
/// judge.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotPrepared {
    /// The bytes are no protocol buffer of the ONNX kind.
    #[error("it cannot be read as ONNX ({0})")]
    NotOnnx(String),
    /// Reading and writing it again would lose something.
    #[error(
        "it holds fields that are newer than ONNX IR 14, or is written in an unusual way; they would be lost"
    )]
    Lossy,
    /// Something in its outer form.
    #[error("{0}")]
    Form(String),
    /// A node whose effect on a batch is not known, or that mixes the pictures of one.
    #[error("node `{node}` ({op}): {why}")]
    Node {
        /// The node's name, or that of its output.
        node: String,
        /// Its operator.
        op: String,
        /// What is in the way.
        why: String,
    },
}

impl NotPrepared {
    pub(crate) fn form(what: impl Into<String>) -> Self {
        Self::Form(what.into())
    }
}
