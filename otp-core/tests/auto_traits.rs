//! Pins of `Send`, `Sync`, `Unpin` of what the core hands out, so that no field takes them away unnoticed.

#![cfg(not(otp_loom))]

use std::cell::Cell;
use std::error::Error;
use std::fmt::Debug;

use otp_core::behaviour::RequestError;
use otp_core::process::{Orphan, ProcessInfo, Spawn};
use otp_core::{
    Alias, AliasMode, AliasRef, Down, Mailbox, MonitorAlias, Overflow, ProcessRef, Recipient, SendError,
    SendErrorKind, SendWait, Tag, ThreadMailbox,
};

/// A message that is `Send` and nothing more.
type Shy = Cell<u8>;

const fn send<T: Send>() {}
const fn sync<T: Sync>() {}
const fn unpin<T: Unpin>() {}
const fn clone<T: Clone>() {}
const fn debug<T: Debug>() {}
const fn error<T: Error>() {}
const fn is_static<T: 'static>() {}

const _: () = {
    send::<ProcessRef<Shy>>();
    sync::<ProcessRef<Shy>>();
    send::<Recipient<Shy>>();
    sync::<Recipient<Shy>>();
    send::<Alias<Shy>>();
    sync::<Alias<Shy>>();
    unpin::<Alias<Shy>>();
    clone::<Alias<Shy>>();
    debug::<Alias<Shy>>();
    send::<AliasRef>();
    sync::<AliasRef>();
    debug::<(AliasMode, MonitorAlias, AliasRef)>();

    // A receiver may move, to a thread of its own as well.
    send::<Mailbox<Shy>>();
    unpin::<Mailbox<Shy>>();
    send::<ThreadMailbox<Shy>>();
    sync::<ThreadMailbox<Shy>>();
    debug::<ThreadMailbox<Shy>>();

    // A sender that waits is a future that moves freely and borrows nothing.
    send::<SendWait<Shy>>();
    unpin::<SendWait<Shy>>();
    is_static::<SendWait<Shy>>();
    debug::<SendWait<Shy>>();
    error::<SendError<*const ()>>();
    send::<RequestError<Shy>>();
    error::<RequestError<Shy>>();
    send::<SendErrorKind>();

    send::<Down>();
    sync::<Down>();
    clone::<Down>();
    send::<Tag>();
    sync::<Tag>();
    clone::<Tag>();
    send::<Spawn>();
    sync::<Spawn>();
    clone::<Spawn>();
    send::<Overflow>();
    sync::<Overflow>();
    send::<Orphan>();
    sync::<Orphan>();
    clone::<Orphan>();
    send::<ProcessInfo>();
    sync::<ProcessInfo>();
};

#[test]
fn errors_read_as_sentences_without_a_full_stop() {
    for text in [SendErrorKind::NoProc.to_string(), SendErrorKind::Full.to_string()] {
        assert!(text.chars().next().is_some_and(char::is_lowercase) && !text.ends_with('.'), "{text}");
    }
}
