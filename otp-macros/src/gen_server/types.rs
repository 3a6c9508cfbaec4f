//! Questions about types, answered from how they are written: a macro sees names, not types.

use proc_macro2::{Group, TokenStream, TokenTree};
use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::{
    BoundLifetimes, Error, GenericArgument, Lifetime, ParenthesizedGenericArguments, PathArguments,
    PathSegment, Result, ReturnType, TraitBound, Type, TypeBareFn, TypeImplTrait, TypeReference,
};

use crate::errors::Errors;

/// The last segment of a type that is a path.
pub(super) fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match ty {
        Type::Path(path) => path.path.segments.last(),
        Type::Group(group) => last_segment(&group.elem),
        Type::Paren(paren) => last_segment(&paren.elem),
        _ => None,
    }
}

/// Whether the last segment of `ty` is `name`.
pub(super) fn is_named(ty: &Type, name: &str) -> bool {
    last_segment(ty).is_some_and(|segment| segment.ident == name)
}

/// The type arguments of the last segment of `ty`, if that is `name`.
pub(super) fn arguments_of<'a>(ty: &'a Type, name: &str) -> Option<Vec<&'a Type>> {
    let segment = last_segment(ty).filter(|segment| segment.ident == name)?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return Some(Vec::new()) };
    let types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    Some(types.collect())
}

/// Whether `ty` is `&mut Context<…>`.
pub(super) fn is_context(ty: &Type) -> bool {
    matches!(ty, Type::Reference(reference) if reference.mutability.is_some() && is_named(&reference.elem, "Context"))
}

/// Whether `ty` is a `Context` in another form, which nobody can mean.
pub(super) fn is_wrong_context(ty: &Type) -> bool {
    let inner = if let Type::Reference(reference) = ty { &*reference.elem } else { ty };
    is_named(inner, "Context") && !is_context(ty)
}

/// `T`, if `ty` is `ReplyTo<T>`.
pub(super) fn reply_to(ty: &Type) -> Option<&Type> {
    arguments_of(ty, "ReplyTo")?.first().copied()
}

/// What a callback without a reply returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Nothing.
    Done,
    /// `Result<(), E>`.
    Result,
}

/// Reads the return type of a callback that has no reply; `what` begins the error message.
pub(super) fn outcome(output: &ReturnType, what: &str) -> Result<Outcome> {
    let ReturnType::Type(_, ty) = output else { return Ok(Outcome::Done) };
    if is_unit(ty) {
        return Ok(Outcome::Done);
    }
    match arguments_of(ty, "Result") {
        Some(arguments) if arguments.first().is_none_or(|ok| is_unit(ok)) => Ok(Outcome::Result),
        _ => Err(Error::new_spanned(ty, format!("{what}: return nothing, or `Result<(), ExitReason>`"))),
    }
}

/// Whether `ty` is `()`.
pub(super) fn is_unit(ty: &Type) -> bool {
    matches!(ty, Type::Tuple(tuple) if tuple.elems.is_empty())
}

/// Where a type stands that has to be owned.
#[derive(Clone, Copy)]
pub(super) enum Place {
    Argument,
    Reply,
}

/// Refuses borrows and `impl Trait` anywhere in `ty`.
pub(super) fn check_owned(ty: &Type, place: Place) -> Result<()> {
    let mut check = Owned { place, errors: Errors::default() };
    check.visit_type(ty);
    check.errors.finish()
}

struct Owned {
    place: Place,
    errors: Errors,
}

impl Owned {
    fn refuse(&mut self, spanned: &dyn ToTokens, remedy: &str) {
        let (what, verb) = match self.place {
            Place::Argument => ("a message", "take"),
            Place::Reply => ("a reply", "return"),
        };
        let message = format!("{what} owns what it carries: {verb} {remedy}");
        self.errors.push(Error::new_spanned(spanned.to_token_stream(), message));
    }
}

impl Visit<'_> for Owned {
    fn visit_type_reference(&mut self, reference: &TypeReference) {
        if reference.lifetime.as_ref().is_some_and(|lifetime| lifetime.ident == "static") {
            return visit::visit_type_reference(self, reference);
        }
        let remedy = match &*reference.elem {
            elem if is_named(elem, "str") => "`String` instead of `&str`",
            Type::Slice(_) => "a `Vec` instead of a slice",
            _ => "the value itself, or an `Arc` of it, instead of a reference",
        };
        self.refuse(reference, remedy);
    }

    fn visit_type_impl_trait(&mut self, ty: &TypeImplTrait) {
        self.refuse(ty, "a named type, or a `Box<dyn …>`, instead of `impl Trait`");
    }

    fn visit_lifetime(&mut self, lifetime: &Lifetime) {
        if lifetime.ident != "static" {
            self.refuse(lifetime, "an owned type instead of one with a lifetime");
        }
    }

    // What follows has lifetimes of its own: `fn(&str)`, `dyn Fn(&str)`, `dyn for<'a> Visitor<'a>`.

    fn visit_type_bare_fn(&mut self, _: &TypeBareFn) {}

    fn visit_parenthesized_generic_arguments(&mut self, _: &ParenthesizedGenericArguments) {}

    fn visit_bound_lifetimes(&mut self, _: &BoundLifetimes) {}

    fn visit_trait_bound(&mut self, bound: &TraitBound) {
        if bound.lifetimes.is_none() {
            visit::visit_trait_bound(self, bound);
        }
    }
}

/// `ty` with `Self` spelled out, for use outside the `impl` block.
pub(super) fn without_self(ty: &Type, self_ty: &Type) -> Type {
    let tokens = replace_self(ty.to_token_stream(), self_ty);
    syn::parse2(tokens).unwrap_or_else(|_| ty.clone())
}

fn replace_self(tokens: TokenStream, self_ty: &Type) -> TokenStream {
    let replace = |token: TokenTree| match token {
        TokenTree::Ident(ident) if ident == "Self" => self_ty.to_token_stream(),
        TokenTree::Group(group) => {
            let mut replaced = Group::new(group.delimiter(), replace_self(group.stream(), self_ty));
            replaced.set_span(group.span());
            TokenTree::Group(replaced).into()
        }
        other => other.into(),
    };
    tokens.into_iter().flat_map(replace).collect()
}

/// Whether the name `ident` stands anywhere in `tokens`.
pub(super) fn mentions(tokens: TokenStream, ident: &syn::Ident) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(other) => other == *ident,
        TokenTree::Group(group) => mentions(group.stream(), ident),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn contexts() {
        assert!(is_context(&parse_quote!(&mut otp::Context<Self>)));
        assert!(!is_context(&parse_quote!(&Context<Self>)));
        assert!(is_wrong_context(&parse_quote!(Context<Self>)));
        assert!(!is_wrong_context(&parse_quote!(i64)));
    }

    #[test]
    fn owned_types() {
        let owned: [Type; 6] = [
            parse_quote!(Vec<Option<String>>),
            parse_quote!(&'static str),
            parse_quote!(Box<dyn Fn(&str) -> &str + Send>),
            parse_quote!(fn(&str)),
            parse_quote!(Box<dyn for<'a> Visitor<'a> + 'static>),
            parse_quote!(Arc<[u8; 4]>),
        ];
        for ty in owned {
            assert!(check_owned(&ty, Place::Argument).is_ok(), "{}", ty.to_token_stream());
        }
    }

    #[test]
    fn borrowed_types() {
        let borrowed: [(Type, &str); 5] = [
            (parse_quote!(&str), "take `String` instead of `&str`"),
            (parse_quote!(Option<&[u8]>), "take a `Vec`"),
            (parse_quote!(Cow<'_, str>), "with a lifetime"),
            (parse_quote!(impl Into<String>), "instead of `impl Trait`"),
            (parse_quote!(&'static &'a str), "`String`"),
        ];
        for (ty, part) in borrowed {
            let error = check_owned(&ty, Place::Argument).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn outcomes() {
        assert_eq!(outcome(&parse_quote!(), "").unwrap(), Outcome::Done);
        assert_eq!(outcome(&parse_quote!(-> ()), "").unwrap(), Outcome::Done);
        assert_eq!(outcome(&parse_quote!(-> Result<(), ExitReason>), "").unwrap(), Outcome::Result);
        assert_eq!(outcome(&parse_quote!(-> io::Result<()>), "").unwrap(), Outcome::Result);
        assert!(outcome(&parse_quote!(-> i64), "").is_err());
        assert!(outcome(&parse_quote!(-> Result<i64, ExitReason>), "").is_err());
    }

    #[test]
    fn self_is_spelled_out_everywhere() {
        let ty = without_self(&parse_quote!(Vec<(Self, fn(Self) -> i64)>), &parse_quote!(Cache<T>));
        let expected: Type = parse_quote!(Vec<(Cache<T>, fn(Cache<T>) -> i64)>);
        assert_eq!(ty, expected);
    }
}
