//! The options of `#[main(…)]` and `#[test(…)]`.

use proc_macro2::{Span, TokenStream};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Error, Ident, LitBool, LitInt, LitStr, Path, Result, Token};

use super::Kind;
use crate::crate_path;

/// The two runtimes of tokio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flavor {
    MultiThread,
    CurrentThread,
}

impl Flavor {
    /// The name of the variant in the runtime crate's `Flavor`.
    pub(super) fn variant(self) -> &'static str {
        match self {
            Self::MultiThread => "MultiThread",
            Self::CurrentThread => "CurrentThread",
        }
    }

    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let literal: LitStr = input.parse()?;
        match literal.value().as_str() {
            "multi_thread" => Ok(Self::MultiThread),
            "current_thread" => Ok(Self::CurrentThread),
            _ => Err(Error::new(literal.span(), r#"write "multi_thread" or "current_thread""#)),
        }
    }
}

/// What the attribute says, with the defaults filled in.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) path: Path,
    pub(super) flavor: Flavor,
    pub(super) worker_threads: Option<usize>,
    pub(super) start_paused: bool,
}

/// What the attribute says, each value with the place to blame.
#[derive(Default)]
struct Given {
    path: Option<Path>,
    flavor: Option<Flavor>,
    worker_threads: Option<(usize, Span)>,
    start_paused: Option<(bool, Span)>,
}

impl Options {
    pub(super) fn parse(kind: Kind, args: TokenStream, default_path: &str) -> Result<Self> {
        Given::parse.parse2(args)?.check(kind, default_path)
    }
}

impl Given {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut given = Self::default();
        while !input.is_empty() {
            given.parse_one(input)?;
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(given)
    }

    fn parse_one(&mut self, input: ParseStream<'_>) -> Result<()> {
        let key = input.call(Ident::parse_any)?;
        let known = ["flavor", "worker_threads", "start_paused", "crate"];
        if !known.contains(&key.to_string().as_str()) {
            let message = format!("unknown option `{key}`: the options are {}", known.join(", "));
            return Err(Error::new(key.span(), message));
        }
        input.parse::<Token![=]>()?;
        let twice = match key.to_string().as_str() {
            "flavor" => self.flavor.replace(Flavor::parse(input)?).is_some(),
            "worker_threads" => self.worker_threads.replace(worker_threads(input)?).is_some(),
            "start_paused" => self.start_paused.replace(start_paused(input)?).is_some(),
            _ => self.path.replace(crate_path::parse(input)?).is_some(),
        };
        if twice {
            return Err(Error::new(key.span(), format!("`{key}` is given twice: remove one")));
        }
        Ok(())
    }

    fn check(self, kind: Kind, default_path: &str) -> Result<Options> {
        let flavor = self.flavor.unwrap_or(kind.default_flavor());
        if let (Some((_, span)), Flavor::CurrentThread) = (self.worker_threads, flavor) {
            let message =
                r#"a current-thread runtime has no workers: add `flavor = "multi_thread"`, or remove this"#;
            return Err(Error::new(span, message));
        }
        if let (Some((true, span)), Flavor::MultiThread) = (self.start_paused, flavor) {
            let message =
                r#"only a current-thread runtime can pause its clock: write `flavor = "current_thread"`"#;
            return Err(Error::new(span, message));
        }
        Ok(Options {
            path: self.path.map_or_else(|| crate_path::default(default_path), Ok)?,
            flavor,
            worker_threads: self.worker_threads.map(|(n, _)| n),
            start_paused: self.start_paused.is_some_and(|(paused, _)| paused),
        })
    }
}

fn worker_threads(input: ParseStream<'_>) -> Result<(usize, Span)> {
    let literal: LitInt = input.parse()?;
    match literal.base10_parse()? {
        0 => Err(Error::new(literal.span(), "a runtime needs at least one worker thread")),
        n => Ok((n, literal.span())),
    }
}

fn start_paused(input: ParseStream<'_>) -> Result<(bool, Span)> {
    let literal: LitBool = input.parse()?;
    Ok((literal.value, literal.span))
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    fn error(kind: Kind, args: TokenStream) -> String {
        Options::parse(kind, args, "::otp").unwrap_err().to_string()
    }

    #[test]
    fn defaults() {
        let main = Options::parse(Kind::Main, quote!(), "::otp").unwrap();
        assert_eq!((main.flavor, main.worker_threads, main.start_paused), (Flavor::MultiThread, None, false));
        let test = Options::parse(Kind::Test, quote!(), "::otp").unwrap();
        assert_eq!(test.flavor, Flavor::CurrentThread);
    }

    #[test]
    fn a_path_may_stand_in_quotes() {
        for args in [quote!(crate = crate::mock), quote!(crate = "crate::mock")] {
            let path = Options::parse(Kind::Main, args, "::otp").unwrap().path;
            assert_eq!(quote!(#path).to_string(), quote!(crate::mock).to_string());
        }
    }

    #[test]
    fn workers_and_a_paused_clock_exclude_each_other() {
        let workers = Options::parse(Kind::Main, quote!(worker_threads = 4,), "::otp").unwrap();
        assert_eq!(workers.worker_threads, Some(4));
        assert!(error(Kind::Test, quote!(worker_threads = 4)).contains("has no workers"));
        assert!(error(Kind::Main, quote!(start_paused = true)).contains("pause its clock"));
        assert!(error(Kind::Main, quote!(worker_threads = 0)).contains("at least one"));
    }

    #[test]
    fn unknown_and_repeated_options() {
        assert!(error(Kind::Main, quote!(threads = 4)).contains("unknown option `threads`"));
        assert!(error(Kind::Main, quote!(worker_threads = 4, worker_threads = 5)).contains("given twice"));
    }
}
