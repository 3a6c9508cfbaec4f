//! The helper attributes `#[call]`, `#[cast]`, `#[info]` and `#[handle_continue]`.

use syn::ext::IdentExt;
use syn::{Attribute, ImplItem, ImplItemFn, ItemImpl, parse_quote};

use super::names::CALLBACKS;

/// What a method is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Call,
    Cast,
    Info,
    Continue,
}

impl Role {
    /// All roles, in the order of `GenServer`.
    pub(super) const ALL: [Self; 4] = [Self::Call, Self::Cast, Self::Info, Self::Continue];

    /// The role that a helper attribute gives.
    fn of(attr: &Attribute) -> Option<Self> {
        let ident = attr.path().get_ident()?;
        Self::ALL.into_iter().find(|role| ident == role.attribute())
    }

    /// The name of its attribute.
    pub(super) fn attribute(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Cast => "cast",
            Self::Info => "info",
            Self::Continue => "handle_continue",
        }
    }

    /// What its messages are called in documentation.
    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Cast => "cast",
            Self::Info => "info",
            Self::Continue => "continuation",
        }
    }

    /// What its messages' type is called after the server's name, and in the trait `GenServer`.
    pub(super) fn type_name(self) -> &'static str {
        match self {
            Self::Call => "Call",
            Self::Cast => "Cast",
            Self::Info => "Info",
            Self::Continue => "Continue",
        }
    }
}

/// A method of the block, with the roles it was given: none, one, or by mistake several.
pub(super) struct Method {
    pub(super) function: ImplItemFn,
    pub(super) roles: Vec<(Role, Attribute)>,
}

/// Takes the helper attributes off the methods of `block`, which stays as it is otherwise, and lists all its methods.
pub(super) fn take(block: &mut ItemImpl) -> Vec<Method> {
    let functions = block.items.iter_mut().filter_map(|item| match item {
        ImplItem::Fn(function) => Some(function),
        _ => None,
    });
    functions.map(take_one).collect()
}

fn take_one(function: &mut ImplItemFn) -> Method {
    let (helpers, others) = function.attrs.drain(..).partition(|attr| Role::of(attr).is_some());
    function.attrs = others;
    let roles: Vec<_> = Vec::into_iter(helpers).filter_map(|attr| Some((Role::of(&attr)?, attr))).collect();
    let method = Method { function: function.clone(), roles };
    if !method.roles.is_empty() || is_callback(function) {
        function.attrs.push(dictated());
    }
    method
}

fn is_callback(function: &ImplItemFn) -> bool {
    CALLBACKS.contains(&function.sig.ident.unraw().to_string().as_str())
}

/// Silences the lints about signatures, which the role dictates.
fn dictated() -> Attribute {
    parse_quote! {
        #[allow(
            clippy::missing_const_for_fn,
            clippy::needless_pass_by_ref_mut,
            clippy::needless_pass_by_value,
            clippy::trivially_copy_pass_by_ref,
            clippy::unnecessary_wraps,
            clippy::unused_async,
            clippy::unused_self,
            reason = "#[gen_server] asks for this signature"
        )]
    }
}
