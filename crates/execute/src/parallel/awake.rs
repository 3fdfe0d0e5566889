//! Waiting awake: for what others are about to have done, going to sleep and being woken takes
//! longer than it takes them.

use core::time::Duration;
use std::{
    sync::mpsc::{Receiver, TryRecvError},
    time::Instant,
};

/// How long a thread stays awake for a message.
pub(super) const AWAKE: Duration = Duration::from_micros(300);

/// How often it does nothing before it looks again.
const SPINS: u32 = 16;

/// Does nothing for a moment.
pub(super) fn pause() {
    (0..SPINS).for_each(|_| core::hint::spin_loop());
}

/// What another thread sends; nothing if it has gone away, or takes longer than this.
pub(super) fn receive<T>(from: &Receiver<T>, patience: Duration) -> Option<T> {
    let start = Instant::now();
    loop {
        let waited = start.elapsed();
        match from.try_recv() {
            Ok(it) => return Some(it),
            Err(TryRecvError::Disconnected) => return None,
            Err(TryRecvError::Empty) if waited >= AWAKE => {
                return from.recv_timeout(patience.saturating_sub(waited)).ok();
            }
            Err(TryRecvError::Empty) => pause(),
        }
    }
}
