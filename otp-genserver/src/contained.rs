//! [`Contained`]: a foreign value whose destructor may panic without harm to what stands beside it.

use otp_core::behaviour::catch;

/// Dropped, it contains a panic of its value's destructor: a second one while the first unwinds would abort the program, and
/// many collections leak what they have not dropped yet.
pub(crate) struct Contained<T>(Option<T>);

impl<T> Contained<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(Some(value))
    }

    /// `None` once it was dropped.
    pub(crate) const fn get_mut(&mut self) -> Option<&mut T> {
        self.0.as_mut()
    }

    /// Drops the value where its panic may do what panics do.
    pub(crate) fn drop_openly(&mut self) {
        drop(self.0.take());
    }
}

impl<T> Drop for Contained<T> {
    fn drop(&mut self) {
        if let Some(value) = self.0.take()
            && let Err(reason) = catch(|| drop(value))
        {
            tracing::error!(target: "otp::genserver", %reason, "a destructor panicked");
        }
    }
}
