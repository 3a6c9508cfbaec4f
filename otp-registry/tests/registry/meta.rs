//! Metadata.

use std::sync::Arc;

use otp_registry::{MetaError, Registry};

use crate::support::{fresh, key, run, unique};

#[otp_core::test(start_paused = true)]
async fn reg_052_metadata_is_put_overwritten_and_deleted_beside_the_keys() {
    let registry = unique(2).await;
    assert_eq!(registry.meta::<u8>("a"), Ok(None));
    registry.put_meta("a", 1_u8).expect("it runs");
    assert_eq!(registry.meta("a"), Ok(Some(1_u8)));
    registry.put_meta("a", key("text")).expect("it runs");
    assert_eq!(registry.meta("a"), Ok(Some(key("text"))));
    assert_eq!(registry.meta::<u8>("a"), Err(MetaError::WrongType));
    registry.register(key("a"), 7).expect("it is free");
    assert_eq!(registry.count(), Ok(1));
    registry.delete_meta("a").expect("it runs");
    registry.delete_meta("a").expect("it runs");
    assert_eq!(registry.meta::<String>("a"), Ok(None));
    assert_eq!(registry.count(), Ok(1));
}

#[otp_core::test(start_paused = true)]
async fn reg_053_metadata_is_there_from_the_start() {
    let registry: Registry<u8> =
        Registry::unique(fresh("meta")).initial_meta("a", 1_u8).initial_meta("b", "text");
    let registry = run(registry).await;
    assert_eq!((registry.meta("a"), registry.meta("b")), (Ok(Some(1_u8)), Ok(Some("text"))));
}

#[otp_core::test(start_paused = true)]
async fn metadata_is_let_go_of_when_the_registry_ends() {
    let registry: Registry<u8> = Registry::unique(fresh("meta ends"));
    let started = registry.start().await.expect("it starts");
    let value = Arc::new(1);
    registry.put_meta("a", Arc::clone(&value)).expect("it runs");
    assert_eq!(Arc::strong_count(&value), 2);
    started.stop().await.expect("it runs");
    assert_eq!(Arc::strong_count(&value), 1);
}
