//! TIFF files written by hand: pages with entries, pages below them, and data that entries tell the place of.

/// Which byte comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Intel's.
    Little,
    /// Motorola's.
    Big,
}

/// What writes a value into the file.
pub type Write = Box<dyn Fn(&mut Vec<u8>)>;

/// The value of an entry.
pub enum Value {
    /// Numbers of two bytes.
    Shorts(Vec<u16>),
    /// Numbers of four bytes.
    Longs(Vec<u32>),
    /// Anything.
    Bytes(Vec<u8>),
    /// Data somewhere in the file; the value is their place.
    Placed(Vec<u8>),
    /// Pages somewhere in the file; the values are their places.
    Below(Vec<Page>),
    /// Whatever this writes.
    Written(Write),
}

/// One directory.
#[derive(Default)]
pub struct Page {
    entries: Vec<(u16, u16, Value)>,
}

impl Page {
    /// One more entry, of any type.
    #[must_use]
    pub fn value(mut self, tag: u16, kind: u16, value: Value) -> Self {
        self.entries.push((tag, kind, value));
        self
    }

    /// A SHORT.
    #[must_use]
    pub fn short(self, tag: u16, number: u16) -> Self {
        self.value(tag, 3, Value::Shorts(vec![number]))
    }

    /// A LONG.
    #[must_use]
    pub fn long(self, tag: u16, number: u32) -> Self {
        self.value(tag, 4, Value::Longs(vec![number]))
    }

    /// An ASCII text.
    #[must_use]
    pub fn text(self, tag: u16, text: &str) -> Self {
        self.value(tag, 2, Value::Bytes([text.as_bytes(), b"\0"].concat()))
    }

    /// Bytes of this type.
    #[must_use]
    pub fn data(self, tag: u16, kind: u16, bytes: &[u8]) -> Self {
        self.value(tag, kind, Value::Bytes(bytes.to_vec()))
    }

    /// Pages below this one.
    #[must_use]
    pub fn below(self, tag: u16, pages: Vec<Page>) -> Self {
        self.value(tag, 4, Value::Below(pages))
    }

    /// A picture in one strip.
    #[must_use]
    pub fn strip(self, compression: u16, data: &[u8]) -> Self {
        let len = u32::try_from(data.len()).unwrap();
        self.short(0x0103, compression).value(0x0111, 4, Value::Placed(data.to_vec())).long(0x0117, len)
    }

    /// A JPEG as thumbnails are kept.
    #[must_use]
    pub fn jpeg(self, data: &[u8]) -> Self {
        let len = u32::try_from(data.len()).unwrap();
        self.value(0x0201, 4, Value::Placed(data.to_vec())).long(0x0202, len)
    }
}

impl Order {
    /// A file: four bytes of magic, the place of the first page, something in between, and the pages.
    #[must_use]
    pub fn file(self, magic: [u8; 4], between: &[u8], pages: &[Page]) -> Vec<u8> {
        let mut out = Vec::new();
        self.append(&mut out, magic, between, pages);
        out
    }

    /// The same at the end of something.
    pub fn append(self, out: &mut Vec<u8>, magic: [u8; 4], between: &[u8], pages: &[Page]) {
        let base = out.len();
        out.extend(magic);
        out.extend(self.long(u32::try_from(8 + between.len()).unwrap()));
        out.extend(between);
        self.pages(out, base, pages);
    }

    /// Pages one after another at the end of something, with places that count from `base`.
    pub fn pages(self, out: &mut Vec<u8>, base: usize, pages: &[Page]) {
        let mut pointer = None;
        for page in pages {
            let at = self.page(out, base, page);
            if let Some(pointer) = pointer {
                self.set(out, pointer, at);
            }
            pointer = Some(base + usize::try_from(at).unwrap() + 2 + 12 * page.entries.len());
        }
    }

    /// One page; its place.
    fn page(self, out: &mut Vec<u8>, base: usize, page: &Page) -> u32 {
        let start = out.len();
        let mut entries: Vec<_> = page.entries.iter().collect();
        entries.sort_by_key(|(tag, ..)| *tag);
        out.extend(self.short(u16::try_from(entries.len()).unwrap()));
        out.resize(out.len() + 12 * entries.len() + 4, 0);
        for (at, (tag, kind, value)) in entries.into_iter().enumerate() {
            let (count, value) = self.write(out, base, *kind, value);
            let entry = [&self.short(*tag)[..], &self.short(*kind), &self.long(count), &value].concat();
            out[start + 2 + 12 * at..][..12].copy_from_slice(&entry);
        }
        u32::try_from(start - base).unwrap()
    }

    /// How many values there are, and what stands in the entry: them, or where they are.
    fn write(self, out: &mut Vec<u8>, base: usize, kind: u16, value: &Value) -> (u32, [u8; 4]) {
        let here = |out: &Vec<u8>| u32::try_from(out.len() - base).unwrap();
        let bytes = match value {
            Value::Shorts(numbers) => numbers.iter().flat_map(|number| self.short(*number)).collect(),
            Value::Longs(numbers) => numbers.iter().flat_map(|number| self.long(*number)).collect(),
            Value::Bytes(bytes) => bytes.clone(),
            Value::Placed(data) => {
                let at = here(out);
                out.extend(data);
                self.long(at).to_vec()
            }
            Value::Below(pages) => {
                let mut places = Vec::new();
                for page in pages {
                    places.extend(self.long(self.page(out, base, page)));
                }
                places
            }
            Value::Written(write) => {
                let at = here(out);
                write(out);
                return (here(out) - at, self.long(at));
            }
        };
        let size = [0, 1, 1, 2, 4, 8, 1, 1][usize::from(kind)];
        let count = u32::try_from(bytes.len() / size).unwrap();
        if bytes.len() <= 4 {
            let mut field = [0; 4];
            field[..bytes.len()].copy_from_slice(&bytes);
            return (count, field);
        }
        let at = here(out);
        out.extend(bytes);
        (count, self.long(at))
    }

    fn set(self, out: &mut [u8], at: usize, number: u32) {
        out[at..at + 4].copy_from_slice(&self.long(number));
    }

    fn short(self, number: u16) -> [u8; 2] {
        if self == Self::Little { number.to_le_bytes() } else { number.to_be_bytes() }
    }

    fn long(self, number: u32) -> [u8; 4] {
        if self == Self::Little { number.to_le_bytes() } else { number.to_be_bytes() }
    }
}
