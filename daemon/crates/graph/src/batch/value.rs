//! What is known of a tensor before a graph runs.

use crate::node::element;
use crate::proto::TensorProto;

/// Lists longer than this are weights and no shapes.
const LONGEST_SHAPE: usize = 64;

/// A tensor inside a graph.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// The same for every picture of a batch: weights, constants, and what is computed from shapes.
    Same(Same),
    /// One item a picture along the first axis, each computed from its picture alone.
    Items(Items),
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Same {
    /// `None` when not even the rank is known.
    pub(super) dims: Option<Vec<Dim>>,
    /// The numbers of a short list or scalar.
    pub(super) numbers: Option<Vec<Number>>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Items {
    /// The dimensions of one picture's item: those of the tensor without the first.
    pub(super) dims: Vec<Dim>,
    /// Where the batch stood before the graph was changed.
    pub(super) batch: Was,
}

/// Where the axis of the batch stood in the original graph. There it is one long, so it can be moved without moving a
/// number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Was {
    /// Where it is now.
    First,
    /// Further back, by a transposition.
    At(usize),
    /// Nowhere: pictures had been flattened together.
    Gone,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dim {
    Is(i64),
    /// Depends on the size of the pictures, or is not followed; never on how many they are.
    Open,
}

/// One number of a shape.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    Int(i64),
    Float(f32),
    /// How many pictures there are.
    Batch,
    /// As [`Dim::Open`].
    Open,
}

impl From<Dim> for Number {
    fn from(dim: Dim) -> Self {
        match dim {
            Dim::Is(value) => Self::Int(value),
            Dim::Open => Self::Open,
        }
    }
}

impl From<Number> for Dim {
    fn from(number: Number) -> Self {
        match number {
            Number::Int(value) if value >= 0 => Self::Is(value),
            _ => Self::Open,
        }
    }
}

impl Value {
    pub(super) fn of(tensor: &TensorProto) -> Self {
        let dims = Some(tensor.dims.iter().map(|dim| Dim::Is(*dim)).collect());
        let short = tensor.count().is_some_and(|count| count <= LONGEST_SHAPE) && tensor.dims.len() <= 1;
        let numbers = match tensor.data_type {
            Some(element::FLOAT) if short => {
                tensor.floats().map(|numbers| numbers.into_iter().map(Number::Float).collect())
            }
            _ if short => tensor.ints().map(|numbers| numbers.into_iter().map(Number::Int).collect()),
            _ => None,
        };
        Self::Same(Same { dims, numbers })
    }

    /// A list of numbers that make up a shape.
    pub(super) fn list(numbers: Vec<Number>) -> Self {
        let length = i64::try_from(numbers.len()).map_or(Dim::Open, Dim::Is);
        Self::Same(Same { dims: Some(vec![length]), numbers: Some(numbers) })
    }

    /// One item a picture, the batch where it was.
    pub(super) fn items(dims: Vec<Dim>) -> Self {
        Self::Items(Items { dims, batch: Was::First })
    }
}

impl Same {
    /// Whether it depends on how many pictures there are.
    pub(super) fn counts_pictures(&self) -> bool {
        self.numbers.iter().flatten().any(|number| *number == Number::Batch)
    }

    /// The number, where there is one only.
    pub(super) fn single(&self) -> Option<Number> {
        match self.numbers.as_deref() {
            Some([number]) => Some(*number),
            _ => None,
        }
    }

    /// The numbers, if all of them are whole and known.
    pub(super) fn ints(&self) -> Option<Vec<i64>> {
        let numbers = self.numbers.as_ref()?.iter();
        numbers.map(|number| if let Number::Int(value) = number { Some(*value) } else { None }).collect()
    }
}

impl Items {
    /// Dimensions as the original graph counted them, the batch among them.
    pub(super) fn original_rank(&self) -> usize {
        self.dims.len() + usize::from(self.batch != Was::Gone)
    }

    /// How many numbers an item has.
    pub(super) fn count(&self) -> Option<i64> {
        product(&self.dims)
    }
}

/// `None` where a factor is open or the product too large.
pub(super) fn product(dims: &[Dim]) -> Option<i64> {
    dims.iter().try_fold(1i64, |product, dim| match dim {
        Dim::Is(value) => product.checked_mul(*value),
        Dim::Open => None,
    })
}

/// An axis that may be counted from the end.
pub(super) fn axis(given: i64, rank: usize) -> Option<usize> {
    let rank = i64::try_from(rank).ok()?;
    let axis = if given < 0 { given + rank } else { given };
    usize::try_from(axis).ok().filter(|_| axis < rank)
}
