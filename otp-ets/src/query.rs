//! [`query!`]: patterns, guards and bodies as closures for `select` and its kin.

/// Makes a closure of `pattern if guard => body` clauses, for [`Table::select`](crate::Table::select),
/// [`select_count`](crate::Table::select_count), [`select_delete`](crate::Table::select_delete) and
/// [`select_replace`](crate::Table::select_replace).
///
/// A pattern stands for a row, `(key, value)`, and binds references into it. The first clause whose pattern matches and
/// whose guard holds decides; a row that none fits is left out. All of Rust may stand in guards and bodies.
///
/// # Examples
///
/// ```
/// use otp_ets::{Set, query};
///
/// #[derive(Clone)]
/// enum Shape { Circle(f64), Square { side: f64 } }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let shapes = Set::new()?;
/// shapes.insert_all([(1, Shape::Circle(1.0)), (2, Shape::Square { side: 3.0 })])?;
/// let mut areas = shapes.select(query!(
///     (id, Shape::Circle(r)) => (*id, 3.0 * r * r),
///     (id, Shape::Square { side }) if *side > 2.0 => (*id, side * side),
/// ))?;
/// areas.sort_by_key(|(id, _)| *id);
/// assert_eq!(areas, [(1, 3.0), (2, 9.0)]);
/// assert_eq!(shapes.select_delete(query!((1, _) => true))?, 1);
/// # Ok(())
/// # }
/// ```
///
/// # Counterpart
///
/// `ets:fun2ms/1`. A variable cannot stand twice in a pattern: write `if a == b`. Called directly, the closure is
/// `ets:test_ms/2`.
#[doc(alias = "fun2ms")]
#[macro_export]
macro_rules! query {
    ($($pattern:pat $(if $guard:expr)? => $body:expr),+ $(,)?) => {
        |key: &_, value: &_| {
            #[allow(unreachable_patterns, reason = "a clause may fit every row")]
            match (key, value) {
                $($pattern $(if $guard)? => ::core::option::Option::Some($body),)+
                _ => ::core::option::Option::None,
            }
        }
    };
}

/// An answer of yes or no: `bool`, or the `Option<bool>` of a [`query!`](crate::query), where no answer is no.
pub trait Verdict {
    /// Whether it is yes.
    fn yes(self) -> bool;
}

impl Verdict for bool {
    fn yes(self) -> bool {
        self
    }
}

impl Verdict for Option<bool> {
    fn yes(self) -> bool {
        self == Some(true)
    }
}
