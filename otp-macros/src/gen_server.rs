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

/// Expands the attribute; errors stand in front of the block without its helper attributes.
pub(crate) fn gen_server(args: TokenStream, item: TokenStream, default_path: &str) -> TokenStream {
    let mut block = match parse_block(item.clone()) {
        Ok(block) => block,
        Err(error) => return with_errors(error, item),
    };
    let methods = roles::take(&mut block);
    let server =
        Options::parse(args, default_path).and_then(|options| Server::new(options, &block, &methods));
    match server {
        Ok(server) => {
            let generated = expand::expand(&server);
            quote! { #block #generated }
        }
        Err(error) => with_errors(error, quote! { #block }),
    }
}

fn parse_block(item: TokenStream) -> Result<ItemImpl> {
    syn::parse2(item).map_err(|error| {
        Error::new(error.span(), "#[gen_server] goes on the methods of a server: `impl Counter { … }`")
    })
}

fn with_errors(error: Error, item: TokenStream) -> TokenStream {
    let error = error.into_compile_error();
    quote! { #error #item }
}
