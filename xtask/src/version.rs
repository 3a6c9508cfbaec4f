//! The versions that `rust-version` holds: `1.88` or `1.88.0`.

use std::fmt;
use std::str::FromStr;

/// A Rust release. A missing last number counts as 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RustVersion {
    major: u64,
    minor: u64,
    patch: u64,
}

impl FromStr for RustVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers: Option<Vec<u64>> = text.split('.').map(|part| part.parse().ok()).collect();
        match numbers.as_deref() {
            Some(&[major]) => Ok(Self { major, minor: 0, patch: 0 }),
            Some(&[major, minor]) => Ok(Self { major, minor, patch: 0 }),
            Some(&[major, minor, patch]) => Ok(Self { major, minor, patch }),
            _ => Err(format!("`{text}` is not a Rust version")),
        }
    }
}

impl fmt::Display for RustVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { major, minor, patch } = self;
        write!(f, "{major}.{minor}.{patch}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> RustVersion {
        text.parse().expect("a version")
    }

    #[test]
    fn numbers_are_compared_as_numbers() {
        assert!(version("1.100") > version("1.88"));
        assert!(version("1.88.1") > version("1.88"));
        assert!(version("2") > version("1.99.9"));
        assert_eq!(version("1.88"), version("1.88.0"));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "1.", "stable", "1.2.3.4", "1.88-beta"] {
            assert!(text.parse::<RustVersion>().is_err(), "{text}");
        }
    }
}
