//! Walks over bytes and keeps a field for all that it passes.

use std::borrow::Cow;

use crate::codec::{Decode, Reader};
use crate::inspect::value::{self, Registered};
use crate::inspect::{CONTINUED, Field, MALFORMED, UNEXPECTED};

/// How a structure that ends too early is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// All of it should be here.
    Whole,
    /// The rest of it is in other fragments.
    Continued,
}

/// How many bytes the length of a vector has.
#[derive(Clone, Copy, Debug)]
pub(super) enum Prefix {
    One,
    Two,
    Three,
}

impl Prefix {
    const fn len(self) -> usize {
        match self {
            Self::One => 1,
            Self::Two => 2,
            Self::Three => 3,
        }
    }
}

const LENGTH_NOTE: &str = "How many bytes the vector behind it has (RFC 9846 §3.4).";

/// Walks over bytes, front to back, and never leaves one out.
///
/// Every method that takes bytes adds a field. If there are too few it makes one leaf of what is left and returns None;
/// nothing is left then, and later calls add nothing.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
    at: usize,
    ending: Ending,
    /// Whether something ended too early.
    short: bool,
    fields: Vec<Field>,
    /// The value of the group that is being passed, should it end too early.
    value: String,
}

impl<'a> Cursor<'a> {
    /// A cursor over `bytes`, the first of which lies at `at`.
    pub(super) fn new(bytes: &'a [u8], at: usize, ending: Ending) -> Self {
        Self { rest: bytes, at, ending, short: false, fields: Vec::new(), value: String::new() }
    }

    /// The fields; whatever was not passed becomes one that should not be there.
    pub(super) fn finish(mut self) -> Vec<Field> {
        self.leave_rest();
        self.fields
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Whether what is missing at the end is in other fragments.
    pub(super) const fn is_continued(&self) -> bool {
        matches!(self.ending, Ending::Continued)
    }

    /// What was not passed yet.
    pub(super) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Passes `len` bytes as one leaf.
    pub(super) fn leaf(
        &mut self,
        len: usize,
        name: impl Into<Cow<'static, str>>,
        note: &'static str,
        describe: impl FnOnce(&[u8]) -> String,
    ) -> Option<&'a [u8]> {
        let Some((taken, rest)) = self.rest.split_at_checked(len) else {
            self.run_short();
            return None;
        };
        let end = self.at.saturating_add(len);
        self.fields.push(Field {
            name: name.into(),
            range: self.at..end,
            value: describe(taken),
            note: Some(note),
            children: Vec::new(),
        });
        self.rest = rest;
        self.at = end;
        Some(taken)
    }

    /// Passes everything that is left as one leaf, unless nothing is left.
    pub(super) fn all(&mut self, name: &'static str, note: &'static str, describe: impl FnOnce(&[u8]) -> String) {
        if !self.rest.is_empty() {
            self.leaf(self.rest.len(), name, note, describe);
        }
    }

    /// Passes a big-endian number of `len` bytes, at most 8.
    pub(super) fn number(&mut self, len: usize, name: &'static str, note: &'static str) -> Option<u64> {
        self.number_as(len, name, note, |number| number.to_string())
    }

    /// Passes a big-endian number of `len` bytes, at most 8, that `describe` puts into words.
    pub(super) fn number_as(
        &mut self,
        len: usize,
        name: &'static str,
        note: &'static str,
        describe: impl FnOnce(u64) -> String,
    ) -> Option<u64> {
        self.leaf(len, name, note, |bytes| describe(big_endian(bytes))).map(big_endian)
    }

    /// Passes a number that IANA assigns; `len` is its length on the wire.
    pub(super) fn registered<T: Registered + Decode>(
        &mut self,
        len: usize,
        name: &'static str,
        note: &'static str,
    ) -> Option<T> {
        let read = |bytes: &[u8]| T::decode(&mut Reader::new(bytes)).ok();
        self.leaf(len, name, note, |bytes| read(bytes).map_or_else(String::new, value::registered)).and_then(read)
    }

    /// Passes what `inside` passes, as one field with the value that `inside` returns.
    pub(super) fn group(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        note: &'static str,
        inside: impl FnOnce(&mut Self) -> Option<String>,
    ) -> Option<()> {
        let start = self.at;
        let outer_fields = core::mem::take(&mut self.fields);
        let outer_value = core::mem::take(&mut self.value);
        let returned = inside(self);
        let children = core::mem::replace(&mut self.fields, outer_fields);
        let value = core::mem::replace(&mut self.value, outer_value);
        let is_complete = returned.is_some();
        self.fields.push(Field {
            name: name.into(),
            range: start..self.at,
            value: returned.unwrap_or(value),
            note: Some(note),
            children,
        });
        is_complete.then_some(())
    }

    /// Gives the group that is being passed a value that it has even if it ends too early.
    pub(super) fn describe(&mut self, value: String) {
        self.value = value;
    }

    /// Passes a vector whose content `inside` passes, and puts into words.
    pub(super) fn vector(
        &mut self,
        prefix: Prefix,
        name: impl Into<Cow<'static, str>>,
        note: &'static str,
        inside: impl FnOnce(&mut Self) -> Option<String>,
    ) -> Option<()> {
        self.group(name, note, |cursor| {
            let len = usize::try_from(cursor.number(prefix.len(), "length", LENGTH_NOTE)?).ok()?;
            cursor.content(len, inside)
        })
    }

    /// Passes a vector of bytes that mean nothing to us.
    pub(super) fn opaque(&mut self, prefix: Prefix, name: &'static str, note: &'static str) -> Option<()> {
        self.opaque_as(prefix, name, note, value::hex)
    }

    /// Passes a vector of bytes that `describe` puts into words.
    pub(super) fn opaque_as(
        &mut self,
        prefix: Prefix,
        name: &'static str,
        note: &'static str,
        describe: impl Fn(&[u8]) -> String,
    ) -> Option<()> {
        self.vector(prefix, name, note, |cursor| {
            let value = describe(cursor.rest());
            cursor.all("content", note, |_| value.clone());
            Some(if value.is_empty() { "empty".to_owned() } else { value })
        })
    }

    /// Passes a vector whose elements `element` passes one by one; `what` is one of them in words.
    pub(super) fn list(
        &mut self,
        prefix: Prefix,
        name: &'static str,
        note: &'static str,
        what: &str,
        mut element: impl FnMut(&mut Self) -> Option<()>,
    ) -> Option<()> {
        self.vector(prefix, name, note, |cursor| {
            let mut elements = 0;
            while !cursor.is_empty() {
                element(cursor)?;
                elements += 1;
            }
            Some(value::count(elements, what))
        })
    }

    /// Passes `len` bytes, which `inside` passes and puts into words. What it leaves should not be there.
    pub(super) fn content(&mut self, len: usize, inside: impl FnOnce(&mut Self) -> Option<String>) -> Option<String> {
        self.content_ending(len, Ending::Whole, inside)
    }

    /// Like [`Self::content`], for content that may itself be but the front of a structure.
    pub(super) fn content_ending(
        &mut self,
        len: usize,
        ending: Ending,
        inside: impl FnOnce(&mut Self) -> Option<String>,
    ) -> Option<String> {
        let outer_ending = self.ending;
        let Some((here, behind)) = self.rest.split_at_checked(len) else {
            if inside(self).is_some() {
                self.leave_rest();
            }
            self.run_short();
            return None;
        };
        self.rest = here;
        self.ending = ending;
        let value = inside(self);
        self.leave_rest();
        self.rest = behind;
        self.ending = outer_ending;
        // The end of this content does not keep what is behind it from being read.
        self.short = false;
        Some(value.unwrap_or_default())
    }

    /// Makes one leaf of what is left, unless nothing is: it should not be there.
    fn leave_rest(&mut self) {
        let note =
            "More bytes than the structure has; a receiver refuses such a message with decode_error (RFC 9846 §6.2).";
        self.all(UNEXPECTED, note, value::hex);
    }

    /// Makes one leaf of what is left, and of nothing if nothing is, because more is needed.
    fn run_short(&mut self) {
        if self.short {
            return;
        }
        self.short = true;
        let (name, note) = match self.ending {
            Ending::Whole => (
                MALFORMED,
                "The structure ends too early; a receiver refuses such a message with decode_error (RFC 9846 §6.2).",
            ),
            Ending::Continued => (CONTINUED, "The rest is in other fragments of the message (RFC 9147 §5.5)."),
        };
        let len = self.rest.len();
        self.leaf(len, name, note, value::hex);
    }
}

/// The number in `bytes`; of more than 8 the last 8 count.
fn big_endian(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}
