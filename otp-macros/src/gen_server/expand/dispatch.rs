//! `impl GenServer for Counter`: from messages to methods.

use std::iter;

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Ident;
use syn::ext::IdentExt;

use super::super::method::{Answer, Message};
use super::super::roles::Role;
use super::super::server::{Callback, Constant, Format, Server};
use super::super::types::{self, Outcome};
use super::start::{args_type, args_value};
use super::{arg_names, generated, local, local_at, message_type};

/// The implementation of the trait.
pub(super) fn gen_server_impl(server: &Server) -> TokenStream {
    let Server { ty, options, .. } = server;
    let path = &options.path;
    let (impl_generics, _, where_clause) = server.generics.split_for_impl();
    let args = args_type(&server.init.args);
    let types = Role::ALL.map(|role| associated_type(server, role));
    let restart = options.restart.map(|restart| {
        quote! { const RESTART: #path::Restart = #path::Restart::#restart; }
    });
    let shutdown = options.shutdown.map(|shutdown| {
        quote! { const SHUTDOWN: #path::Shutdown = #path::Shutdown::#shutdown; }
    });
    let init = init(server);
    let handlers = Role::ALL.map(|role| handler(server, role));
    let callbacks = server.callbacks.iter().map(|callback| self::callback(server, callback));
    let constants = server.constants.iter().map(|Constant { name, cfgs }| {
        // The block's own constant is found before the trait's.
        quote! { #(#cfgs)* const #name: bool = Self::#name; }
    });
    let formats = server.formats.iter().map(format);
    let generated = generated();
    quote! {
        #generated
        impl #impl_generics #path::GenServer for #ty #where_clause {
            type Args = #args;
            #(#types)*
            #restart
            #shutdown
            #(#constants)*
            #init
            #(#handlers)*
            #(#callbacks)*
            #(#formats)*
        }
    }
}

fn associated_type(server: &Server, role: Role) -> TokenStream {
    let name = local(role.type_name());
    match message_type(server, role) {
        Some(ty) => {
            let (_, generics, _) = server.generics.split_for_impl();
            quote! { type #name = #ty #generics; }
        }
        None => quote! { type #name = ::core::convert::Infallible; },
    }
}

fn init(server: &Server) -> TokenStream {
    let path = &server.options.path;
    let init = &server.init;
    let (pattern, cx) = (args_value(&init.args), local("cx"));
    let call = init.invocation.call(arg_names(&init.args), &cx);
    let state = if init.infallible {
        quote! { ::core::result::Result::Ok(#call) }
    } else {
        call
    };
    quote! {
        async fn init(
            #pattern: Self::Args,
            #cx: &mut #path::Context<Self>,
        ) -> ::core::result::Result<Self, #path::InitError> {
            #state
        }
    }
}

/// `handle_call`, `handle_cast`, `handle_info` or `handle_continue`.
fn handler(server: &Server, role: Role) -> TokenStream {
    let path = &server.options.path;
    let ty = local(role.type_name());
    let name = local(&format!("handle_{}", role.type_name().to_lowercase()));
    let (message, cx) = (local("message"), local("cx"));
    let body = match message_type(server, role) {
        None => quote! { match #message {} },
        Some(ty) => {
            let arms = server.messages(role).iter().map(|message| arm(&ty, message, &cx));
            quote! {
                match #message { #(#arms)* }
                ::core::result::Result::Ok(())
            }
        }
    };
    quote! {
        async fn #name(
            &mut self,
            #message: Self::#ty,
            #cx: &mut #path::Context<Self>,
        ) -> ::core::result::Result<(), #path::ExitReason> {
            #body
        }
    }
}

fn arm(enum_name: &Ident, message: &Message, cx: &Ident) -> TokenStream {
    let Message { variant, cfgs, args, .. } = message;
    let reply = message.answer.reply().map(|_| local("reply"));
    let fields: Vec<_> = arg_names(args).chain(reply.map(|reply| quote! { #reply })).collect();
    let fields = (!fields.is_empty()).then(|| quote! { (#(#fields),*) });
    let body = body(message, cx);
    quote! { #(#cfgs)* #enum_name::#variant #fields => { #body } }
}

/// Calls the method and sees to its value.
fn body(message: &Message, cx: &Ident) -> TokenStream {
    let (reply, value) = (local("reply"), local("value"));
    let reply_arg = matches!(message.answer, Answer::Own(..)).then(|| quote! { #reply });
    let args = iter::once(quote! { self }).chain(reply_arg).chain(arg_names(&message.args));
    let call = message.invocation.call(args, cx);
    // The runner holds the reply until the method returns, which is what makes its caller's wait a hard edge.
    let held = quote! { let mut #reply = #reply; #reply.mark_held(); };
    match &message.answer {
        Answer::None(outcome) | Answer::Own(_, outcome) => finish(*outcome, &call, &message.invocation.name),
        Answer::Value(ty) if types::is_unit(ty) => quote! { #held #call; #reply.send(()); },
        Answer::Value(_) => quote! { #held let #value = #call; #reply.send(#value); },
        Answer::Fallible(_) => quote! { #held let #value = #call?; #reply.send(#value); },
    }
}

/// The statement that runs a method without a value; `?` converts the error.
fn finish(outcome: Outcome, call: &TokenStream, name: &Ident) -> TokenStream {
    match outcome {
        Outcome::Done => quote! { #call; },
        Outcome::Result => quote_spanned! { name.span()=> #call?; },
    }
}

/// The trait's side of a callback that is recognised by its name.
fn callback(server: &Server, callback: &Callback) -> TokenStream {
    let path = &server.options.path;
    let Callback { invocation, cfgs, outcome } = callback;
    let cx = local("cx");
    // Where the user's function is, so that a wrong argument type is reported there.
    let local = |name| local_at(name, invocation.name.span());
    let params = match invocation.name.unraw().to_string().as_str() {
        "handle_down" => vec![(local("down"), quote! { #path::Down })],
        "handle_exit" => {
            vec![(local("from"), quote! { #path::Pid }), (local("reason"), quote! { #path::ExitReason })]
        }
        "terminate" => vec![(local("reason"), quote! { &#path::ExitReason })],
        _ => Vec::new(),
    };
    let (names, types): (Vec<_>, Vec<_>) = params.into_iter().unzip();
    let name = invocation.name.unraw();
    let args = iter::once(quote! { self }).chain(names.iter().map(|name| quote! { #name }));
    let call = finish(*outcome, &invocation.call(args, &cx), &invocation.name);
    let (output, end) = if name == "terminate" {
        (None, None)
    } else {
        let output = quote! { -> ::core::result::Result<(), #path::ExitReason> };
        (Some(output), Some(quote! { ::core::result::Result::Ok(()) }))
    };
    quote! {
        #(#cfgs)*
        async fn #name(&mut self, #(#names: #types,)* #cx: &mut #path::Context<Self>) #output {
            #call
            #end
        }
    }
}

/// The trait's side of a function that shows the state or a message.
fn format(format: &Format) -> TokenStream {
    let Format { invocation, cfgs } = format;
    let name = invocation.name.unraw();
    let (param, arg) = match name.to_string().trim_start_matches("format_") {
        "state" => (quote! { &self }, quote! { self }),
        kind => {
            let role = Role::ALL.into_iter().find(|role| role.attribute() == kind);
            let ty = role.map(|role| local(role.type_name()));
            // Where the user's function is, so that a wrong type is reported there.
            let message = local_at("message", invocation.name.span());
            (quote! { #message: &Self::#ty }, quote! { #message })
        }
    };
    let call = invocation.call([arg], &local("cx"));
    quote! {
        #(#cfgs)*
        fn #name(#param) -> ::core::option::Option<::std::string::String> {
            #call
        }
    }
}
