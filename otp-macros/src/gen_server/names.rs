//! Names: those that are taken, and those of variants.

use syn::ext::IdentExt;
use syn::{Error, Ident, Result};

/// The callbacks that are recognised by their name.
pub(super) const CALLBACKS: [&str; 9] = [
    "init",
    "handle_timeout",
    "handle_down",
    "handle_exit",
    "terminate",
    "format_state",
    "format_call",
    "format_cast",
    "format_info",
];

/// The callbacks that this macro writes.
pub(super) const DISPATCHERS: [&str; 4] = ["handle_call", "handle_cast", "handle_info", "handle_continue"];

/// The functions that start a server, generated unless the block has one of that name.
pub(super) const STARTERS: [&str; 3] = ["start", "start_link", "start_monitor"];

/// Names that a client method cannot have: `ServerRef`, `Name` or every type has a method of that name, which would be called instead.
const CLIENT_RESERVED: [&str; 18] = [
    "call",
    "cast",
    "cast_wait",
    "clone",
    "exit",
    "info",
    "is_alive",
    "monitor",
    "name",
    "new",
    "pid",
    "recipient",
    "send_request",
    "stop",
    "sys",
    "try_call",
    "try_cast",
    "whereis",
];

/// Refuses a name that a message's method cannot have.
pub(super) fn check_message(method: &Ident) -> Result<()> {
    let name = method.unraw().to_string();
    if contains(&CALLBACKS, &name) {
        let message = format!(
            "`{name}` is a callback and cannot be a message too: remove the attribute, or rename the method"
        );
        return Err(Error::new(method.span(), message));
    }
    if contains(&STARTERS, &name) {
        let message = format!("`{name}` is what starts a server: choose another name, such as `begin`");
        return Err(Error::new(method.span(), message));
    }
    check_dispatcher(method)
}

/// Refuses the names of the callbacks that this macro writes.
pub(super) fn check_dispatcher(method: &Ident) -> Result<()> {
    let name = method.unraw().to_string();
    if !contains(&DISPATCHERS, &name) {
        return Ok(());
    }
    let role = name.trim_start_matches("handle_");
    let role = if role == "continue" { "handle_continue" } else { role };
    let message = format!(
        "#[gen_server] writes `{name}`: write a method for each message instead, and mark it #[{role}]"
    );
    Err(Error::new(method.span(), message))
}

/// Refuses a name that a method of the client cannot have.
pub(super) fn check_client(method: &Ident) -> Result<()> {
    let name = method.unraw().to_string();
    if !contains(&CLIENT_RESERVED, &name) {
        return Ok(());
    }
    let message = format!(
        "`{name}` is a method of `ServerRef` or `Name`, which would be called instead: choose another name"
    );
    Err(Error::new(method.span(), message))
}

fn contains(names: &[&str], name: &str) -> bool {
    names.contains(&name)
}

/// The variant of a method: `get_all` becomes `GetAll`.
pub(super) fn variant(method: &Ident) -> Result<Ident> {
    let camel: String = method.unraw().to_string().split('_').map(capitalize).collect();
    // `syn` parses exactly what can stand as a name: neither `Self` nor `1st` can.
    let Ok(mut variant) = syn::parse_str::<Ident>(&camel) else {
        let message = format!("`{method}` would be the message `{camel}`, which is no name: choose another");
        return Err(Error::new(method.span(), message));
    };
    variant.set_span(method.span());
    Ok(variant)
}

fn capitalize(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proc_macro2::Span;

    use super::*;

    fn camel(method: &str) -> Option<String> {
        variant(&syn::parse_str(method).unwrap()).ok().map(|ident| ident.to_string())
    }

    #[test]
    fn variants_are_camel_case() {
        assert_eq!(camel("get").as_deref(), Some("Get"));
        assert_eq!(camel("get_all_2").as_deref(), Some("GetAll2"));
        assert_eq!(camel("r#type").as_deref(), Some("Type"));
        assert_eq!(camel("_tick").as_deref(), Some("Tick"));
        assert_eq!(camel("größe").as_deref(), Some("Größe"));
    }

    #[test]
    fn what_cannot_be_a_variant_is_an_error() {
        assert_eq!(camel("self_"), None);
        assert_eq!(camel("__"), None);
        assert_eq!(camel("_1st"), None);
    }

    #[test]
    fn reserved_names() {
        let ident = |name| Ident::new(name, Span::call_site());
        assert!(check_client(&ident("stop")).is_err());
        assert!(check_client(&ident("get")).is_ok());
        assert!(check_message(&ident("terminate")).is_err());
        assert!(check_message(&ident("start_link")).is_err());
        let error = check_dispatcher(&ident("handle_call")).unwrap_err();
        assert!(error.to_string().contains("#[call]"), "{error}");
    }
}
