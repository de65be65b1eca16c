//! Of what the picture of a HEIC file is made: one coded item or a grid of them, which part of that is shown, and how it is
//! turned for showing.

use vow_types::{Orientation, RelPoint, Size};

use super::colour::Colours;
use super::meta::{Items, Property, Reader};
use super::{damaged, joined, uncommon};
use crate::MediaError;
use crate::identity::Identity;

/// One coded picture.
pub(super) struct Tile<'a> {
    pub(super) item: u32,
    /// Its `hvcC`: the parameter sets.
    pub(super) config: &'a [u8],
    pub(super) colours: Option<Colours>,
}

/// The picture as it is put together.
pub(super) struct Plan<'a> {
    /// What is shown of it, not turned.
    pub(super) shown: Size,
    /// Where that begins in what is put together.
    pub(super) left: u32,
    pub(super) top: u32,
    /// Of each tile.
    pub(super) tile: Size,
    pub(super) columns: u32,
    rows: u32,
    pub(super) whole: Size,
    /// From left to right, then from top to bottom.
    pub(super) tiles: Vec<Tile<'a>>,
    /// `None` where the file does not say.
    pub(super) orientation: Option<Orientation>,
}

impl<'a> Plan<'a> {
    /// # Errors
    /// For pictures that are not of HEVC, and for ways to put one together that no camera uses.
    pub(super) fn of(items: &Items<'a>) -> Result<Self, MediaError> {
        let primary = items.primary;
        let Grid { size: whole, columns, rows, parts } = match items.kind(primary).as_ref() {
            Some(b"grid") => grid(items)?,
            _ => Grid { size: size_of(items, primary)?, columns: 1, rows: 1, parts: vec![primary] },
        };
        let first = *parts.first().ok_or_else(|| damaged("its grid has no tiles"))?;
        let tile = size_of(items, first)?;
        let tiles: Vec<_> = parts.iter().map(|item| coded(items, *item)).collect::<Result<_, _>>()?;
        if parts.iter().any(|item| size_of(items, *item).ok() != Some(tile)) {
            return Err(damaged("its tiles differ in size"));
        }
        if first != primary && parts.iter().any(|item| items.properties(*item).any(is_transform)) {
            return Err(uncommon("tiles that are turned or cut one by one"));
        }
        let mut plan =
            Self { shown: whole, left: 0, top: 0, tile, columns, rows, whole, tiles, orientation: None };
        for property in items.properties(primary) {
            plan.apply(property)?;
        }
        Ok(plan)
    }

    /// Transforms come in the order in which they are to be applied.
    fn apply(&mut self, property: Property<'_>) -> Result<(), MediaError> {
        let first = property.body.first().copied().unwrap_or_default();
        match &property.kind {
            b"irot" => {
                let turns = [
                    Orientation::Upright,
                    // Anticlockwise.
                    Orientation::Turned270,
                    Orientation::Turned180,
                    Orientation::Turned90,
                ];
                self.turn(turns.get(usize::from(first & 3)).copied().unwrap_or_default());
            }
            // Top and bottom change places, or left and right.
            b"imir" => self.turn(if first & 1 == 0 { Orientation::Flipped } else { Orientation::Mirrored }),
            b"clap" if self.orientation.is_none() => self.cut(property.body)?,
            b"clap" => return Err(uncommon("a picture that is cut after it was turned")),
            _ => {}
        }
        Ok(())
    }

    fn turn(&mut self, then: Orientation) {
        let first = self.orientation.unwrap_or_default();
        // Where one point goes tells which of the eight the two together are.
        let probe = RelPoint { x: 0.125, y: 0.25 };
        let both = then.to_upright(first.to_upright(probe));
        self.orientation = Orientation::ALL.into_iter().find(|own| own.to_upright(probe) == both);
    }

    /// `clap`: width and height, and how far the middle lies from the middle, as fractions.
    fn cut(&mut self, body: &[u8]) -> Result<(), MediaError> {
        let part = |at: usize, of: u32| {
            let mut numbers = Reader::new(body.get(at * 8..)?);
            let len = u32::try_from(whole_number(numbers.long()?, numbers.long()?)?).ok()?;
            let mut numbers = Reader::new(body.get(at * 8 + 16..)?);
            let (above, below) = (numbers.long()?.cast_signed(), i64::from(numbers.long()?));
            if below == 0 || len == 0 || len > of {
                return None;
            }
            let from = (i64::from(of - len) * below + 2 * i64::from(above)).div_euclid(2 * below);
            let from = u32::try_from(from).ok().filter(|from| of - len >= *from)?;
            Some((from, len))
        };
        let both = part(0, self.whole.width).zip(part(1, self.whole.height));
        let ((left, width), (top, height)) =
            both.ok_or_else(|| damaged("the part of it that is to be shown lies outside of it"))?;
        (self.left, self.top, self.shown) = (left, top, Size { width, height });
        Ok(())
    }

    /// What all tiles cover: more than is shown where they do not end at its edges.
    ///
    /// # Errors
    /// When a row or a column of tiles lies outside of the picture, or there are too few of them.
    pub(super) fn covered(&self) -> Result<Size, MediaError> {
        let side = |count: u32, tile: u32, whole: u32| {
            let before = count.checked_sub(1)?.checked_mul(tile)?;
            let behind = before.checked_add(tile)?;
            (before < whole && whole <= behind).then_some(behind)
        };
        let width = side(self.columns, self.tile.width, self.whole.width);
        let height = side(self.rows, self.tile.height, self.whole.height);
        let both = width.zip(height).map(|(width, height)| Size { width, height });
        both.ok_or_else(|| damaged("its tiles do not cover it"))
    }

    /// Everything but the coded data that changes what is decoded.
    pub(super) fn name(&self, identity: &mut Identity) {
        let Self { whole, shown, tile, .. } = self;
        let numbers = [
            whole.width,
            whole.height,
            tile.width,
            tile.height,
            self.columns,
            self.rows,
            self.left,
            self.top,
            shown.width,
            shown.height,
        ];
        identity.part(b"plan", &numbers.map(u32::to_be_bytes).concat());
        if let Some(colours) = self.tiles.first().and_then(|tile| tile.colours) {
            identity.part(b"nclx", &colours.bytes());
        }
    }
}

/// A fraction that is none.
fn whole_number(above: u32, below: u32) -> Option<u64> {
    (above.checked_rem(below)? == 0).then_some(u64::from(above / below))
}

fn is_transform(property: Property<'_>) -> bool {
    match &property.kind {
        b"imir" | b"clap" => true,
        b"irot" => property.body.first().is_some_and(|turns| turns & 3 != 0),
        _ => false,
    }
}

/// How coded items are put side by side.
struct Grid {
    size: Size,
    columns: u32,
    rows: u32,
    /// From left to right, then from top to bottom.
    parts: Vec<u32>,
}

/// The data of a `grid` (ISO/IEC 23008-12, 6.6.2.3): its size, its columns and rows, and the tiles.
fn grid(items: &Items<'_>) -> Result<Grid, MediaError> {
    let data = items.pieces(items.primary)?;
    let data = joined(&data);
    let mut numbers = Reader::new(&data);
    let mut read = || {
        numbers.number(1)?;
        let bytes = if numbers.number(1)? & 1 == 0 { 2 } else { 4 };
        let (rows, columns) = (numbers.number(1)? + 1, numbers.number(1)? + 1);
        let size = Size {
            width: u32::try_from(numbers.number(bytes)?).ok()?,
            height: u32::try_from(numbers.number(bytes)?).ok()?,
        };
        Some((size, (u32::try_from(columns).ok()?, u32::try_from(rows).ok()?)))
    };
    let (size, (columns, rows)) = read().ok_or_else(|| damaged("its grid is cut short"))?;
    let parts = items.parts(items.primary).to_vec();
    if size.pixels() == 0 || u32::try_from(parts.len()).ok() != Some(columns * rows) {
        return Err(damaged("its grid has too many or too few tiles"));
    }
    Ok(Grid { size, columns, rows, parts })
}

/// `ispe`.
fn size_of(items: &Items<'_>, item: u32) -> Result<Size, MediaError> {
    let mut numbers =
        Reader::new(items.property(item, *b"ispe").and_then(|body| body.get(4..)).unwrap_or_default());
    let size = numbers.long().zip(numbers.long()).map(|(width, height)| Size { width, height });
    size.filter(|size| size.pixels() > 0).ok_or_else(|| damaged("it does not say how large its picture is"))
}

/// An item that is coded with HEVC.
fn coded<'a>(items: &Items<'a>, item: u32) -> Result<Tile<'a>, MediaError> {
    match items.kind(item).as_ref() {
        Some(b"hvc1" | b"hev1") => {}
        Some(b"av01") => return Err(MediaError::Unsupported { format: "AVIF" }),
        Some(kind) => {
            return Err(uncommon(format!("its picture is of the kind \"{}\"", kind.escape_ascii())));
        }
        None => return Err(damaged("its picture is not in its list of items")),
    }
    let config = items.property(item, *b"hvcC").ok_or_else(|| damaged("a tile has no parameter sets"))?;
    // There may be a second one, with a colour profile.
    let stated = |item| {
        items.properties(item).filter(|own| own.kind == *b"colr").find_map(|own| Colours::read(own.body))
    };
    let colours = stated(item).or_else(|| stated(items.primary));
    Ok(Tile { item, config, colours })
}
