//! Freeing what a table held, without holding up a worker thread for many rows.

/// From so many rows on, a thread of its own frees them: below, starting it would take as long.
const MANY: usize = 10_000;

/// Drops `contents`, that many rows; here if they are few, else on another thread.
pub(crate) fn free<C: Send + 'static>(rows: usize, contents: C) {
    if rows < MANY {
        drop(contents);
        return;
    }
    // If no thread can be started, the closure is dropped with what it holds, here.
    let thread = std::thread::Builder::new().name("otp-ets-free".to_owned());
    drop(thread.spawn(move || drop(contents)));
}
