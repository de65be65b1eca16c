//! What the machine and this process do, and how to be a good neighbour on it.
//!
//! Readings of processor, memory and power come from the kernel's text files, those of an NVIDIA card from its driver's
//! library, which is looked for at run time. What a machine does not tell is absent, never zero. [`Meter`] turns
//! readings into means, peaks and a bounded history; [`Thermostat`] says when a card is too hot; [`lower_priority`] makes
//! threads step back.
//!
//! When to measure and what to do about it is left to the engine: nothing here starts a thread or waits.

mod gpu;
mod history;
mod meter;
mod parse;
mod power;
mod priority;
mod thermostat;
mod view;

pub use gpu::{Gpu, GpuReading, open_gpu};
pub use history::{History, Point, Quantity, Usage};
pub use meter::{Meter, Snapshot};
pub use parse::{CpuTimes, MachineMemory, ProcessMemory};
pub use power::{Power, power};
pub use priority::{lower_priority, share_of};
pub use thermostat::Thermostat;
pub use view::{Reading, View};
