//! The dependency DAG of a block as a picture, and as a page to explore it.
//!
//! [`svg`] draws the DAG in its layers and explains in words what a drawing cannot show;
//! [`html`] puts the same drawing on one page that needs nothing else: search, an
//! explanation of each transaction and edge, the locations that most transactions meet on,
//! and the schedule as a timeline.
//!
//! Nothing here knows an EVM or a scheduler: a [`Picture`] is plain data. Equal
//! pictures give equal bytes. The layers are the scheduler's, so no library that
//! layers graphs is needed; what is left, the order within a layer and the placing of
//! groups, is in `layout`.

mod html;
mod layout;
mod model;
mod svg;
mod words;

pub use html::html;
pub use model::{Edge, Location, Observed, Picture, Possible, Slot, Timeline, Transaction};
pub use svg::svg;
