//! One method: its signature, checked, in the form the expansion needs.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote_spanned};
use syn::{
    Attribute, Error, FnArg, Ident, ImplItemFn, Pat, PatType, Receiver, Result, ReturnType, Signature, Type,
};

use super::names;
use super::roles::{Method, Role};
use super::types::{self, Outcome, Place};
use crate::errors::Errors;

/// An argument: `n: i64`.
pub(super) struct Arg {
    pub(super) name: Ident,
    pub(super) ty: Type,
}

/// How the server calls a method of the user.
pub(super) struct Invocation {
    pub(super) name: Ident,
    pub(super) is_async: bool,
    pub(super) takes_cx: bool,
}

/// A method that handles one message.
pub(super) struct Message {
    pub(super) invocation: Invocation,
    pub(super) variant: Ident,
    pub(super) docs: Vec<Attribute>,
    pub(super) cfgs: Vec<Attribute>,
    /// What the message carries, without `cx` and the reply.
    pub(super) args: Vec<Arg>,
    pub(super) answer: Answer,
}

/// What becomes of a method's value.
pub(super) enum Answer {
    /// There is no reply.
    None(Outcome),
    /// The value is the reply, of this type.
    Value(Type),
    /// `Ok` holds the reply, of this type, and `Err` the reason to crash.
    Fallible(Type),
    /// The method got a `ReplyTo` of this type and answers by itself.
    Own(Type, Outcome),
}

impl Answer {
    /// The type of the reply, if there is one.
    pub(super) fn reply(&self) -> Option<&Type> {
        match self {
            Self::None(_) => None,
            Self::Value(ty) | Self::Fallible(ty) | Self::Own(ty, _) => Some(ty),
        }
    }
}

impl Message {
    /// Checks a method that has the role `role`.
    pub(super) fn new(role: Role, method: &Method) -> Result<Self> {
        let ImplItemFn { attrs, sig, .. } = &method.function;
        names::check_message(&sig.ident)?;
        let mut errors = Errors::default();
        for (_, attr) in &method.roles {
            errors.check(attr.meta.require_path_only().map_err(|_| takes_no_options(role, attr)));
        }
        if matches!(role, Role::Call | Role::Cast) {
            errors.check(names::check_client(&sig.ident));
        }
        errors.check(check_form(sig));
        errors.check(check_receiver(sig));
        let variant = errors.check(names::variant(&sig.ident));
        let inputs = errors.check(inputs(sig));
        // What follows reads the arguments, and would only repeat what was said.
        let (Some(variant), Some((mut args, takes_cx))) = (variant, inputs) else {
            errors.finish()?;
            return Err(Error::new(sig.ident.span(), "this method cannot be a message"));
        };
        let answer = errors.check(answer(role, sig, &mut args));
        for arg in &args {
            errors.check(types::check_owned(&arg.ty, Place::Argument));
        }
        errors.finish()?;
        let answer = answer.unwrap_or(Answer::None(Outcome::Done));
        let invocation = Invocation::new(sig, takes_cx);
        Ok(Self { invocation, variant, docs: named(attrs, "doc"), cfgs: named(attrs, "cfg"), args, answer })
    }
}

impl Invocation {
    /// Reads the name and the kind of a function; `takes_cx` has been found out already.
    pub(super) fn new(sig: &Signature, takes_cx: bool) -> Self {
        Self { name: sig.ident.clone(), is_async: sig.asyncness.is_some(), takes_cx }
    }

    /// `Self::name(args…, cx).await`. A path, because `self.name()` could find another method first.
    pub(super) fn call(&self, args: impl IntoIterator<Item = TokenStream>, cx: &Ident) -> TokenStream {
        let name = &self.name;
        let args = args.into_iter().chain(self.takes_cx.then(|| cx.to_token_stream()));
        let wait = self.is_async.then(|| quote_spanned! { name.span()=> .await });
        quote_spanned! { name.span()=> Self::#name(#(#args),*) #wait }
    }
}

fn takes_no_options(role: Role, attr: &Attribute) -> Error {
    Error::new_spanned(attr, format!("#[{0}] takes no options: write #[{0}]", role.attribute()))
}

/// The attributes of this name.
pub(super) fn named(attrs: &[Attribute], name: &str) -> Vec<Attribute> {
    attrs.iter().filter(|attr| attr.path().is_ident(name)).cloned().collect()
}

/// Refuses what a plain function does not have.
fn check_form(sig: &Signature) -> Result<()> {
    if let Some(param) = sig.generics.params.first() {
        let message =
            "a message has no generic parameters of its own: put them on the `impl` block, or name the type";
        return Err(Error::new_spanned(param, message));
    }
    if let Some(token) = sig.unsafety {
        return Err(Error::new(
            token.span,
            "the server calls this method itself, so it cannot be `unsafe`: remove it",
        ));
    }
    Ok(())
}

/// Asks for `&self` or `&mut self`.
pub(super) fn check_receiver(sig: &Signature) -> Result<()> {
    match sig.inputs.first() {
        Some(FnArg::Receiver(receiver)) if borrows(receiver) => Ok(()),
        Some(FnArg::Receiver(receiver)) => {
            Err(Error::new_spanned(receiver, "the server keeps its state: write `&self` or `&mut self`"))
        }
        _ => Err(Error::new(
            sig.ident.span(),
            "this method works on the server's state: begin with `&self` or `&mut self`",
        )),
    }
}

fn borrows(receiver: &Receiver) -> bool {
    match &*receiver.ty {
        Type::Reference(reference) => {
            matches!(&*reference.elem, Type::Path(path) if path.path.is_ident("Self"))
        }
        _ => false,
    }
}

/// The typed arguments, and whether `cx` stands behind them, which is none of them.
pub(super) fn split_cx(sig: &Signature) -> Result<(Vec<&PatType>, bool)> {
    let mut typed: Vec<&PatType> = sig.inputs.iter().filter_map(typed).collect();
    let takes_cx = typed.last().is_some_and(|last| types::is_context(&last.ty));
    if takes_cx {
        typed.pop();
    }
    for arg in &typed {
        if types::is_wrong_context(&arg.ty) {
            return Err(Error::new_spanned(&arg.ty, "write `cx: &mut Context<Self>`"));
        }
        if types::is_context(&arg.ty) {
            return Err(Error::new_spanned(
                arg,
                "the context comes last: move it behind the other arguments",
            ));
        }
    }
    Ok((typed, takes_cx))
}

fn typed(input: &FnArg) -> Option<&PatType> {
    match input {
        FnArg::Typed(arg) => Some(arg),
        FnArg::Receiver(_) => None,
    }
}

/// The arguments with their names, and whether `cx` stands behind them.
pub(super) fn inputs(sig: &Signature) -> Result<(Vec<Arg>, bool)> {
    let (typed, takes_cx) = split_cx(sig)?;
    let mut errors = Errors::default();
    let args = typed.into_iter().filter_map(|arg| errors.check(named_arg(arg))).collect();
    errors.finish()?;
    Ok((args, takes_cx))
}

fn named_arg(arg: &PatType) -> Result<Arg> {
    match &*arg.pat {
        Pat::Ident(pat) if pat.by_ref.is_none() && pat.subpat.is_none() => {
            Ok(Arg { name: pat.ident.clone(), ty: (*arg.ty).clone() })
        }
        other => {
            Err(Error::new_spanned(other, "an argument of a message needs a name: take it apart in the body"))
        }
    }
}

/// Finds out what becomes of the method's value; takes a leading `ReplyTo` out of the arguments of a call.
fn answer(role: Role, sig: &Signature, args: &mut Vec<Arg>) -> Result<Answer> {
    if role != Role::Call {
        let what = format!("a #[{}] has no reply; that would be a #[call]", role.attribute());
        return types::outcome(&sig.output, &what).map(Answer::None);
    }
    let first = args.first().and_then(|arg| types::reply_to(&arg.ty)).cloned();
    let own = usize::from(first.is_some());
    if let Some(arg) = args.iter().skip(own).find(|arg| types::is_named(&arg.ty, "ReplyTo")) {
        let message = "`ReplyTo<T>` is the first argument of a call that answers by itself: write `(&mut self, reply: ReplyTo<T>, …)`";
        return Err(Error::new_spanned(&arg.ty, message));
    }
    if let Some(ty) = first {
        types::check_owned(&ty, Place::Reply)?;
        args.remove(0);
        let what = "this call answers through its `ReplyTo`";
        return types::outcome(&sig.output, what).map(|outcome| Answer::Own(ty, outcome));
    }
    returned(&sig.output)
}

fn returned(output: &ReturnType) -> Result<Answer> {
    let ReturnType::Type(_, ty) = output else { return Ok(Answer::Value(syn::parse_quote!(()))) };
    types::check_owned(ty, Place::Reply)?;
    if let Some(&[ok, error]) = types::arguments_of(ty, "Result").as_deref()
        && types::is_named(error, "ExitReason")
    {
        return Ok(Answer::Fallible(ok.clone()));
    }
    Ok(Answer::Value((**ty).clone()))
}
