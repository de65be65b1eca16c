//! The parts of a snapshot that are mapped: where they lie, and the file as it is written and read, hashed on the way.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Take, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use bytemuck::Pod;
use vow_types::{Lent, num};

use crate::graph::Base;
use crate::mapped::{Mapped, Run};

/// What each part begins at a multiple of: the processor's cache is filled by so many bytes.
const LINE: usize = 64;
/// BLAKE3 is several times as quick on a mebibyte as on a number at a time.
const BUFFER: usize = 1 << 20;

/// What tells where the parts lie.
pub(super) struct Parts {
    /// Bytes before them.
    pub(super) head: usize,
    pub(super) dimension: u32,
    pub(super) nodes: u32,
    /// How many of them are linked.
    pub(super) linked: u32,
    pub(super) links: u32,
}

impl Parts {
    /// Vectors, where links end, links.
    pub(super) fn ranges(&self) -> [Range<usize>; 3] {
        let [dimension, nodes, links] = [self.dimension, self.nodes, self.links].map(num::index);
        let numbers = nodes.saturating_mul(dimension);
        let mut at = self.head;
        [(numbers, 2), (nodes, 4), (links, 4)].map(|(count, size)| {
            let from = at.div_ceil(LINE).saturating_mul(LINE);
            at = from.saturating_add(count.saturating_mul(size));
            from..at
        })
    }

    /// Bytes up to their end.
    pub(super) fn size(&self) -> u64 {
        let [.., links] = self.ranges();
        num::len_u64(links.end)
    }

    /// These parts of a file.
    pub(super) fn of(&self, map: &Arc<Mapped>) -> Base {
        let [vectors, ends, links] = self.ranges();
        let vectors = Box::new(Run::<i16>::new(map, vectors));
        Base {
            vectors: Lent::new(vectors, self.dimension, self.nodes),
            linked: self.linked,
            ends: Run::new(map, ends),
            links: Run::new(map, links),
            map: Arc::clone(map),
        }
    }
}

/// A file that is written.
pub(super) struct Sink {
    to: BufWriter<Hashing<File>>,
    at: usize,
}

impl Sink {
    /// A new file, or an old one emptied; it can be read as well.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let file = File::options().read(true).write(true).create(true).truncate(true).open(path)?;
        let hashing = Hashing { inner: file, hash: blake3::Hasher::new() };
        Ok(Self { to: BufWriter::with_capacity(BUFFER, hashing), at: 0 })
    }

    pub(super) fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.at = self.at.saturating_add(bytes.len());
        self.to.write_all(bytes)
    }

    pub(super) fn put_u32(&mut self, number: u32) -> io::Result<()> {
        self.put(&number.to_ne_bytes())
    }

    /// How many bytes were written.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Zeros up to there, less than [`LINE`].
    pub(super) fn fill_to(&mut self, at: usize) -> io::Result<()> {
        let zeros = [0; LINE];
        self.put(zeros.get(..at.saturating_sub(self.at)).unwrap_or(&zeros))
    }

    /// The hash behind it, all of it on disk.
    pub(super) fn finish(self) -> io::Result<File> {
        let Hashing { inner: mut file, hash } =
            self.to.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.write_all(hash.finalize().as_bytes())?;
        file.sync_all()?;
        Ok(file)
    }
}

/// A file that is read: all of it but the hash at its end.
pub(super) struct Source<'a> {
    from: BufReader<Hashing<Take<&'a File>>>,
    at: usize,
}

impl<'a> Source<'a> {
    pub(super) fn of(file: &'a File, size: u64) -> io::Result<Self> {
        let body = size.checked_sub(num::len_u64(blake3::OUT_LEN)).ok_or(ErrorKind::UnexpectedEof)?;
        let hashing = Hashing { inner: file.take(body), hash: blake3::Hasher::new() };
        Ok(Self { from: BufReader::with_capacity(BUFFER, hashing), at: 0 })
    }

    pub(super) fn fill(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        self.at = self.at.saturating_add(bytes.len());
        self.from.read_exact(bytes)
    }

    pub(super) fn bytes<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    pub(super) fn u32(&mut self) -> io::Result<u32> {
        self.bytes().map(u32::from_ne_bytes)
    }

    pub(super) fn several_u32<const N: usize>(&mut self) -> io::Result<[u32; N]> {
        let mut numbers = [0; N];
        self.fill(bytemuck::cast_slice_mut(&mut numbers))?;
        Ok(numbers)
    }

    /// How many bytes were read.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Hands out the numbers that lie in `part`, at most `most` at a time; what is before it is passed over.
    pub(super) fn each<T: Pod, E: From<io::Error>>(
        &mut self,
        part: Range<usize>,
        most: usize,
        mut look: impl FnMut(&[T]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut zeros = [0; LINE];
        self.fill(zeros.get_mut(..part.start.saturating_sub(self.at)).unwrap_or_default())?;
        let mut left = part.len().checked_div(size_of::<T>()).unwrap_or_default();
        let mut numbers = vec![T::zeroed(); most.min(left)];
        while left > 0 {
            numbers.truncate(left);
            self.fill(bytemuck::cast_slice_mut(&mut numbers))?;
            look(&numbers)?;
            left -= numbers.len();
        }
        Ok(())
    }

    /// Passes over what is left, and says how many bytes that were.
    pub(super) fn rest(&mut self) -> io::Result<u64> {
        io::copy(&mut self.from, &mut io::sink())
    }

    /// Whether the hash of all that was read is the one that follows in the file.
    pub(super) fn hash_fits(self, mut file: &File) -> io::Result<bool> {
        let hash = self.from.into_inner().hash.finalize();
        let mut written = [0; blake3::OUT_LEN];
        file.read_exact(&mut written)?;
        Ok(hash == written)
    }
}

/// Hashes what passes.
struct Hashing<T> {
    inner: T,
    hash: blake3::Hasher,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.hash.update(bytes.get(..count).unwrap_or(bytes));
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(bytes)?;
        self.hash.update(bytes.get(..count).unwrap_or_default());
        Ok(count)
    }
}
