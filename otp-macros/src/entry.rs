//! `#[main]` and `#[test]`: an `async fn` as the first process of a runtime.

mod options;

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, Ident, ItemFn, Result};

use self::options::{Flavor, Options};
use crate::errors::Errors;

/// Which of the two macros is at work.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Main,
    Test,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Test => "test",
        }
    }

    fn default_flavor(self) -> Flavor {
        match self {
            Self::Main => Flavor::MultiThread,
            Self::Test => Flavor::CurrentThread,
        }
    }
}

/// Expands the attribute; an error stands in front of the function as it was written.
pub(crate) fn entry(kind: Kind, args: TokenStream, item: TokenStream, default_path: &str) -> TokenStream {
    try_entry(kind, args, item.clone(), default_path).unwrap_or_else(|error| {
        let error = error.into_compile_error();
        quote! { #error #item }
    })
}

fn try_entry(kind: Kind, args: TokenStream, item: TokenStream, default_path: &str) -> Result<TokenStream> {
    let function: ItemFn = syn::parse2(item).map_err(|error| {
        Error::new(error.span(), format!("#[{0}] goes on a function: `async fn name() {{ … }}`", kind.name()))
    })?;
    let options = Options::parse(kind, args, default_path);
    let mut errors = Errors::default();
    errors.check(check(kind, &function));
    let options = errors.check(options);
    errors.finish()?;
    Ok(options.map(|options| expand(kind, &options, function)).unwrap_or_default())
}

/// Refuses what cannot be the outermost function.
fn check(kind: Kind, function: &ItemFn) -> Result<()> {
    let signature = &function.sig;
    let name = kind.name();
    if signature.asyncness.is_none() {
        let message = format!("#[{name}] needs an `async fn`: put `async` in front of `fn`");
        return Err(Error::new(signature.fn_token.span, message));
    }
    if !signature.inputs.is_empty() {
        let message = format!("a #[{name}] function takes no arguments: remove them");
        return Err(Error::new_spanned(&signature.inputs, message));
    }
    if !signature.generics.params.is_empty() {
        let message = format!("a #[{name}] function has no generic parameters: remove them");
        return Err(Error::new_spanned(&signature.generics.params, message));
    }
    let second =
        function.attrs.iter().find(|attr| attr.path().segments.last().is_some_and(|s| s.ident == "test"));
    match second {
        Some(attr) if kind == Kind::Test => Err(Error::new(
            attr.span(),
            "#[test] stands here twice, and the test would run twice: remove one",
        )),
        _ => Ok(()),
    }
}

/// `fn main() -> R { async fn main() -> R { … } path::__private::main(options, main()) }`
///
/// The body stays an `async fn`, rather than an `async` block, because only that tells `?` the return type.
fn expand(kind: Kind, options: &Options, function: ItemFn) -> TokenStream {
    let ItemFn { attrs, vis, sig, block } = function;
    let name = &sig.ident;
    let mut outer = sig.clone();
    outer.asyncness = None;

    let path = &options.path;
    let run = Ident::new(kind.name(), Span::mixed_site());
    let value = options_value(options);
    let test = (kind == Kind::Test).then(|| quote! { #[::core::prelude::v1::test] });
    // At the end of the body, so that a wrong return type is reported there.
    let end = block.brace_token.span.close().resolved_at(Span::mixed_site());
    let call = quote_spanned! { end=> #path::__private::#run(#value, #name()) };
    quote! {
        #test
        #(#attrs)*
        #vis #outer {
            #sig #block
            #call
        }
    }
}

fn options_value(options: &Options) -> TokenStream {
    let Options { path, flavor, worker_threads, start_paused } = options;
    let flavor = Ident::new(flavor.variant(), Span::mixed_site());
    let workers = match worker_threads {
        Some(n) => quote! { ::core::option::Option::Some(#n) },
        None => quote! { ::core::option::Option::None },
    };
    quote! {
        #path::__private::Options {
            flavor: #path::__private::Flavor::#flavor,
            worker_threads: #workers,
            start_paused: #start_paused,
        }
    }
}
