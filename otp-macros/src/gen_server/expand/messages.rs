//! The message types: `CounterCall`, `CounterCast`, `CounterInfo` and `CounterContinue`.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Ident, Type};

use super::super::method::Message;
use super::super::roles::Role;
use super::super::server::Server;
use super::super::types;
use super::{generated, message_type};

/// The enum of one role and its `Debug`; nothing if the role has no method.
///
/// `Debug` shows the name alone: what a message carries need not be `Debug`, and may be a secret.
pub(super) fn messages(server: &Server, role: Role) -> TokenStream {
    let Some(name) = message_type(server, role) else { return TokenStream::new() };
    let messages = server.messages(role);
    let variants: Vec<_> = messages.iter().map(|message| variant(server, role, message)).collect();
    let names = messages.iter().map(name_arm);
    let phantom = Phantom::new(server, messages);
    let (phantom_variant, phantom_arm) = (phantom.variant(), phantom.arm());

    let vis = &server.options.vis;
    let generics = &server.generics;
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    let doc =
        format!("The {}s of `{}`, one for each `#[{}]` method.", role.noun(), server.name, role.attribute());
    let generated = generated();
    quote! {
        #[doc = #doc]
        #generated
        #vis enum #name #generics #where_clause {
            #(#variants,)*
            #phantom_variant
        }

        #generated
        impl #impl_generics ::core::fmt::Debug for #name #type_generics #where_clause {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::fmt::Formatter::write_str(f, match *self {
                    #(#names,)*
                    #phantom_arm
                })
            }
        }
    }
}

/// `Add(i64)`, or `Get(ReplyTo<i64>)`, or `Tick`.
fn variant(server: &Server, role: Role, message: &Message) -> TokenStream {
    let Message { variant, cfgs, .. } = message;
    let docs = docs(message, &format!("The {} `{}`.", role.noun(), message.invocation.name));
    let fields = fields(server, message);
    let fields = (!fields.is_empty()).then(|| quote! { (#(#fields),*) });
    quote! { #(#cfgs)* #docs #variant #fields }
}

/// What the message carries, the reply last.
fn fields(server: &Server, message: &Message) -> Vec<TokenStream> {
    let path = &server.options.path;
    let own = |ty: &Type| types::without_self(ty, &server.ty);
    let args = message.args.iter().map(|arg| own(&arg.ty).into_token_stream());
    let reply = message.answer.reply().map(own).map(|ty| quote! { #path::ReplyTo<#ty> });
    args.chain(reply).collect()
}

fn name_arm(message: &Message) -> TokenStream {
    let Message { variant, cfgs, .. } = message;
    let name = variant.to_string();
    let fields = (!message.args.is_empty() || message.answer.reply().is_some()).then(|| quote! { (..) });
    quote! { #(#cfgs)* Self::#variant #fields => #name }
}

/// The method's own documentation, or `default`.
pub(super) fn docs(message: &Message, default: &str) -> TokenStream {
    match &message.docs[..] {
        [] => quote! { #[doc = #default] },
        docs => quote! { #(#docs)* },
    }
}

/// The type parameters that no variant uses, which an enum may not have: a variant that cannot be made uses them.
struct Phantom<'a>(Vec<&'a Ident>);

impl<'a> Phantom<'a> {
    fn new(server: &'a Server, messages: &[Message]) -> Self {
        // Variants under a `#[cfg]` may be missing, so they do not count.
        let always = messages.iter().filter(|message| message.cfgs.is_empty());
        let used: TokenStream = always.flat_map(|message| fields(server, message)).collect();
        let params = server.generics.type_params().map(|param| &param.ident);
        Self(params.filter(|param| !types::mentions(used.clone(), param)).collect())
    }

    fn variant(&self) -> Option<TokenStream> {
        let unused = &self.0;
        (!unused.is_empty()).then(|| {
            quote! {
                #[doc(hidden)]
                __Phantom(::core::convert::Infallible, ::core::marker::PhantomData<(#(fn() -> #unused,)*)>),
            }
        })
    }

    fn arm(&self) -> Option<TokenStream> {
        (!self.0.is_empty()).then(|| quote! { Self::__Phantom(never, _) => match never {}, })
    }
}
