//! A generic server: messages, client and start functions take its parameters.

use std::collections::HashMap;
use std::hash::Hash;

use otp_macros::gen_server;

use crate::otp::{Context, InitError, ReplyTo, block_on};

struct Cache<K, V, const LIMIT: usize>
where
    K: Eq + Hash,
{
    entries: HashMap<K, V>,
}

#[gen_server(crate = crate::otp, client = CacheApi, vis = pub(crate))]
impl<K: Eq + Hash + Send + Sync + 'static, V, const LIMIT: usize> Cache<K, V, LIMIT>
where
    V: Clone + Send + Sync + 'static,
{
    const EMPTY: usize = 0;

    fn init(key: K, value: V) -> Self {
        Self { entries: HashMap::from([(key, value)]) }
    }

    #[call]
    async fn lookup(&self, key: K) -> Option<V> {
        crate::otp::yield_now().await;
        self.entries.get(&key).cloned()
    }

    /// Only `K` is used by the casts.
    #[cast]
    fn forget(&mut self, key: K) {
        self.entries.remove(&key);
    }

    /// No parameter is used by the infos.
    #[info]
    fn clear(&mut self) {
        while self.entries.len() > Self::EMPTY {
            self.entries.clear();
        }
    }

    #[call]
    fn limit(&self) -> usize {
        LIMIT
    }
}

#[test]
fn a_cache_of_any_type() {
    block_on(async {
        let cache = Cache::<&'static str, u8, 7>::start("a", 1).await.unwrap();
        assert_eq!(cache.lookup("a").await, Ok(Some(1)));
        cache.forget("a");
        assert_eq!(cache.lookup("a").await, Ok(None));
        assert_eq!(cache.limit().await, Ok(7));
        cache.info(CacheInfo::Clear);
    });
    assert_eq!(format!("{:?}", CacheInfo::<u8, u8, 1>::Clear), "Clear");
}

/// Two servers with methods of the same names, both clients in scope; `Self` in a message is the server.
mod two {
    use super::*;

    struct Left(u8);
    struct Right(u8);

    #[gen_server(crate = crate::otp)]
    impl Left {
        fn init() -> Result<Self, InitError> {
            Ok(Self(1))
        }

        #[call]
        fn get(&self) -> u8 {
            self.0
        }

        #[cast]
        fn absorb(&mut self, other: Vec<Self>) {
            self.0 += other.iter().map(|left| left.0).sum::<u8>();
        }

        #[call]
        fn copy(&self, reply: ReplyTo<Option<Self>>) {
            reply.send(Some(Self(self.0)));
        }
    }

    #[gen_server(crate = "crate::otp")]
    impl Right {
        fn init(_cx: &mut Context<Self>) -> Self {
            Self(2)
        }

        #[call]
        fn get(&self) -> u8 {
            self.0
        }
    }

    #[test]
    fn do_not_meet() {
        block_on(async {
            let (left, right) = (Left::start().await.unwrap(), Right::start().await.unwrap());
            left.absorb(vec![Left(3), Left(4)]);
            assert_eq!((left.get().await, right.get().await), (Ok(8), Ok(2)));
            let copy = left.copy().await.unwrap();
            assert_eq!(copy.map(|left| left.0), Some(8));
        });
    }
}

/// A server made by a declarative macro, whose types arrive in invisible groups.
mod in_a_macro {
    use super::*;
    use crate::otp::ExitReason;

    macro_rules! cell {
        ($name:ident, $type:ty) => {
            struct $name($type);

            #[gen_server(crate = crate::otp)]
            impl $name {
                fn init(value: $type, _cx: &mut Context<Self>) -> $name {
                    Self(value)
                }

                #[call]
                fn get(&self) -> Result<$type, ExitReason> {
                    Ok(self.0.clone())
                }

                #[call]
                fn replace(&mut self, reply: ReplyTo<$type>, value: $type) {
                    reply.send(std::mem::replace(&mut self.0, value));
                }
            }
        };
    }

    cell!(Text, String);

    #[test]
    fn works_as_well() {
        block_on(async {
            let text = Text::start("a".into()).await.unwrap();
            assert_eq!(text.replace("b".into()).await, Ok("a".to_owned()));
            assert_eq!(text.get().await, Ok("b".to_owned()));
        });
    }
}
