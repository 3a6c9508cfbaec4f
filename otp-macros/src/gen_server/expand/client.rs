//! `trait CounterClient`: the calls and casts as methods of everything that leads to the server.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{GenericParam, parse_quote};

use super::super::method::{Arg, Message};
use super::super::roles::Role;
use super::super::server::Server;
use super::super::types;
use super::messages::docs;
use super::{arg_names, generated, local, message_type};

/// The trait and its blanket implementation; nothing if there is neither a call nor a cast.
pub(super) fn client(server: &Server) -> TokenStream {
    let methods: Vec<_> =
        [Role::Call, Role::Cast].into_iter().flat_map(|role| methods(server, role)).collect();
    if methods.is_empty() {
        return TokenStream::new();
    }
    let default_name = || format_ident!("{}Client", server.name, span = server.name.span());
    let name = server.options.client.clone().unwrap_or_else(default_name);
    let (declared, implemented): (Vec<_>, Vec<_>) =
        methods.into_iter().map(|m| (m.declared, m.implemented)).unzip();

    let Server { ty, options, generics, .. } = server;
    let (path, vis) = (&options.path, &options.vis);
    let destination = local("__D");
    let mut all = generics.clone();
    let bounded: GenericParam =
        parse_quote! { #destination: #path::Destination<#ty> + ?::core::marker::Sized };
    all.params.push(bounded);
    let (impl_generics, ..) = all.split_for_impl();
    let (_, type_generics, where_clause) = generics.split_for_impl();
    let doc =
        format!("The client's side of `{}`: what every destination of such a server can do.", server.name);
    let generated = generated();
    quote! {
        #[doc = #doc]
        #generated
        #vis trait #name #generics #where_clause {
            #(#declared)*
        }

        #generated
        impl #impl_generics #name #type_generics for #destination #where_clause {
            #(#implemented)*
        }
    }
}

/// One method of the client.
struct Method {
    declared: TokenStream,
    implemented: TokenStream,
}

fn methods(server: &Server, role: Role) -> Vec<Method> {
    server.messages(role).iter().map(|message| method(server, role, message)).collect()
}

fn method(server: &Server, role: Role, message: &Message) -> Method {
    let Message { invocation, cfgs, args, .. } = message;
    let (path, ty, name) = (&server.options.path, &server.ty, &invocation.name);
    let params = args.iter().map(|Arg { name, ty }| {
        let ty = types::without_self(ty, &server.ty);
        quote! { #name: #ty }
    });
    let reply = message.answer.reply().map(|reply| types::without_self(reply, ty));
    let output = reply.map(|reply| quote! { -> #path::Call<#ty, #reply> });
    let signature = quote! { fn #name(&self, #(#params),*) #output };
    let docs = docs(message, &default_doc(role, message));
    let send = send(server, role, message);
    Method {
        declared: quote! { #(#cfgs)* #docs #signature; },
        implemented: quote! { #(#cfgs)* #signature { #send } },
    }
}

fn default_doc(role: Role, message: &Message) -> String {
    let name = &message.invocation.name;
    match role {
        Role::Call => format!("Calls `{name}` and gives its reply."),
        _ => format!("Casts `{name}`: there is no reply, and no word of whether the server is there."),
    }
}

fn send(server: &Server, role: Role, message: &Message) -> Option<TokenStream> {
    let path = &server.options.path;
    let (ty, variant) = (message_type(server, role)?, &message.variant);
    let names: Vec<_> = arg_names(&message.args).collect();
    let reply = local("reply");
    Some(match role {
        Role::Call => {
            quote! { #path::Destination::call(self, move |#reply| #ty::#variant(#(#names,)* #reply)) }
        }
        _ if names.is_empty() => quote! { #path::Destination::cast(self, #ty::#variant) },
        _ => quote! { #path::Destination::cast(self, #ty::#variant(#(#names),*)) },
    })
}
