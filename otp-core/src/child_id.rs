//! [`ChildId`]: the name of a child within its supervisor.

use std::any::{Any, TypeId, type_name};
use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// The name of a child within its supervisor: a text, a type, or any other value that can be compared.
///
/// Values of different types are different names. Texts are the same name whether they are `&'static str` or `String`.
///
/// # Examples
///
/// ```
/// use otp_core::ChildId;
///
/// assert_eq!(ChildId::from("cache"), ChildId::from(String::from("cache")));
/// assert_eq!(ChildId::new(("shard", 3)), ChildId::new(("shard", 3)));
/// assert_ne!(ChildId::from(1_u32), ChildId::from("1"));
/// ```
///
/// # Counterpart
///
/// `supervisor:child_id()`, any term.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ChildId(Repr);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Repr {
    Text(Cow<'static, str>),
    Type(OfType),
    Value(Arc<dyn Value>),
}

#[derive(Clone, Copy)]
struct OfType {
    id: TypeId,
    name: &'static str,
}

impl PartialEq for OfType {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for OfType {}

impl Hash for OfType {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

impl ChildId {
    /// A name that is a value of any type.
    pub fn new<T: Eq + Hash + fmt::Debug + Send + Sync + 'static>(value: T) -> Self {
        let any: &dyn Any = &value;
        if let Some(text) = any.downcast_ref::<String>() {
            return Self::from(text.clone());
        }
        if let Some(text) = any.downcast_ref::<&'static str>() {
            return Self::from(*text);
        }
        Self(Repr::Value(Arc::new(value)))
    }

    /// The name that is the type `T` itself: the default of most children.
    #[must_use]
    pub fn of<T: 'static>() -> Self {
        Self(Repr::Type(OfType { id: TypeId::of::<T>(), name: type_name::<T>() }))
    }

    /// The value, if this was made of one of type `T`.
    #[must_use]
    pub fn downcast_ref<T: 'static>(&self) -> Option<&T> {
        match &self.0 {
            Repr::Value(value) => value.as_any().downcast_ref(),
            Repr::Text(_) | Repr::Type(_) => None,
        }
    }

    /// The text, if this is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match &self.0 {
            Repr::Text(text) => Some(text),
            Repr::Type(_) | Repr::Value(_) => None,
        }
    }
}

/// A value that can be compared with values of other types.
trait Value: Send + Sync {
    fn as_any(&self) -> &dyn Any;
    fn equals(&self, other: &dyn Value) -> bool;
    fn hash_into(&self, state: &mut dyn Hasher);
    fn format(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;
}

impl<T: Eq + Hash + fmt::Debug + Send + Sync + 'static> Value for T {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn equals(&self, other: &dyn Value) -> bool {
        other.as_any().downcast_ref::<T>() == Some(self)
    }

    fn hash_into(&self, mut state: &mut dyn Hasher) {
        TypeId::of::<T>().hash(&mut state);
        self.hash(&mut state);
    }

    fn format(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl PartialEq for dyn Value {
    fn eq(&self, other: &Self) -> bool {
        self.equals(other)
    }
}

impl Eq for dyn Value {}

impl Hash for dyn Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.hash_into(state);
    }
}

impl From<&'static str> for ChildId {
    fn from(text: &'static str) -> Self {
        Self(Repr::Text(Cow::Borrowed(text)))
    }
}

impl From<String> for ChildId {
    fn from(text: String) -> Self {
        Self(Repr::Text(Cow::Owned(text)))
    }
}

impl From<&Self> for ChildId {
    fn from(id: &Self) -> Self {
        id.clone()
    }
}

macro_rules! from_integer {
    ($($integer:ty),*) => {$(
        impl From<$integer> for ChildId {
            fn from(number: $integer) -> Self {
                Self::new(number)
            }
        }
    )*};
}

from_integer!(u32, u64, usize, i32, i64);

impl fmt::Display for ChildId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Text(text) => f.write_str(text),
            Repr::Type(of) => f.write_str(of.name),
            Repr::Value(value) => value.format(f),
        }
    }
}

impl fmt::Debug for ChildId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Text(text) => write!(f, "{text:?}"),
            Repr::Type(of) => f.write_str(of.name),
            Repr::Value(value) => value.format(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::ChildId;

    #[test]
    fn values_of_different_types_are_different_names() {
        let ids: HashSet<ChildId> = [
            ChildId::from(1_u32),
            ChildId::from(1_u64),
            ChildId::from("1"),
            ChildId::new(('1', 1)),
            ChildId::of::<u32>(),
        ]
        .into();
        assert_eq!(ids.len(), 5);
        assert!(ids.contains(&ChildId::new(1_u32)));
        assert!(ids.contains(&ChildId::new(String::from("1"))));
        assert!(ids.contains(&ChildId::new("1")));
        assert!(ids.contains(&ChildId::of::<u32>()));
        assert!(!ids.contains(&ChildId::of::<u64>()));
        assert!(!ids.contains(&ChildId::new(('1', 2))));
    }

    #[test]
    fn a_name_shows_what_it_was_made_of() {
        assert_eq!(ChildId::from("a").to_string(), "a");
        assert_eq!(format!("{:?}", ChildId::from("a")), "\"a\"");
        assert_eq!(ChildId::new((1, 2)).to_string(), "(1, 2)");
        assert_eq!(ChildId::of::<u8>().to_string(), "u8");
        assert_eq!(ChildId::new((1, 2)).downcast_ref(), Some(&(1, 2)));
        assert_eq!(ChildId::from("a").as_text(), Some("a"));
        assert_eq!(ChildId::from(1_u32).as_text(), None);
    }
}
