//! HEIF files around data that was coded elsewhere: one picture or a grid, turned, cut, with metadata.
//!
//! Our own encoder writes no HEVC. The data is of pictures that were drawn for these tests (`common::scene`, 64 x 48 and 61 x 47), and
//! was coded by x265 through pillow-heif 1.8 with quality 90: 4:2:0, 4:2:2, 4:4:4, 10 bit and grey. It is padded to 64 x 64,
//! and `clap` cuts it back.

use super::exif;

/// Each with the width and height that is shown of it.
pub(crate) const DRAWN: [(&[u8], u32, u32); 6] = [
    (include_bytes!("../data/drawn.heic"), 64, 48),
    (include_bytes!("../data/drawn_422.heic"), 64, 48),
    (include_bytes!("../data/drawn_444.heic"), 64, 48),
    (include_bytes!("../data/drawn_deep.heic"), 64, 48),
    (include_bytes!("../data/drawn_grey.heic"), 64, 48),
    (include_bytes!("../data/drawn_odd.heic"), 61, 47),
];

/// A file to be written.
#[derive(Debug, Clone)]
pub(crate) struct Heif {
    pub(crate) brands: Vec<u8>,
    /// Of the coded items.
    pub(crate) kind: [u8; 4],
    pub(crate) config: Vec<u8>,
    pub(crate) data: Vec<u8>,
    /// As the tiles say, width and height.
    pub(crate) tile: (u32, u32),
    /// Columns and rows, then width and height.
    pub(crate) grid: Option<(u8, u8, u16, u16)>,
    /// Properties of the picture: `clap`, `irot`, `imir`, `colr`.
    pub(crate) properties: Vec<([u8; 4], Vec<u8>)>,
    pub(crate) exif: Option<Vec<u8>>,
    /// Behind everything else.
    pub(crate) tail: Vec<u8>,
}

impl Heif {
    /// With what is coded in one of the files above.
    pub(crate) fn of(drawn: &[u8]) -> Self {
        let inside = |kind: &[u8; 4]| {
            let at = drawn.windows(4).position(|four| four == kind).unwrap();
            let len = u32::from_be_bytes(drawn[at - 4..at].try_into().unwrap()) as usize;
            drawn[at + 4..at - 4 + len].to_vec()
        };
        Self {
            brands: b"heic\0\0\0\0mif1heic".to_vec(),
            kind: *b"hvc1",
            config: inside(b"hvcC"),
            data: inside(b"mdat"),
            tile: (64, 64),
            grid: None,
            properties: Vec::new(),
            exif: None,
            tail: Vec::new(),
        }
    }

    pub(crate) fn with(mut self, kind: &[u8; 4], body: &[u8]) -> Self {
        self.properties.push((*kind, body.to_vec()));
        self
    }

    /// With EXIF that has this orientation.
    pub(crate) fn with_exif(mut self, orientation: u16) -> Self {
        self.exif = Some([&[0, 0, 0, 6][..], b"Exif\0\0", &exif(orientation)].concat());
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let start = boxed(b"ftyp", &self.brands);
        // The first time only to learn how long it is.
        let len = self.meta(0).len();
        let at = start.len() + len + 8;
        let mut data = self.data.repeat(self.tiles());
        data.extend_from_slice(self.exif.as_deref().unwrap_or_default());
        [start, self.meta(at), boxed(b"mdat", &data), self.tail.clone()].concat()
    }

    fn tiles(&self) -> usize {
        self.grid.map_or(1, |(columns, rows, ..)| usize::from(columns) * usize::from(rows))
    }

    fn meta(&self, data_at: usize) -> Vec<u8> {
        let (tiles, short) = (self.tiles(), |at: usize| u16::try_from(at).unwrap().to_be_bytes());
        let (grid_item, exif_item) = (tiles + 1, tiles + 2);
        let primary = if self.grid.is_some() { grid_item } else { 1 };
        let mut kinds: Vec<(usize, [u8; 4])> = (1..=tiles).map(|item| (item, self.kind)).collect();
        // Method (0: file, 1: idat), offset, length.
        let mut places: Vec<_> =
            (0..tiles).map(|at| (at + 1, 0, data_at + at * self.data.len(), self.data.len())).collect();
        let (mut references, mut idat) = (Vec::new(), Vec::new());
        if let Some((columns, rows, width, height)) = self.grid {
            kinds.push((grid_item, *b"grid"));
            idat = [&[0, 0, rows - 1, columns - 1][..], &width.to_be_bytes(), &height.to_be_bytes()].concat();
            places.push((grid_item, 1, 0, idat.len()));
            let to: Vec<u8> = (1..=tiles).flat_map(short).collect();
            references.extend(boxed(b"dimg", &[&short(grid_item)[..], &short(tiles), &to].concat()));
        }
        if let Some(exif) = &self.exif {
            kinds.push((exif_item, *b"Exif"));
            places.push((exif_item, 0, data_at + tiles * self.data.len(), exif.len()));
            let body = [short(exif_item), short(1), short(primary)].concat();
            references.extend(boxed(b"cdsc", &body));
        }
        let infe = |(item, kind): &(usize, [u8; 4])| {
            boxed(b"infe", &[&[2, 0, 0, 0][..], &short(*item), &[0, 0], kind, &[0]].concat())
        };
        let iinf =
            [&[0; 4][..], &short(kinds.len()), &kinds.iter().flat_map(infe).collect::<Vec<_>>()].concat();
        let mut iloc = [&[1, 0, 0, 0, 0x44, 0][..], &short(places.len())].concat();
        for (item, method, from, len) in places {
            let long = |at: usize| u32::try_from(at).unwrap().to_be_bytes();
            iloc.extend([short(item), [0, method], [0, 0], [0, 1]].concat());
            iloc.extend([long(from), long(len)].concat());
        }
        let meta = [
            vec![0; 4],
            boxed(b"hdlr", b"\0\0\0\0\0\0\0\0pict\0\0\0\0\0\0\0\0\0\0\0\0\0"),
            boxed(b"pitm", &[&[0; 4][..], &short(primary)].concat()),
            boxed(b"iinf", &iinf),
            boxed(b"iref", &[&[0; 4][..], &references].concat()),
            boxed(b"iprp", &self.properties_of(tiles, primary)),
            boxed(b"idat", &idat),
            boxed(b"iloc", &iloc),
        ];
        boxed(b"meta", &meta.concat())
    }

    /// Two for the tiles, `ispe` of the grid, and those of the picture.
    fn properties_of(&self, tiles: usize, primary: usize) -> Vec<u8> {
        let size = |(width, height): (u32, u32)| {
            boxed(b"ispe", &[[0; 4], width.to_be_bytes(), height.to_be_bytes()].concat())
        };
        let whole = self.grid.map_or(self.tile, |(_, _, width, height)| (width.into(), height.into()));
        let mut all = [boxed(b"hvcC", &self.config), size(self.tile), size(whole)].concat();
        all.extend(self.properties.iter().flat_map(|(kind, body)| boxed(kind, body)));
        let own: Vec<u8> = (4..).take(self.properties.len()).collect();
        let mut entries: Vec<(usize, Vec<u8>)> = (1..=tiles).map(|item| (item, vec![1, 2])).collect();
        if self.grid.is_some() {
            entries.push((primary, [&[3][..], &own].concat()));
        } else {
            entries[0].1.extend(own);
        }
        let mut ipma = [[0; 4], u32::try_from(entries.len()).unwrap().to_be_bytes()].concat();
        for (item, own) in entries {
            ipma.extend(u16::try_from(item).unwrap().to_be_bytes());
            ipma.push(u8::try_from(own.len()).unwrap());
            ipma.extend(own);
        }
        [boxed(b"ipco", &all), boxed(b"ipma", &ipma)].concat()
    }
}

/// `clap` for a part of these numbers: width, height, and how far its middle lies from the middle, in halves.
pub(crate) fn clap(width: u32, height: u32, right: i32, down: i32) -> Vec<u8> {
    let numbers = [width, 1, height, 1, right.cast_unsigned(), 2, down.cast_unsigned(), 2];
    numbers.map(u32::to_be_bytes).concat()
}

pub(crate) fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&u32::try_from(body.len() + 8).unwrap().to_be_bytes()[..], kind, body].concat()
}
