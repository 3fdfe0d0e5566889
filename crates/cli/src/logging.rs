//! What the libraries tell of their work, on standard error, if it is asked for.

use tracing::Level;
use tracing_subscriber::{
    filter::Targets, fmt::format::FmtSpan, layer::SubscriberExt, util::SubscriberInitExt,
};

/// Our libraries; what others have to tell is left out.
const OURS: &str = "foresee";

/// From now on stages are told with the time they took, as well as decisions and what was
/// executed again.
pub(crate) fn start() {
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_span_events(FmtSpan::CLOSE);
    let ours = Targets::new().with_target(OURS, Level::DEBUG);
    // Another subscriber can only be there if this is called twice.
    let _ = tracing_subscriber::registry().with(lines).with(ours).try_init();
}
