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
