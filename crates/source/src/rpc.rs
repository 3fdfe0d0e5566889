//! Blocks and state from a node, over JSON-RPC.
//!
//! A [`Node`] is a connection: it asks with a timeout, asks again what may succeed
//! the next time, and packs many questions into batches of which a bounded number
//! is on the way. [`Node::block`] fetches a block and pins the state before it by
//! the parent's *hash*, so that a reorganisation in between can lead to an error
//! but never to a mixture. That state, [`RpcState`], reads what it is asked for,
//! once for all threads; [`RpcBlock::snapshot`] keeps what has been read.
//!
//! Addresses of nodes often hold keys, so errors name only scheme and host.

mod block;
mod choice;
mod error;
mod fault;
mod node;
mod pool;
mod rules;
mod state;
mod trace;

pub use block::RpcBlock;
pub use choice::BlockChoice;
pub use error::{RpcError, RpcFault};
pub use node::{Node, RpcConfig};
pub use pool::Whereabouts;
pub use state::{RpcState, StateRead};
