//! The `crate = path` option: where the expansion finds the runtime.

use syn::parse::ParseStream;
use syn::{LitStr, Path, Result};

/// Parses the value of `crate = …`: a path, or a path in quotes as tokio writes it.
pub(crate) fn parse(input: ParseStream<'_>) -> Result<Path> {
    if input.peek(LitStr) {
        return input.parse::<LitStr>()?.parse_with(Path::parse_mod_style);
    }
    input.call(Path::parse_mod_style)
}

/// The path of the crate that re-exports the macro in use; a constant of `lib.rs`.
pub(crate) fn default(path: &str) -> Result<Path> {
    syn::parse_str(path)
}
