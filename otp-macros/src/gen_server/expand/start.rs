//! `Counter::start`, `start_link` and `start_monitor`: inherent, so that nobody has to import the trait.

use proc_macro2::TokenStream;
use quote::quote;

use super::super::server::Server;
use super::{arg_names, generated};
use crate::gen_server::method::Arg;

const STARTERS: [(&str, &str, &str); 3] = [
    ("start", "Start", "Starts the server, on its own, and waits for `init`."),
    ("start_link", "Start", "Starts the server, linked to the current process, and waits for `init`."),
    (
        "start_monitor",
        "StartMonitor",
        "Starts the server, monitored by the current process, and waits for `init`.",
    ),
];

/// The functions that the block does not have itself.
pub(super) fn starters(server: &Server) -> TokenStream {
    let path = &server.options.path;
    let vis = &server.options.vis;
    let params = server.init.args.iter().map(|Arg { name, ty }| quote! { #name: #ty });
    let params: Vec<_> = params.collect();
    let value = args_value(&server.init.args);
    let missing = STARTERS.iter().filter(|(name, ..)| !server.own_starters.iter().any(|own| own == name));
    let functions: Vec<_> = missing
        .map(|(name, result, doc)| {
            let (name, result) = (super::local(name), super::local(result));
            quote! {
                #[doc = #doc]
                #vis fn #name(#(#params),*) -> #path::#result<Self> {
                    <Self as #path::GenServer>::#name(#value)
                }
            }
        })
        .collect();
    if functions.is_empty() {
        return TokenStream::new();
    }
    let (generated, ty) = (generated(), &server.ty);
    let (impl_generics, _, where_clause) = server.generics.split_for_impl();
    quote! {
        #generated
        impl #impl_generics #ty #where_clause {
            #(#functions)*
        }
    }
}

/// The arguments of `init` as one value: `()`, the only one, or the tuple of them. It is a pattern as well.
pub(super) fn args_value(args: &[Arg]) -> TokenStream {
    let names = arg_names(args);
    match args {
        [_] => quote! { #(#names)* },
        _ => quote! { (#(#names),*) },
    }
}

/// The type of [`args_value`].
pub(super) fn args_type(args: &[Arg]) -> TokenStream {
    let types = args.iter().map(|arg| &arg.ty);
    match args {
        [_] => quote! { #(#types)* },
        _ => quote! { (#(#types),*) },
    }
}
