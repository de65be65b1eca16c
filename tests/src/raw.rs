//! Camera raws of the tests' own making: the structure that each maker's files have, around a JPEG that the test brings and
//! sensor data that nobody could develop. Written by hand after the descriptions of the formats, so that nothing is checked
//! with itself.

use super::tiff::{Order, Page, Value};

/// What is put into a raw.
#[derive(Debug, Clone, Copy)]
pub struct RawFile<'a> {
    /// The preview that is to be found.
    pub large: &'a [u8],
    /// A thumbnail, for the places where the maker has one.
    pub small: &'a [u8],
    /// The orientation tag.
    pub orientation: u8,
    /// `YYYY:MM:DD HH:MM:SS`.
    pub taken: &'a str,
    /// What a program wrote into it later: keywords, ratings.
    pub xmp: &'a [u8],
}

/// Begins as the JPEG without loss that Canon and DNG keep the sensor's data in (SOF3, 14 bits, 5000 x 4000, 1 component).
const SENSOR: &[u8] =
    b"\xff\xd8\xff\xc4\0\x03\0\xff\xdb\0\x03\0\xff\xc3\0\x0b\x0e\x0f\xa0\x13\x88\x01\0\x11\0\
    \xff\xda\0\x08\x01\0\0\x01\0\0sensor\xff\xd9";

const BYTE: u16 = 1;
const UNDEFINED: u16 = 7;

impl RawFile<'_> {
    /// One of every kind, with the ending of its name.
    #[must_use]
    pub fn all(&self) -> Vec<(&'static str, Vec<u8>)> {
        vec![
            ("dng", self.dng()),
            ("cr2", self.cr2()),
            ("nef", self.nef()),
            ("arw", self.arw()),
            ("orf", self.orf()),
            ("pef", self.pef()),
            ("rw2", self.rw2()),
            ("cr3", self.cr3()),
            ("raf", self.raf()),
        ]
    }

    /// What every first directory has.
    fn page(&self, make: &str) -> Page {
        Page::default().text(0x010f, make).short(0x0112, self.orientation.into()).data(0x02bc, BYTE, self.xmp)
    }

    fn exif(&self) -> Page {
        Page::default().text(0x9003, self.taken)
    }

    fn sensor(compression: u16) -> Page {
        Page::default().short(0x0106, 32803).strip(compression, SENSOR)
    }

    /// Pages below the first, as Adobe writes them.
    #[must_use]
    pub fn dng(&self) -> Vec<u8> {
        let preview = Page::default().long(0x00fe, 1).short(0x0106, 6).strip(7, self.large);
        let mask = Page::default().long(0x00fe, 4).strip(7, self.large);
        let first = self.page("Maker").long(0x00fe, 1).short(0x0106, 6).strip(7, self.small);
        let first =
            first.data(0xc612, BYTE, &[1, 4, 0, 0]).below(0x014a, vec![Self::sensor(7), preview, mask]);
        Order::Little.file(*b"II\x2a\0", b"", &[first.below(0x8769, vec![self.exif()])])
    }

    /// Four pages one after another; the last is the sensor's, and says nothing of its colours.
    #[must_use]
    pub fn cr2(&self) -> Vec<u8> {
        let pages = [
            self.page("Canon").strip(6, self.large).below(0x8769, vec![self.exif()]),
            Page::default().jpeg(self.small),
            Page::default().short(0x0106, 2).strip(1, &[9; 300]),
            Page::default().strip(6, SENSOR),
        ];
        Order::Little.file(*b"II\x2a\0", b"CR\x02\0\0\0\0\0", &pages)
    }

    /// Uncompressed thumbnail first, everything else below it; one more preview in the maker's notes.
    #[must_use]
    pub fn nef(&self) -> Vec<u8> {
        let small = self.small.to_vec();
        let notes = move |out: &mut Vec<u8>| {
            out.extend(b"Nikon\0\x02\x10\0\0");
            let preview = Page::default().jpeg(&small);
            Order::Big.append(out, *b"MM\0\x2a", b"", &[Page::default().below(0x0011, vec![preview])]);
        };
        let exif = self.exif().value(0x927c, UNDEFINED, Value::Written(Box::new(notes)));
        let below = vec![Page::default().long(0x00fe, 1).jpeg(self.large), Self::sensor(34713)];
        let first = self.page("NIKON CORPORATION").long(0x00fe, 1).short(0x0106, 2).strip(1, &[9; 300]);
        let first =
            first.short(0x0100, 10).short(0x0101, 10).short(0x0102, 8).short(0x0115, 3).short(0x0116, 10);
        Order::Big.file(*b"MM\0\x2a", b"", &[first.below(0x014a, below).below(0x8769, vec![exif])])
    }

    /// The preview is the first page's.
    #[must_use]
    pub fn arw(&self) -> Vec<u8> {
        let first = self.page("SONY").long(0x00fe, 1).short(0x0103, 6).jpeg(self.large);
        let first = first.below(0x014a, vec![Self::sensor(32767)]).below(0x8769, vec![self.exif()]);
        Order::Little.file(*b"II\x2a\0", b"", &[first, Page::default().short(0x0103, 6).jpeg(self.small)])
    }

    /// A number of its own in the header; the preview is in the maker's notes only, with offsets that count from these.
    #[must_use]
    pub fn orf(&self) -> Vec<u8> {
        let large = self.large.to_vec();
        let notes = move |out: &mut Vec<u8>| {
            let base = out.len();
            out.extend(b"OLYMPUS\0II\x03\0");
            let settings = Page::default().long(0x0100, 1).value(0x0101, 4, Value::Placed(large.clone()));
            let settings = settings.long(0x0102, u32::try_from(large.len()).unwrap());
            Order::Little.pages(out, base, &[Page::default().below(0x2020, vec![settings])]);
        };
        let exif = self.exif().value(0x927c, UNDEFINED, Value::Written(Box::new(notes)));
        let first = self.page("OLYMPUS IMAGING CORP.").strip(1, SENSOR).below(0x8769, vec![exif]);
        Order::Little.file(*b"IIRO", b"", &[first])
    }

    /// The sensor's page first, then two JPEGs.
    #[must_use]
    pub fn pef(&self) -> Vec<u8> {
        let first =
            self.page("PENTAX").short(0x0106, 32803).strip(65535, SENSOR).below(0x8769, vec![self.exif()]);
        let pages = [first, Page::default().jpeg(self.small), Page::default().jpeg(self.large)];
        Order::Big.file(*b"MM\0\x2a", b"", &pages)
    }

    /// A number of its own in the header, and the JPEG as the value of a tag. What elsewhere says where a JPEG is, are other
    /// numbers here.
    #[must_use]
    pub fn rw2(&self) -> Vec<u8> {
        let first = self.page("Panasonic").short(0x0201, 15).short(0x0202, 4095).strip(34316, SENSOR);
        let first = first.data(0x002e, UNDEFINED, self.large).below(0x8769, vec![self.exif()]);
        Order::Little.file(*b"IIU\0", &[0; 16], &[first])
    }

    /// Boxes: metadata and thumbnail, a middle-sized preview, and the large one among the data.
    #[must_use]
    pub fn cr3(&self) -> Vec<u8> {
        let facts =
            Order::Little.file(*b"II\x2a\0", b"", &[Page::default().short(0x0112, self.orientation.into())]);
        let exif = Order::Little.file(*b"II\x2a\0", b"", &[self.exif()]);
        let len = |jpeg: &[u8]| u32::try_from(jpeg.len()).unwrap().to_be_bytes();
        let thumb = [&[0, 0, 0, 0, 0, 160, 0, 120][..], &len(self.small), &[0, 1, 0, 0], self.small].concat();
        let canon = b"\x85\xc0\xb6\x87\x82\x0f\x11\xe0\x81\x11\xf4\xce\x46\x2b\x6a\x48";
        let of_canon = [boxed(b"CMT1", &facts), boxed(b"CMT2", &exif), boxed(b"THMB", &thumb)].concat();
        let of_canon = boxed(b"uuid", &[canon, &of_canon[..]].concat());
        let preview = [&[0, 0, 0, 0, 0, 1, 6, 84, 4, 56, 0, 1][..], &len(self.small), self.small].concat();
        let eaf4 = b"\xea\xf4\x2b\x5e\x1c\x98\x4b\x88\xb9\xfb\xb7\xdc\x40\x6e\x4d\x16";
        let preview = boxed(b"uuid", &[eaf4, &[0; 8][..], &boxed(b"PRVW", &preview)].concat());
        let xmp = boxed(
            b"uuid",
            &[b"\xbe\x7a\xcf\xcb\x97\xa9\x42\xe8\x9c\x71\x99\x94\x91\xe3\xaf\xac", self.xmp].concat(),
        );
        let kind = boxed(b"ftyp", b"crx \0\0\0\x01crx isom");
        let sensor = [b"\xff\x01\0\0", SENSOR].concat();
        // The movie's length does not depend on what it says of places.
        let movie = |start: usize| {
            let behind = start + self.large.len();
            let tracks = [
                of_canon.clone(),
                track(b"JPEG\0\0\0\0", start, self.large.len()),
                track(b"CMP1\0\0\0\0", behind, sensor.len()),
            ];
            boxed(b"moov", &tracks.concat())
        };
        let before = kind.len() + movie(0).len() + xmp.len() + preview.len() + 8;
        let data = boxed(b"mdat", &[self.large, &sensor].concat());
        [kind, movie(before), xmp, preview, data].concat()
    }

    /// A header with places, then the JPEG, which has all the EXIF there is.
    #[must_use]
    pub fn raf(&self) -> Vec<u8> {
        let exif = self.page("FUJIFILM").below(0x8769, vec![self.exif()]);
        let exif = [b"Exif\0\0", &Order::Little.file(*b"II\x2a\0", b"", &[exif])[..]].concat();
        let jpeg =
            [&self.large[..2], b"\xff\xe1", &(u16::try_from(exif.len()).unwrap() + 2).to_be_bytes(), &exif];
        let jpeg = [&jpeg.concat(), &self.large[2..]].concat();
        let mut file = b"FUJIFILMCCD-RAW 0201FF389501".to_vec();
        file.resize(84, 0);
        let len = u32::try_from(jpeg.len()).unwrap();
        for number in [148, len, 148 + len, 0, 148 + len, 6] {
            file.extend(number.to_be_bytes());
        }
        file.resize(148, 0);
        [&file[..], &jpeg, SENSOR].concat()
    }
}

fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&u32::try_from(body.len() + 8).unwrap().to_be_bytes(), &kind[..], body].concat()
}

/// A track with one sample.
fn track(coding: &[u8], start: usize, len: usize) -> Vec<u8> {
    let word = |number: usize| u32::try_from(number).unwrap().to_be_bytes();
    let entry = boxed(b"CRAW", &[&[0; 82][..], &word(coding.len() + 4), coding].concat());
    let kind = boxed(b"stsd", &[&word(0), &word(1)[..], &entry].concat());
    let sizes = boxed(b"stsz", &[word(0), word(len), word(1)].concat());
    let places = boxed(b"co64", &[word(0), word(1), word(0), word(start)].concat());
    let table = boxed(b"stbl", &[kind, sizes, places].concat());
    boxed(b"trak", &boxed(b"mdia", &boxed(b"minf", &table)))
}
