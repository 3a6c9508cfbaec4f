//! [`AppInfo`]: what a controller's lists tell of an application.

/// An application, as `which_applications` and `loaded_applications` list it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AppInfo {
    /// Its name.
    pub name: String,
    /// One line for people.
    pub description: String,
    /// Its version.
    pub version: String,
}
