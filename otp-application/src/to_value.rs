//! Makes a configuration value of any type that serde can write. The serializer of the `config` crate goes by paths, so that
//! nothing is left of an empty list or map, and a key with dots falls into parts.

use config::{ConfigError as Fault, Map, Value, ValueKind};
use serde::ser::{
    Error, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

pub(crate) fn to_value<T: Serialize + ?Sized>(value: &T) -> Result<Value, Fault> {
    value.serialize(ToValue)
}

struct ToValue;

macro_rules! plain {
    ($($method:ident: $type:ty),*) => {
        $(fn $method(self, value: $type) -> Result<Value, Fault> {
            Ok(Value::new(None, value))
        })*
    };
}

impl Serializer for ToValue {
    type Ok = Value;
    type Error = Fault;
    type SerializeSeq = List;
    type SerializeTuple = List;
    type SerializeTupleStruct = List;
    type SerializeTupleVariant = List;
    type SerializeMap = Table;
    type SerializeStruct = Table;
    type SerializeStructVariant = Table;

    plain!(
        serialize_bool: bool,
        serialize_i8: i8,
        serialize_i16: i16,
        serialize_i32: i32,
        serialize_i64: i64,
        serialize_i128: i128,
        serialize_u8: u8,
        serialize_u16: u16,
        serialize_u32: u32,
        serialize_u64: u64,
        serialize_u128: u128,
        serialize_f64: f64,
        serialize_str: &str
    );

    fn serialize_f32(self, value: f32) -> Result<Value, Fault> {
        self.serialize_f64(value.into())
    }

    fn serialize_char(self, value: char) -> Result<Value, Fault> {
        Ok(Value::new(None, value.to_string()))
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<Value, Fault> {
        Ok(Value::new(None, value.to_vec()))
    }

    fn serialize_none(self) -> Result<Value, Fault> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, Fault> {
        to_value(value)
    }

    fn serialize_unit(self) -> Result<Value, Fault> {
        Ok(Value::new(None, ValueKind::Nil))
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Value, Fault> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<Value, Fault> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Value, Fault> {
        to_value(value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Value, Fault> {
        Ok(of_variant(Some(variant), to_value(value)?))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<List, Fault> {
        Ok(List::default())
    }

    fn serialize_tuple(self, _: usize) -> Result<List, Fault> {
        Ok(List::default())
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<List, Fault> {
        Ok(List::default())
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<List, Fault> {
        Ok(List { variant: Some(variant), ..List::default() })
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Table, Fault> {
        Ok(Table::default())
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Table, Fault> {
        Ok(Table::default())
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Table, Fault> {
        Ok(Table { variant: Some(variant), ..Table::default() })
    }
}

/// The variant of an enum is a table with its name as the one key.
fn of_variant(variant: Option<&str>, value: Value) -> Value {
    match variant {
        Some(variant) => Value::new(None, Map::from_iter([(variant.to_owned(), value)])),
        None => value,
    }
}

#[derive(Default)]
struct List {
    variant: Option<&'static str>,
    values: Vec<Value>,
}

impl List {
    fn add<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
        self.values.push(to_value(value)?);
        Ok(())
    }

    fn done(self) -> Result<Value, Fault> {
        Ok(of_variant(self.variant, Value::new(None, self.values)))
    }
}

#[derive(Default)]
struct Table {
    variant: Option<&'static str>,
    /// The key whose value comes next.
    key: Option<String>,
    values: Map<String, Value>,
}

impl Table {
    fn add<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), Fault> {
        self.values.insert(key.to_owned(), to_value(value)?);
        Ok(())
    }

    fn done(self) -> Result<Value, Fault> {
        Ok(of_variant(self.variant, Value::new(None, self.values)))
    }
}

/// Keys are texts, or what has an obvious text.
fn key<T: Serialize + ?Sized>(key: &T) -> Result<String, Fault> {
    Ok(match to_value(key)?.kind {
        ValueKind::String(text) => text,
        ValueKind::Boolean(value) => value.to_string(),
        ValueKind::I64(number) => number.to_string(),
        ValueKind::I128(number) => number.to_string(),
        ValueKind::U64(number) => number.to_string(),
        ValueKind::U128(number) => number.to_string(),
        ValueKind::Float(number) => number.to_string(),
        ValueKind::Nil | ValueKind::Table(_) | ValueKind::Array(_) => {
            return Err(Fault::custom("the key of a map has to be a text, a number, or a boolean"));
        }
    })
}

macro_rules! list {
    ($($trait:ident $method:ident),*) => {
        $(impl $trait for List {
            type Ok = Value;
            type Error = Fault;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
                self.add(value)
            }

            fn end(self) -> Result<Value, Fault> {
                self.done()
            }
        })*
    };
}

list!(
    SerializeSeq serialize_element,
    SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field
);

macro_rules! table {
    ($($trait:ident),*) => {
        $(impl $trait for Table {
            type Ok = Value;
            type Error = Fault;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), Fault> {
                self.add(key, value)
            }

            fn end(self) -> Result<Value, Fault> {
                self.done()
            }
        })*
    };
}

table!(SerializeStruct, SerializeStructVariant);

impl SerializeMap for Table {
    type Ok = Value;
    type Error = Fault;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Fault> {
        self.key = Some(self::key(key)?);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
        let key = self.key.take().ok_or_else(|| Fault::custom("a value of a map came without its key"))?;
        self.add(&key, value)
    }

    fn end(self) -> Result<Value, Fault> {
        self.done()
    }
}
