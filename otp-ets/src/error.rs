//! What can go wrong, one small type for each kind of operation.

use std::fmt;

macro_rules! errors {
    ($(
        $(#[$type_doc:meta])*
        $name:ident { $( $(#[$doc:meta])* $variant:ident => $text:literal, )+ }
    )+) => {$(
        $(#[$type_doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $name { $( $(#[$doc])* $variant, )+ }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $( Self::$variant => $text, )+ })
            }
        }

        impl std::error::Error for $name {}
    )+};
}

errors! {
    /// The table cannot be used, or not by this process; nothing has changed.
    AccessError {
        /// The table was deleted, or died with its owner.
        Gone => "the table does not exist any more",
        /// The table's protection keeps this process out.
        Denied => "the table is another process's",
    }
    /// The table was not made.
    CreateError {
        /// Another table has that name.
        NameTaken => "another table has this name",
        /// The process that would own it is about to die.
        OwnerDead => "the process is dying and cannot own a table",
        /// A protection or an heir was asked for outside any process.
        NoOwner => "outside a process a table has no owner, so it has no heir and is public",
    }
    /// No table of that name and type was found.
    WhereisError {
        /// No table has that name.
        NotRegistered => "no table has this name",
        /// The table of that name has other keys, other values or is of another type.
        WrongType => "the table of this name is of another type",
    }
    /// The table keeps the name it had.
    RenameError {
        /// The table was deleted, or died with its owner.
        Gone => "the table does not exist any more",
        /// The table's protection keeps this process out.
        Denied => "the table is another process's",
        /// The table was made without a name.
        Unnamed => "the table has no name that could be changed",
        /// Another table has the new name.
        NameTaken => "another table has this name",
    }
    /// The table stays with its owner.
    GiveAwayError {
        /// The table was deleted, or died with its owner.
        Gone => "the table does not exist any more",
        /// The current process does not own it.
        NotOwner => "the table is not owned by this process",
        /// The process that would get it is dead.
        ReceiverDead => "the process that would own the table is dead",
        /// The process owns it already.
        AlreadyOwner => "the process owns the table already",
    }
    /// The heir stays as it was.
    SetHeirError {
        /// The table was deleted, or died with its owner.
        Gone => "the table does not exist any more",
        /// The current process does not own it.
        NotOwner => "the table is not owned by this process",
    }
    /// There is no next key.
    NextError {
        /// The table was deleted, or died with its owner.
        Gone => "the table does not exist any more",
        /// The table's protection keeps this process out.
        Denied => "the table is another process's",
        /// A table without an order can go on only from a key that it has.
        NoSuchKey => "the table does not have this key, and no order to go on from it",
    }
    /// No counter was changed.
    UpdateCounterError {
        /// The table was deleted, or died with its owner.
        Gone => "the table does not exist any more",
        /// The table's protection keeps this process out.
        Denied => "the table is another process's",
        /// No row has that key.
        NoSuchKey => "the table does not have this key",
        /// The result does not fit into the counter's type.
        Overflow => "the counter would overflow",
    }
}

macro_rules! from_access {
    ($($name:ident)+) => {$(
        impl From<AccessError> for $name {
            fn from(error: AccessError) -> Self {
                match error {
                    AccessError::Gone => Self::Gone,
                    AccessError::Denied => Self::Denied,
                }
            }
        }
    )+};
}

from_access! { RenameError NextError UpdateCounterError }
