//! What the types promise to threads: a handle goes anywhere, and its futures may move.

use otp_registry::{Duplicate, Registry, Via, ViaValue};

fn is_send_and_sync<T: Send + Sync + 'static>() {}

fn is_send<T: Send>(_: &T) {}

#[test]
fn handles_go_anywhere() {
    is_send_and_sync::<Registry<String, u32>>();
    is_send_and_sync::<Registry<String, u32, Duplicate>>();
    is_send_and_sync::<Via<std::rc::Rc<()>, String, u32>>();
    is_send_and_sync::<ViaValue<std::rc::Rc<()>, String, u32>>();
}

#[test]
fn futures_may_move_to_another_thread() {
    let registry: Registry<String, u32, Duplicate> = Registry::duplicate("auto traits");
    is_send(&registry.dispatch_parallel("a", |_| ()));
    is_send(&registry.lock("a".to_owned(), || async {}));
}
