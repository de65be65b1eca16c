//! Coefficients on their way from the scans to the picture: of each block of a window those that are wanted, and of the
//! others, where a later scan builds upon them, one bit that says whether they are zero.

use std::collections::TryReserveError;

use vow_types::num::index;

use super::super::Area;
use super::super::component::Scaled;

/// Memory that is kept from one picture to the next, in bytes; more is given back. Enough for 16 megapixels at 1/4.
const KEEP: usize = 8 << 20;

/// Memory that is used again: one of each for a component.
#[derive(Debug, Default)]
pub(in crate::jpeg::scaled) struct Memory {
    coefficients: [Vec<i16>; 3],
    nonzero: [Vec<u64>; 3],
}

impl Memory {
    /// Gives back what is more than is worth keeping.
    pub(in crate::jpeg::scaled) fn trim(&mut self) {
        if self.bytes() > KEEP {
            *self = Self::default();
        }
    }

    /// Bytes that it holds.
    pub(super) fn bytes(&self) -> usize {
        let coefficients: usize = self.coefficients.iter().map(|memory| memory.capacity() * 2).sum();
        let nonzero: usize = self.nonzero.iter().map(|memory| memory.capacity() * 8).sum();
        coefficients + nonzero
    }
}

/// Which coefficients of a block are kept, and where.
pub(super) struct Layout {
    /// How many.
    kept: usize,
    /// For each coefficient in zigzag order its place among those that are kept; `u8::MAX` for none.
    places: [u8; 64],
    /// Those that are kept, one bit each, in zigzag order.
    pub(super) wanted: u64,
}

impl Layout {
    /// Nothing is kept.
    pub(super) const NOTHING: Self = Self { kept: 0, places: [u8::MAX; 64], wanted: 0 };

    /// What a component at a scale has use of.
    pub(super) fn of(scaled: &Scaled<'_>) -> Self {
        let kept = usize::from(scaled.width) * usize::from(scaled.height);
        let places = scaled.uses.map(|used| used.place);
        let wanted = (0..).zip(places).filter(|(_, place)| *place != u8::MAX).map(|(at, _)| 1u64 << at);
        Self { kept, places, wanted: wanted.fold(0, |all, one| all | one) }
    }
}

/// One component's blocks in a window.
pub(super) struct Plane {
    pub(super) layout: Layout,
    /// In blocks.
    window: Area,
    coefficients: Vec<i16>,
    /// One word a block, one bit a coefficient in zigzag order; empty where nobody asks.
    nonzero: Vec<u64>,
}

/// One block of a plane.
pub(super) struct Block<'a> {
    layout: &'a Layout,
    coefficients: &'a mut [i16],
    /// Which coefficients are not zero, as far as they are noted.
    pub(super) nonzero: Option<&'a mut u64>,
}

impl Plane {
    /// All zero. `noted` is whether it has to be known which coefficients are.
    ///
    /// # Errors
    /// When there is not enough memory: at most 128 + 8 bytes a block are asked for.
    pub(super) fn new(
        layout: Layout,
        window: Area,
        noted: bool,
        (mut coefficients, mut nonzero): (Vec<i16>, Vec<u64>),
    ) -> Result<Self, TryReserveError> {
        let blocks = index(window.right - window.left) * index(window.bottom - window.top);
        coefficients.clear();
        coefficients.try_reserve_exact(blocks * layout.kept)?;
        coefficients.resize(blocks * layout.kept, 0);
        nonzero.clear();
        if noted {
            nonzero.try_reserve_exact(blocks)?;
            nonzero.resize(blocks, 0);
        }
        Ok(Self { layout, window, coefficients, nonzero })
    }

    /// The block in this column and row of the picture's; `None` outside of the window.
    #[inline(always)]
    pub(super) fn block(&mut self, column: u32, row: u32) -> Option<Block<'_>> {
        let at = self.at(column, row)?;
        let from = at * self.layout.kept;
        let coefficients = self.coefficients.get_mut(from..from + self.layout.kept)?;
        Some(Block { layout: &self.layout, coefficients, nonzero: self.nonzero.get_mut(at) })
    }

    /// Its coefficients that are kept, in the order of their places.
    #[inline(always)]
    pub(super) fn coefficients(&self, column: u32, row: u32) -> Option<&[i16]> {
        let from = self.at(column, row)? * self.layout.kept;
        self.coefficients.get(from..from + self.layout.kept)
    }

    #[inline(always)]
    fn at(&self, column: u32, row: u32) -> Option<usize> {
        let Area { left, top, right, .. } = self.window;
        let (column, row) = (column.checked_sub(left)?, row.checked_sub(top)?);
        (column < right - left).then(|| index(row) * index(right - left) + index(column))
    }

    /// Its memory.
    pub(super) fn give_back(self) -> (Vec<i16>, Vec<u64>) {
        (self.coefficients, self.nonzero)
    }
}

impl Block<'_> {
    /// The coefficients that are kept, one bit each, in zigzag order.
    #[inline(always)]
    pub(super) fn wanted(&self) -> u64 {
        self.layout.wanted
    }

    /// A coefficient that is kept, 0 to 63 in zigzag order; `None` for the others.
    #[inline(always)]
    pub(super) fn kept(&mut self, at: u32) -> Option<&mut i16> {
        let place = self.layout.places.get(index(at))?;
        self.coefficients.get_mut(usize::from(*place))
    }

    /// Sets a coefficient that was zero, 0 to 63 in zigzag order. What is too large for a coefficient of 8-bit samples is
    /// cut: only a hostile file says so.
    #[inline(always)]
    pub(super) fn set(&mut self, at: u32, value: i32) {
        if let Some(slot) = self.kept(at) {
            *slot = saturated(value);
        }
        if let Some(nonzero) = &mut self.nonzero {
            **nonzero |= 1 << at;
        }
    }
}

/// The nearest `i16`.
#[inline(always)]
pub(super) fn saturated(value: i32) -> i16 {
    i16::try_from(value.clamp(i16::MIN.into(), i16::MAX.into())).unwrap_or_default()
}

/// A component's memory, to be given back.
pub(super) fn take(memory: &mut Memory, component: usize) -> (Vec<i16>, Vec<u64>) {
    let coefficients = memory.coefficients.get_mut(component).map(std::mem::take);
    let nonzero = memory.nonzero.get_mut(component).map(std::mem::take);
    (coefficients.unwrap_or_default(), nonzero.unwrap_or_default())
}

/// Gives all planes' memory back.
pub(super) fn give_back(memory: &mut Memory, planes: Vec<Plane>) {
    let slots = memory.coefficients.iter_mut().zip(&mut memory.nonzero);
    for ((coefficients, nonzero), plane) in slots.zip(planes) {
        (*coefficients, *nonzero) = plane.give_back();
    }
}
