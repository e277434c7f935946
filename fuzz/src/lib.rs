//! What the fuzz targets share.

mod choices;
mod driver;
mod items;
mod library;
mod recorder;
mod strings;
mod wire;

pub use choices::Choices;
pub use driver::{drive_async, drive_replies};
pub use items::{Item, items_of};
pub use library::{Library, VaList};
pub use recorder::{PRIVDATA, RECORDING, Recorder, recorder};
pub use strings::{len_and_room, text_of};
pub use wire::{Outcome, arguments, feed, read, splits};
