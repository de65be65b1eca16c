//! DBSCAN over face embeddings: what the program that VowImager replaces grouped with. The algorithm is linfa's; here are
//! its words turned into ours. Who is near whom it is told by `around`, which compares everyone with everyone in blocks.

mod around;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use linfa::traits::Transformer as _;
use linfa_clustering::Dbscan;
use linfa_nn::distance::L2Dist;
use ndarray::Array2;
use vow_types::Embedding;

use around::InBlocks;

/// How close and how many: see [`dbscan`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DbscanParams {
    /// Largest Euclidean distance of two unit vectors that are neighbours, above 0 and up to 2; a cosine of
    /// `1 - eps² / 2`.
    pub eps: f32,
    /// A face with so many neighbours, itself among them, is the core of a cluster; at least 2.
    pub min_samples: usize,
}

impl Default for DbscanParams {
    /// Those of the original program.
    fn default() -> Self {
        Self { eps: 0.7, min_samples: 3 }
    }
}

/// Why there was no clustering.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DbscanError {
    /// A parameter that makes no sense.
    #[error("{0}")]
    Parameter(&'static str),
    /// What linfa said of its input.
    #[error("DBSCAN failed: {0}")]
    Failed(String),
    /// The onlooker said so.
    #[error("DBSCAN was stopped")]
    Stopped,
}

/// The cluster of each embedding, counted from 0; `None`: noise, a face by itself.
///
/// Compares everyone with everyone, on all cores: with 128 components a core manages some hundred million pairs a second, and
/// twice as many faces take four times as long. Besides the embeddings it takes their numbers once more.
///
/// # Errors
/// When a parameter is out of its range, or the embeddings are of different lengths.
pub fn dbscan(embeddings: &[&Embedding], params: DbscanParams) -> Result<Vec<Option<usize>>, DbscanError> {
    dbscan_watched(embeddings, params, |_| true)
}

/// As [`dbscan`]; `onlooker` is told how many faces have been compared with all others, several times a second, and answers
/// whether to go on.
///
/// # Errors
/// As [`dbscan`], and when `onlooker` says not to go on.
pub fn dbscan_watched(
    embeddings: &[&Embedding],
    params: DbscanParams,
    onlooker: impl Fn(usize) -> bool + Send + Sync + 'static,
) -> Result<Vec<Option<usize>>, DbscanError> {
    if !(params.eps > 0.0 && params.eps <= 2.0) {
        return Err(DbscanError::Parameter("eps is a distance of unit vectors, above 0 and up to 2"));
    }
    if params.min_samples < 2 {
        return Err(DbscanError::Parameter("min_samples is at least 2"));
    }
    let Some(dimension) = embeddings.first().map(|first| first.dimension()) else {
        return Ok(Vec::new());
    };
    let mut numbers = Vec::with_capacity(embeddings.len().saturating_mul(dimension));
    embeddings.iter().for_each(|one| numbers.extend(one.components()));
    let failed = |error: &dyn std::fmt::Display| DbscanError::Failed(error.to_string());
    let rows =
        Array2::from_shape_vec((embeddings.len(), dimension), numbers).map_err(|error| failed(&error))?;
    let stopped = Arc::new(AtomicBool::new(false));
    let goes_on = {
        let stopped = Arc::clone(&stopped);
        move |done| {
            let goes_on = onlooker(done);
            stopped.fetch_or(!goes_on, Ordering::SeqCst);
            goes_on
        }
    };
    let neighbours = InBlocks::new(params.min_samples, Arc::new(goes_on));
    let clusters = Dbscan::params_with(params.min_samples, L2Dist, neighbours)
        .tolerance(params.eps)
        .transform(&rows)
        .map_err(|error| failed(&error))?;
    if stopped.load(Ordering::SeqCst) { Err(DbscanError::Stopped) } else { Ok(clusters.to_vec()) }
}

#[cfg(test)]
#[path = "dbscan/tests.rs"]
mod tests;
