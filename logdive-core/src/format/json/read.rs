//! Reads an object in one pass, keeping what its keys may hold and nothing else.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::format::found::{Found, Scalar};
use crate::format::keys::{Entry, Keys};

/// Reads an object by a table of keys.
pub(super) struct Object<'k, 'f, 'a> {
    keys: &'k Keys,
    found: &'f mut Found<'a>,
}

impl<'k, 'f, 'a> Object<'k, 'f, 'a> {
    pub(super) const fn new(keys: &'k Keys, found: &'f mut Found<'a>) -> Self {
        Self { keys, found }
    }
}

impl<'a> DeserializeSeed<'a> for Object<'_, '_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'a> Visitor<'a> for Object<'_, '_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(Name(name)) = map.next_key()? {
            match self.keys.get(&name) {
                Some(entry) => map.next_value_seed(Value { entry, found: self.found })?,
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// A key, borrowed where it has no escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// Reads the value of a key that may hold something.
struct Value<'e, 'f, 'a> {
    entry: &'e Entry,
    found: &'f mut Found<'a>,
}

impl<'a> DeserializeSeed<'a> for Value<'_, '_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for Value<'_, '_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_borrowed_str<E>(self, text: &'a str) -> Result<(), E> {
        self.found.take(&self.entry.roles, &Scalar::Text(Cow::Borrowed(text)));
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.found.take(&self.entry.roles, &Scalar::Text(Cow::Owned(text.to_owned())));
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.found.take(&self.entry.roles, &Scalar::Int(number));
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        let scalar = i64::try_from(number).map_or(Scalar::Uint(number), Scalar::Int);
        self.found.take(&self.entry.roles, &scalar);
        Ok(())
    }

    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        self.found.take(&self.entry.roles, &Scalar::Float(number));
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<M: MapAccess<'a>>(self, map: M) -> Result<(), M::Error> {
        match &self.entry.inner {
            Some(keys) => Object::new(keys, self.found).visit_map(map),
            None => IgnoredAny.visit_map(map).map(drop),
        }
    }

    fn visit_seq<S: SeqAccess<'a>>(self, sequence: S) -> Result<(), S::Error> {
        IgnoredAny.visit_seq(sequence).map(drop)
    }
}
