//! DBSCAN over face embeddings: what the program that VowImager replaces grouped with. The algorithm is linfa's; here are
//! its words turned into ours.

use linfa::traits::Transformer as _;
use linfa_clustering::Dbscan;
use ndarray::Array2;
use vow_types::Embedding;

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
}

/// The cluster of each embedding, counted from 0; `None`: noise, a face by itself.
///
/// Compares everyone with everyone: a second for 5,000 faces, and four times as long for twice as many.
///
/// # Errors
/// When a parameter is out of its range, or the embeddings are of different lengths.
pub fn dbscan(embeddings: &[&Embedding], params: DbscanParams) -> Result<Vec<Option<usize>>, DbscanError> {
    if !(params.eps > 0.0 && params.eps <= 2.0) {
        return Err(DbscanError::Parameter("eps is a distance of unit vectors, above 0 and up to 2"));
    }
    if params.min_samples < 2 {
        return Err(DbscanError::Parameter("min_samples is at least 2"));
    }
    let Some(dimension) = embeddings.first().map(|first| first.as_slice().len()) else {
        return Ok(Vec::new());
    };
    let numbers: Vec<f32> = embeddings.iter().flat_map(|one| one.as_slice()).copied().collect();
    let failed = |error: &dyn std::fmt::Display| DbscanError::Failed(error.to_string());
    let rows =
        Array2::from_shape_vec((embeddings.len(), dimension), numbers).map_err(|error| failed(&error))?;
    let clusters = Dbscan::params(params.min_samples)
        .tolerance(params.eps)
        .transform(&rows)
        .map_err(|error| failed(&error))?;
    Ok(clusters.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(degrees: f32) -> Embedding {
        let angle = degrees.to_radians();
        Embedding::from_raw(&[angle.cos(), angle.sin()]).unwrap()
    }

    #[test]
    fn clusters_are_chains_of_neighbours_and_the_rest_is_noise() {
        // Distances: 2 sin(half the angle); 0.7 is 41 degrees.
        let faces = [0.0, 30.0, 60.0, 180.0, 200.0, 215.0, 270.0].map(at);
        let faces: Vec<&Embedding> = faces.iter().collect();
        let found = dbscan(&faces, DbscanParams::default()).unwrap();
        assert_eq!(found[..3], [found[0]; 3]);
        assert_eq!(found[3..6], [found[3]; 3]);
        assert!(found[0].is_some() && found[3].is_some() && found[0] != found[3]);
        assert_eq!(found[6], None);
    }

    #[test]
    fn parameters_that_make_no_sense_are_refused() {
        let face = at(0.0);
        for (eps, min_samples) in [(0.0, 3), (f32::NAN, 3), (2.5, 3), (0.7, 1)] {
            assert!(dbscan(&[&face], DbscanParams { eps, min_samples }).is_err(), "{eps} {min_samples}");
        }
        assert_eq!(dbscan(&[], DbscanParams::default()).unwrap(), []);
    }
}
