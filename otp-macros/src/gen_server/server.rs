//! A whole server: the checked `impl` block, in the form the expansion needs.

use syn::ext::IdentExt;
use syn::{
    Attribute, Error, FnArg, Generics, Ident, ImplItem, ImplItemFn, ItemImpl, Result, ReturnType, Type,
};

use super::method::{self, Arg, Invocation, Message};
use super::names;
use super::options::Options;
use super::roles::{Method, Role};
use super::types::{self, Outcome, Place};
use crate::errors::Errors;

/// A server as the attribute and the block describe it.
pub(super) struct Server {
    pub(super) options: Options,
    /// `Counter`: what the generated names begin with.
    pub(super) name: Ident,
    /// `Counter`, or `Cache<T>`.
    pub(super) ty: Type,
    pub(super) generics: Generics,
    pub(super) init: Init,
    pub(super) callbacks: Vec<Callback>,
    pub(super) formats: Vec<Format>,
    /// The trait's constants among the block's own.
    pub(super) constants: Vec<Constant>,
    pub(super) calls: Vec<Message>,
    pub(super) casts: Vec<Message>,
    pub(super) infos: Vec<Message>,
    pub(super) continues: Vec<Message>,
    /// The names among `start`, `start_link` and `start_monitor` that the block has itself.
    pub(super) own_starters: Vec<String>,
}

/// The function `init`.
pub(super) struct Init {
    pub(super) invocation: Invocation,
    pub(super) args: Vec<Arg>,
    /// Whether it returns `Self` rather than a `Result`.
    pub(super) infallible: bool,
}

/// A callback that is recognised by its name, other than `init`.
pub(super) struct Callback {
    pub(super) invocation: Invocation,
    pub(super) cfgs: Vec<Attribute>,
    pub(super) outcome: Outcome,
}

/// `format_state` or `format_call` and the like.
pub(super) struct Format {
    pub(super) invocation: Invocation,
    pub(super) cfgs: Vec<Attribute>,
}

/// A constant of the trait, such as `FORMATS_MESSAGES`, that the block sets.
pub(super) struct Constant {
    pub(super) name: Ident,
    pub(super) cfgs: Vec<Attribute>,
}

impl Server {
    /// Checks a block and its methods. What is wrong goes to `errors` and is left out of the server;
    /// without a name or an `init` there is none.
    pub(super) fn new(
        options: Options,
        block: &ItemImpl,
        methods: &[Method],
        errors: &mut Errors,
    ) -> Option<Self> {
        let name = errors.check(check_block(block))?;
        let init = errors.check(find_init(block, methods));
        for method in methods {
            errors.check(check_roles(method));
        }
        let callbacks = find_callbacks(methods, errors);
        let formats = find_formats(&name, methods, errors);
        let [calls, casts, infos, continues] = Role::ALL.map(|role| find_messages(role, methods, errors));
        Some(Self {
            options,
            name,
            ty: (*block.self_ty).clone(),
            generics: block.generics.clone(),
            init: init?,
            callbacks,
            formats,
            constants: find_constants(block),
            calls,
            casts,
            infos,
            continues,
            own_starters: own_starters(methods),
        })
    }

    /// The messages of one role.
    pub(super) fn messages(&self, role: Role) -> &[Message] {
        match role {
            Role::Call => &self.calls,
            Role::Cast => &self.casts,
            Role::Info => &self.infos,
            Role::Continue => &self.continues,
        }
    }
}

/// Asks for an inherent block of a named type, and gives the name.
fn check_block(block: &ItemImpl) -> Result<Ident> {
    if let Some((_, path, _)) = &block.trait_ {
        let message =
            "#[gen_server] writes the trait's methods: put it on an inherent block, `impl Counter { … }`";
        return Err(Error::new_spanned(path, message));
    }
    if let Some(lifetime) = block.generics.lifetimes().next() {
        let message =
            "a server is `'static`, since it runs on its own: give it owned fields, and remove the lifetime";
        return Err(Error::new_spanned(lifetime, message));
    }
    match types::last_segment(&block.self_ty) {
        Some(segment) => Ok(segment.ident.unraw()),
        None => Err(Error::new_spanned(
            &block.self_ty,
            "a server is a type of its own: write `impl Counter { … }`",
        )),
    }
}

/// The method's name, without `r#`.
fn name_of(method: &Method) -> String {
    method.function.sig.ident.unraw().to_string()
}

fn own_starters(methods: &[Method]) -> Vec<String> {
    methods.iter().map(name_of).filter(|name| names::STARTERS.contains(&name.as_str())).collect()
}

/// Refuses two roles on one method, and methods that this macro writes.
fn check_roles(method: &Method) -> Result<()> {
    match &method.roles[..] {
        [] => names::check_dispatcher(&method.function.sig.ident),
        [_] => Ok(()),
        [(first, _), (second, attr), ..] => {
            let (first, second) = (first.attribute(), second.attribute());
            let message =
                format!("this method is #[{first}] already: remove #[{second}], or write a method for each");
            Err(Error::new_spanned(attr, message))
        }
    }
}

/// The methods of one role, without two that make the same message.
fn find_messages(role: Role, methods: &[Method], errors: &mut Errors) -> Vec<Message> {
    let mut messages: Vec<Message> = Vec::new();
    for method in methods.iter().filter(|method| method.roles.len() == 1 && method.roles[0].0 == role) {
        let Some(message) = errors.check(Message::new(role, method)) else { continue };
        if errors.check(check_variant(role, &messages, &message)).is_some() {
            messages.push(message);
        }
    }
    messages
}

/// Two methods of one variant, such as `get_1` and `get1`; with a `#[cfg]` on each, only one of them may be there.
fn check_variant(role: Role, others: &[Message], message: &Message) -> Result<()> {
    let same = |other: &&Message| {
        other.variant == message.variant && (other.cfgs.is_empty() || message.cfgs.is_empty())
    };
    let Some(other) = others.iter().find(same) else { return Ok(()) };
    let (noun, variant) = (role.noun(), &message.variant);
    let text = format!("`{}` makes the {noun} `{variant}` too: rename one of them", other.invocation.name);
    Err(Error::new(message.invocation.name.span(), text))
}

fn find_init(block: &ItemImpl, methods: &[Method]) -> Result<Init> {
    let mut found = methods.iter().filter(|method| name_of(method) == "init");
    let Some(method) = found.next() else {
        let message = "a server needs `init`: write `async fn init(…, cx: &mut Context<Self>) -> Result<Self, InitError>`";
        return Err(Error::new_spanned(&block.self_ty, message));
    };
    if let Some(second) = found.next() {
        return Err(Error::new(
            second.function.sig.ident.span(),
            "there is an `init` already: remove one of them",
        ));
    }
    check_init(&block.self_ty, &method.function)
}

fn check_init(self_ty: &Type, function: &ImplItemFn) -> Result<Init> {
    let sig = &function.sig;
    if let Some(receiver) = sig.receiver() {
        return Err(Error::new_spanned(
            receiver,
            "`init` makes the server, so it takes no `self`: remove it",
        ));
    }
    if let Some(param) = sig.generics.params.first() {
        let message =
            "`init` has no generic parameters of its own: put them on the `impl` block, or name the type";
        return Err(Error::new_spanned(param, message));
    }
    let ReturnType::Type(_, output) = &sig.output else {
        return Err(Error::new(
            sig.ident.span(),
            "`init` makes the server: write `-> Result<Self, InitError>`",
        ));
    };
    let (args, takes_cx) = method::inputs(sig)?;
    let mut errors = Errors::default();
    for arg in &args {
        errors.check(types::check_owned(&arg.ty, Place::Argument));
    }
    errors.finish()?;
    let infallible = types::is_named(output, "Self") || **output == *self_ty;
    Ok(Init { invocation: Invocation::new(sig, takes_cx), args, infallible })
}

/// The callbacks with their arguments, as they are to be written.
const SIGNATURES: [(&str, &str, usize); 4] = [
    ("handle_timeout", "(&mut self)", 0),
    ("handle_down", "(&mut self, down: Down)", 1),
    ("handle_exit", "(&mut self, from: Pid, reason: ExitReason)", 2),
    ("terminate", "(&mut self, reason: &ExitReason)", 1),
];

fn find_callbacks(methods: &[Method], errors: &mut Errors) -> Vec<Callback> {
    let mut callbacks = Vec::new();
    for method in methods.iter().filter(|method| method.roles.is_empty()) {
        let name = name_of(method);
        if let Some((_, written, count)) = SIGNATURES.iter().find(|(callback, ..)| *callback == name) {
            callbacks.extend(errors.check(check_callback(&method.function, written, *count)));
        }
    }
    callbacks
}

fn check_callback(function: &ImplItemFn, written: &str, count: usize) -> Result<Callback> {
    let sig = &function.sig;
    let name = &sig.ident;
    method::check_receiver(sig)?;
    let (args, takes_cx) = method::split_cx(sig)?;
    if args.len() != count {
        let message =
            format!("write `{name}{written}`, with `cx: &mut Context<Self>` at the end where you need it");
        return Err(Error::new_spanned(&sig.inputs, message));
    }
    let outcome = types::outcome(&sig.output, &format!("`{name}` has no value to give"))?;
    if name == "terminate" && outcome == Outcome::Result {
        let message = "the server stops whatever `terminate` says: return nothing";
        return Err(Error::new_spanned(&sig.output, message));
    }
    Ok(Callback {
        invocation: Invocation::new(sig, takes_cx),
        cfgs: method::named(&function.attrs, "cfg"),
        outcome,
    })
}

/// The functions that show the state and the messages.
fn find_formats(server: &Ident, methods: &[Method], errors: &mut Errors) -> Vec<Format> {
    let mut formats = Vec::new();
    for method in methods.iter().filter(|method| method.roles.is_empty()) {
        let name = name_of(method);
        let written = match name.strip_prefix("format_") {
            Some("state") => "&self".to_owned(),
            Some(kind @ ("call" | "cast" | "info")) => {
                let role = Role::ALL.into_iter().find(|role| role.attribute() == kind);
                format!("{kind}: &{server}{}", role.map_or("", Role::type_name))
            }
            _ => continue,
        };
        formats.extend(errors.check(check_format(&method.function, &written)));
    }
    formats
}

fn check_format(function: &ImplItemFn, written: &str) -> Result<Format> {
    let sig = &function.sig;
    let fits = sig.inputs.len() == 1
        && match sig.inputs.first() {
            Some(FnArg::Receiver(receiver)) => {
                written == "&self" && receiver.reference.is_some() && receiver.mutability.is_none()
            }
            _ => written != "&self",
        };
    if fits && sig.asyncness.is_none() && matches!(sig.output, ReturnType::Type(..)) {
        return Ok(Format {
            invocation: Invocation::new(sig, false),
            cfgs: method::named(&function.attrs, "cfg"),
        });
    }
    Err(Error::new_spanned(sig, format!("write `fn {}({written}) -> Option<String>`", sig.ident)))
}

fn find_constants(block: &ItemImpl) -> Vec<Constant> {
    let known = ["FORMATS_MESSAGES", "POLLED_BY_CALLERS"];
    let constants = block.items.iter().filter_map(|item| match item {
        ImplItem::Const(item) if known.iter().any(|known| item.ident == known) => {
            Some(Constant { name: item.ident.clone(), cfgs: method::named(&item.attrs, "cfg") })
        }
        _ => None,
    });
    constants.collect()
}
