//! The types of table, as types.

use std::hash::Hash;
use std::marker::PhantomData;

use crate::bag_store::{BagStore, Multiplicity};
use crate::shards::Shards;
use crate::store::Store;
use crate::table::Table;
use crate::tree_store::TreeStore;

/// One row per key, found by hash.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum SetKind {}

/// One row per key, in the order of the keys.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum OrderedSetKind {}

/// Several rows per key; `M` says whether the same one may come again.
#[derive(Debug, Clone, Copy)]
pub struct BagKind<M>(PhantomData<M>);

/// Each row of a bag is there once.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Once {}

/// Each row of a bag is there as often as it was inserted.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Often {}

/// A table with one row per key.
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let users = otp_ets::Set::new()?;
/// users.insert(7, "Joe")?;
/// assert_eq!(users.lookup(&7)?, Some("Joe"));
/// # Ok(())
/// # }
/// ```
///
/// # Counterpart
///
/// `ets`, type `set`.
pub type Set<K, V> = Table<K, V, SetKind>;

/// A table with one row per key, in the order of the keys: with ranges, and walks in both directions.
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let events = otp_ets::OrderedSet::new()?;
/// events.insert_all([(10, "ten"), (20, "twenty"), (30, "thirty")])?;
/// assert_eq!(events.range(15..)?, [(20, "twenty"), (30, "thirty")]);
/// # Ok(())
/// # }
/// ```
///
/// # Counterpart
///
/// `ets`, type `ordered_set`. Of equal keys the first one stays in the table.
pub type OrderedSet<K, V> = Table<K, V, OrderedSetKind>;

/// A table with several rows per key, each of them once.
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let tags = otp_ets::Bag::new()?;
/// tags.insert_all([("post", "rust"), ("post", "otp"), ("post", "rust")])?;
/// assert_eq!(tags.lookup("post")?, ["rust", "otp"]);
/// # Ok(())
/// # }
/// ```
///
/// # Counterpart
///
/// `ets`, type `bag`.
pub type Bag<K, V> = Table<K, V, BagKind<Once>>;

/// A table with several rows per key, each as often as it was inserted.
///
/// # Counterpart
///
/// `ets`, type `duplicate_bag`.
pub type DuplicateBag<K, V> = Table<K, V, BagKind<Often>>;

/// What a type of table asks of its keys and values: [`Set`], [`OrderedSet`], [`Bag`] and [`DuplicateBag`] have it.
pub trait Kind<K, V>: Sized + 'static {
    #[doc(hidden)]
    type Store: Store<K, V>;
    /// What it is called.
    const TYPE: TableType;
}

/// The type of a table, as [`info`](crate::info) shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "ETS has these")]
pub enum TableType {
    /// [`Set`].
    Set,
    /// [`OrderedSet`].
    OrderedSet,
    /// [`Bag`].
    Bag,
    /// [`DuplicateBag`].
    DuplicateBag,
}

impl<K, V> Kind<K, V> for SetKind
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    type Store = Shards<K, V>;
    const TYPE: TableType = TableType::Set;
}

impl<K, V> Kind<K, V> for OrderedSetKind
where
    K: Ord + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    type Store = TreeStore<K, V>;
    const TYPE: TableType = TableType::OrderedSet;
}

impl<K, V> Kind<K, V> for BagKind<Once>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: PartialEq + Clone + Send + Sync + 'static,
{
    type Store = BagStore<K, V, Once>;
    const TYPE: TableType = TableType::Bag;
}

impl<K, V> Kind<K, V> for BagKind<Often>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    type Store = BagStore<K, V, Often>;
    const TYPE: TableType = TableType::DuplicateBag;
}

impl<V: PartialEq> Multiplicity<V> for Once {
    fn takes(there: &[V], value: &V) -> bool {
        !there.contains(value)
    }
}

impl<V> Multiplicity<V> for Often {
    fn takes(_: &[V], _: &V) -> bool {
        true
    }
}

/// A type of table with one row per key: [`Set`] and [`OrderedSet`].
#[diagnostic::on_unimplemented(message = "only `Set` and `OrderedSet` have one row per key")]
pub trait OneRowPerKey {}

impl OneRowPerKey for SetKind {}
impl OneRowPerKey for OrderedSetKind {}

/// A type of table whose rows can be replaced by any others with the same key: all but [`Bag`], where two might become the
/// same.
#[diagnostic::on_unimplemented(message = "in a `Bag`, rows cannot be replaced: two might become the same")]
pub trait Replaceable {}

impl Replaceable for SetKind {}
impl Replaceable for OrderedSetKind {}
impl Replaceable for BagKind<Often> {}
