//! Media for tests: one that outlives the store on it, and one that writes down everything it is told, so that the file can
//! be put together again as a power cut at any moment would have left it.

use std::io::{Error, ErrorKind};
use std::sync::{Arc, Mutex};

use redb::StorageBackend;

/// Bytes in memory. Clones are the same bytes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Memory(Arc<Mutex<Vec<u8>>>);

impl Memory {
    pub(crate) fn holding(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(bytes)))
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }
}

impl StorageBackend for Memory {
    fn len(&self) -> Result<u64, Error> {
        Ok(self.0.lock().unwrap().len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), Error> {
        let bytes = self.0.lock().unwrap();
        let from = usize::try_from(offset).unwrap();
        let found = bytes.get(from..from + out.len()).ok_or(ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(found);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<(), Error> {
        self.0.lock().unwrap().resize(usize::try_from(len).unwrap(), 0);
        Ok(())
    }

    fn sync_data(&self) -> Result<(), Error> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), Error> {
        put(&mut self.0.lock().unwrap(), offset, data);
        Ok(())
    }
}

fn put(bytes: &mut Vec<u8>, offset: u64, data: &[u8]) {
    let from = usize::try_from(offset).unwrap();
    let to = from + data.len();
    if bytes.len() < to {
        bytes.resize(to, 0);
    }
    bytes[from..to].copy_from_slice(data);
}

/// What a medium was told.
#[derive(Debug, Clone)]
pub(crate) enum Told {
    Write(u64, Vec<u8>),
    SetLen(u64),
    Sync,
}

/// A medium that remembers what it was told, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recorder {
    live: Memory,
    told: Arc<Mutex<Vec<Told>>>,
}

impl Recorder {
    /// How much it was told so far.
    pub(crate) fn now(&self) -> usize {
        self.told.lock().unwrap().len()
    }

    pub(crate) fn told(&self) -> Vec<Told> {
        self.told.lock().unwrap().clone()
    }

    fn note(&self, told: Told) {
        self.told.lock().unwrap().push(told);
    }
}

impl StorageBackend for Recorder {
    fn len(&self) -> Result<u64, Error> {
        self.live.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), Error> {
        self.live.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<(), Error> {
        self.note(Told::SetLen(len));
        self.live.set_len(len)
    }

    fn sync_data(&self) -> Result<(), Error> {
        self.note(Told::Sync);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), Error> {
        self.note(Told::Write(offset, data.to_vec()));
        self.live.write(offset, data)
    }
}

/// Which of the things that were told after the last sync reached the disk before the power went.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reached {
    /// Nothing: the medium stopped making data durable at that sync.
    Nothing,
    /// Everything.
    Everything,
    /// Only the file's header, which says that there is more.
    Header,
    /// Any of it, in pieces of any size, by this seed.
    Some(u64),
}

impl Reached {
    /// Adds what reached the disk of `pending` to `bytes`.
    pub(crate) fn apply(self, pending: &[Told], bytes: &mut Vec<u8>) {
        let mut dice = Dice(match self {
            Self::Some(seed) => seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
            _ => 1,
        });
        for told in pending {
            match (told, self) {
                (Told::Sync, _) | (_, Self::Nothing) => {}
                (Told::Write(offset, data), Self::Header) if *offset == 0 => put(bytes, 0, data),
                (_, Self::Header) => {}
                (Told::Write(offset, data), Self::Everything) => put(bytes, *offset, data),
                (Told::SetLen(len), Self::Everything) => bytes.resize(usize::try_from(*len).unwrap(), 0),
                (Told::Write(offset, data), Self::Some(_)) => {
                    let piece = [1, 16, 512, 4096][usize::try_from(dice.roll() % 4).unwrap()];
                    for (piece_at, piece) in (0u64..).step_by(piece).zip(data.chunks(piece)) {
                        if dice.roll().is_multiple_of(2) {
                            // A file that grows by a write grows by all of it.
                            let end = usize::try_from(*offset).unwrap() + data.len();
                            bytes.resize(bytes.len().max(end), 0);
                            put(bytes, offset + piece_at, piece);
                        }
                    }
                }
                (Told::SetLen(len), Self::Some(_)) => {
                    if dice.roll().is_multiple_of(2) {
                        bytes.resize(usize::try_from(*len).unwrap(), 0);
                    }
                }
            }
        }
    }
}

/// xorshift64 (Marsaglia 2003): the same rolls for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 20
    }
}

/// A medium with room for so many bytes.
#[derive(Debug)]
pub(crate) struct Limited {
    memory: Memory,
    room: u64,
}

impl Limited {
    pub(crate) fn to(memory: Memory, room: u64) -> Self {
        Self { memory, room }
    }
}

impl StorageBackend for Limited {
    fn len(&self) -> Result<u64, Error> {
        self.memory.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), Error> {
        self.memory.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<(), Error> {
        if len > self.room { Err(ErrorKind::StorageFull.into()) } else { self.memory.set_len(len) }
    }

    fn sync_data(&self) -> Result<(), Error> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), Error> {
        self.memory.write(offset, data)
    }
}
