//! The options of `#[gen_server(…)]`.

use std::time::Duration;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Error, Ident, LitFloat, LitInt, Path, Result, Token, Visibility, parse_quote};

use crate::crate_path;

/// What the attribute says, with the defaults filled in.
#[derive(Debug)]
pub(super) struct Options {
    /// The crate with the trait `GenServer`.
    pub(super) path: Path,
    pub(super) restart: Option<Restart>,
    pub(super) shutdown: Option<Shutdown>,
    /// The name of the client trait, if it is not the usual one.
    pub(super) client: Option<Ident>,
    /// The visibility of what is generated.
    pub(super) vis: Visibility,
}

/// A variant of the runtime crate's `Restart`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Restart {
    Permanent,
    Transient,
    Temporary,
}

/// A value of the runtime crate's `Shutdown`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shutdown {
    BrutalKill,
    Timeout(Duration),
    Infinity,
}

#[derive(Default)]
struct Given {
    path: Option<Path>,
    restart: Option<Restart>,
    shutdown: Option<Shutdown>,
    client: Option<Ident>,
    vis: Option<Visibility>,
}

impl Options {
    pub(super) fn parse(args: TokenStream, default_path: &str) -> Result<Self> {
        let Given { path, restart, shutdown, client, vis } = Given::parse.parse2(args)?;
        Ok(Self {
            path: path.map_or_else(|| crate_path::default(default_path), Ok)?,
            restart,
            shutdown,
            client,
            vis: vis.unwrap_or_else(|| parse_quote!(pub)),
        })
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
        let known = ["restart", "shutdown", "client", "vis", "crate"];
        if !known.contains(&key.to_string().as_str()) {
            let message = format!("unknown option `{key}`: the options are {}", known.join(", "));
            return Err(Error::new(key.span(), message));
        }
        input.parse::<Token![=]>()?;
        let twice = match key.to_string().as_str() {
            "restart" => self.restart.replace(Restart::parse(input)?).is_some(),
            "shutdown" => self.shutdown.replace(Shutdown::parse(input)?).is_some(),
            "client" => self.client.replace(input.parse()?).is_some(),
            "vis" => self.vis.replace(visibility(input)?).is_some(),
            _ => self.path.replace(crate_path::parse(input)?).is_some(),
        };
        if twice {
            return Err(Error::new(key.span(), format!("`{key}` is given twice: remove one")));
        }
        Ok(())
    }
}

impl Restart {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let value = word(input);
        match value.as_ref().map(|(word, _)| word.as_str()) {
            Some("permanent") => Ok(Self::Permanent),
            Some("transient") => Ok(Self::Transient),
            Some("temporary") => Ok(Self::Temporary),
            _ => {
                let span = value.map_or_else(|| input.span(), |(_, span)| span);
                Err(Error::new(span, "write `permanent`, `transient` or `temporary`"))
            }
        }
    }
}

impl Shutdown {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if input.peek(LitInt) {
            return timeout(&input.parse()?).map(Self::Timeout);
        }
        if input.peek(LitFloat) {
            return Err(Error::new(
                input.span(),
                "write a whole number of seconds or milliseconds: `10s`, `500ms`",
            ));
        }
        let value = word(input);
        match value.as_ref().map(|(word, _)| word.as_str()) {
            Some("brutal_kill") => Ok(Self::BrutalKill),
            Some("infinity") => Ok(Self::Infinity),
            _ => {
                let span = value.map_or_else(|| input.span(), |(_, span)| span);
                Err(Error::new(span, "write a time (`10s`, `500ms`), `brutal_kill` or `infinity`"))
            }
        }
    }
}

/// The next token, if it is a name.
fn word(input: ParseStream<'_>) -> Option<(String, Span)> {
    let ident = input.peek(Ident::peek_any).then(|| input.call(Ident::parse_any).ok()).flatten()?;
    Some((ident.to_string(), ident.span()))
}

fn timeout(literal: &LitInt) -> Result<Duration> {
    match literal.suffix() {
        "s" => Ok(Duration::from_secs(literal.base10_parse()?)),
        "ms" => Ok(Duration::from_millis(literal.base10_parse()?)),
        _ => {
            let digits = literal.base10_digits();
            let message = format!("write the unit: `{digits}s` or `{digits}ms`");
            Err(Error::new(literal.span(), message))
        }
    }
}

fn visibility(input: ParseStream<'_>) -> Result<Visibility> {
    match input.parse()? {
        Visibility::Inherited => Err(input.error("write a visibility: `pub`, `pub(crate)` or `pub(self)`")),
        vis => Ok(vis),
    }
}

impl ToTokens for Restart {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.extend(match self {
            Self::Permanent => quote! { Permanent },
            Self::Transient => quote! { Transient },
            Self::Temporary => quote! { Temporary },
        });
    }
}

impl ToTokens for Shutdown {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.extend(match self {
            Self::BrutalKill => quote! { BrutalKill },
            Self::Infinity => quote! { Infinity },
            Self::Timeout(time) => {
                let (secs, nanos) = (time.as_secs(), time.subsec_nanos());
                quote! { Timeout(::core::time::Duration::new(#secs, #nanos)) }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: TokenStream) -> Options {
        Options::parse(args, "::otp").unwrap()
    }

    fn error(args: TokenStream) -> String {
        Options::parse(args, "::otp").unwrap_err().to_string()
    }

    #[test]
    fn nothing_given() {
        let options = parse(quote!());
        assert_eq!((options.restart, options.shutdown), (None, None));
        assert!(matches!(options.vis, Visibility::Public(_)));
        assert_eq!(options.path.to_token_stream().to_string(), ":: otp");
    }

    #[test]
    fn everything_given() {
        let options = parse(quote!(
            restart = transient,
            shutdown = 10s,
            client = CounterApi,
            vis = pub(crate),
            crate = crate::mock
        ));
        assert_eq!(options.restart, Some(Restart::Transient));
        assert_eq!(options.shutdown, Some(Shutdown::Timeout(Duration::from_secs(10))));
        assert_eq!(options.client.unwrap(), "CounterApi");
        assert!(matches!(options.vis, Visibility::Restricted(_)));
    }

    #[test]
    fn shutdown_values() {
        assert_eq!(
            parse(quote!(shutdown = 500ms)).shutdown,
            Some(Shutdown::Timeout(Duration::from_millis(500)))
        );
        assert_eq!(parse(quote!(shutdown = brutal_kill)).shutdown, Some(Shutdown::BrutalKill));
        assert_eq!(parse(quote!(shutdown = infinity,)).shutdown, Some(Shutdown::Infinity));
        assert_eq!(error(quote!(shutdown = 5)), "write the unit: `5s` or `5ms`");
        assert!(error(quote!(shutdown = 0.5s)).contains("whole number"));
        assert!(error(quote!(shutdown = forever)).contains("`infinity`"));
    }

    #[test]
    fn what_is_not_an_option() {
        assert!(error(quote!(name = "x")).contains("unknown option `name`"));
        assert!(error(quote!(restart = always)).contains("`permanent`"));
        assert!(error(quote!(restart = "permanent")).contains("`permanent`"));
        assert!(error(quote!(restart = permanent, restart = permanent)).contains("given twice"));
        assert!(error(quote!(vis = , restart = permanent)).contains("write a visibility"));
    }
}
