//! `#[gen_server]`: from the methods of an `impl` block to messages, server and client.
//!
//! The attribute is read in three steps: [`roles`] takes the helper attributes off the methods, [`server`] checks what is
//! left and makes a [`Server`](server::Server) of it, and [`expand`] writes the code. Only `server` and what it calls report errors.

mod expand;
mod method;
mod names;
mod options;
mod roles;
mod server;
mod types;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, ItemImpl, Result};

use self::options::Options;
use self::server::Server;
use crate::errors::Errors;

/// Expands the attribute. Errors stand in front of what could be made without the methods they are about, so that
/// one mistake does not bring others with it.
pub(crate) fn gen_server(args: TokenStream, item: TokenStream, default_path: &str) -> TokenStream {
    let mut block = match parse_block(item.clone()) {
        Ok(block) => block,
        Err(error) => {
            let error = error.into_compile_error();
            return quote! { #error #item };
        }
    };
    let methods = roles::take(&mut block);
    let mut errors = Errors::default();
    let options = errors.check(Options::parse(args, default_path));
    let server = options.and_then(|options| Server::new(options, &block, &methods, &mut errors));
    let generated = server.as_ref().map(expand::expand);
    let errors = errors.finish().err().map(Error::into_compile_error);
    quote! { #errors #block #generated }
}

fn parse_block(item: TokenStream) -> Result<ItemImpl> {
    syn::parse2(item).map_err(|error| {
        Error::new(error.span(), "#[gen_server] goes on the methods of a server: `impl Counter { … }`")
    })
}

#[cfg(test)]
mod tests {
    use quote::ToTokens;
    use syn::{Attribute, File, ImplItem, Item};

    use super::*;

    /// The items, without the attributes that only silence lints.
    fn items(mut file: File) -> Vec<String> {
        for item in &mut file.items {
            match item {
                Item::Enum(item) => without_allow(&mut item.attrs),
                Item::Trait(item) => without_allow(&mut item.attrs),
                Item::Impl(block) => {
                    without_allow(&mut block.attrs);
                    block.items.iter_mut().for_each(|item| {
                        if let ImplItem::Fn(function) = item {
                            without_allow(&mut function.attrs);
                        }
                    });
                }
                _ => {}
            }
        }
        file.items
            .iter()
            .map(|item| item.to_token_stream().to_string().replace(" ,", ",").replace(",)", ")"))
            .collect()
    }

    fn without_allow(attrs: &mut Vec<Attribute>) {
        attrs.retain(|attr| !attr.path().is_ident("allow"));
    }

    #[test]
    fn the_counter_expands_to_this_file() {
        let counter = quote! {
            impl Counter {
                async fn init(start: i64, cx: &mut Context<Self>) -> Result<Self, InitError> {
                    Ok(Self { count: start })
                }
                #[call] fn get(&self) -> i64 { self.count }
                #[cast] fn add(&mut self, n: i64) { self.count += n }
                #[info] fn tick(&mut self, cx: &mut Context<Self>) { self.count = 0; }
            }
        };
        let made = syn::parse2(gen_server(quote!(), counter, "::otp_genserver")).unwrap();
        let written = syn::parse_str(include_str!("../tests/expanded/counter.rs")).unwrap();
        let (made, written) = (items(made), items(written));
        for (made, written) in made.iter().zip(&written) {
            assert_eq!(made, written);
        }
        assert_eq!(made.len(), written.len());
    }

    #[test]
    fn the_default_path_is_the_crate_that_exports_the_macro() {
        let server = quote! { impl Server { fn init() -> Self { Self } } };
        let facade = gen_server(quote!(), server.clone(), "::otp").to_string();
        assert!(facade.contains("impl :: otp :: GenServer for Server"), "{facade}");
        let renamed = gen_server(quote!(crate = my::otp), server, "::otp").to_string();
        assert!(renamed.contains("impl my :: otp :: GenServer for Server"), "{renamed}");
    }

    #[test]
    fn an_error_keeps_the_other_methods() {
        let server = quote! {
            impl Server {
                fn init() -> Self { Self }
                #[call] fn good(&self) {}
                #[call] fn bad(&self, text: &str) {}
            }
        };
        let expanded = gen_server(quote!(), server, "::otp").to_string();
        assert!(expanded.contains("compile_error"));
        assert!(expanded.contains("ServerCall :: Good"));
        assert!(!expanded.contains("ServerCall :: Bad"));
        assert!(!expanded.contains("# [call]"), "rustc does not know it");
    }
}
