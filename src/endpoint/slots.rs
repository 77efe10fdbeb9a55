//! Connections by number, where a number that was given back is not mistaken for its next owner.

use core::fmt;

/// Names a connection of an endpoint.
///
/// A handle is never valid again once its connection was removed, though the place of the connection is: a place is given
/// away 2^29 times and then left empty. The number fits 53 bits, which is what JavaScript's numbers hold exactly.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionHandle {
    index: u32,
    generation: u32,
}

const INDEX_BITS: u32 = 24;
const MAX_INDEX: u32 = (1 << INDEX_BITS) - 1;
const MAX_GENERATION: u32 = (1 << 29) - 1;

impl ConnectionHandle {
    /// The handle as a number below 2^53.
    pub const fn to_u64(self) -> u64 {
        // Widening; `From` is not const.
        ((self.generation as u64) << INDEX_BITS) | self.index as u64
    }

    /// The handle with this number; one that never was is a handle that is not valid.
    pub fn from_u64(number: u64) -> Self {
        let [a, b, c, d, e, f, g, h] = number.to_be_bytes();
        let index = u32::from_be_bytes([0, f, g, h]);
        // A number past 53 bits names no generation that there is.
        let generation = if a == 0 { u32::from_be_bytes([b, c, d, e]) } else { u32::MAX };
        Self { index, generation }
    }
}

impl fmt::Debug for ConnectionHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}.{}", self.index, self.generation)
    }
}

/// Values by [`ConnectionHandle`].
#[derive(Debug)]
pub(super) struct Slots<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    len: usize,
}

#[derive(Debug)]
struct Slot<T> {
    generation: u32,
    value: Option<T>,
}

impl<T> Slots<T> {
    pub(super) const fn new() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), len: 0 }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// The handle that the next value will have.
    pub(super) fn next(&self) -> Option<ConnectionHandle> {
        let Some(&index) = self.free.last() else {
            let index = u32::try_from(self.slots.len()).ok().filter(|index| *index <= MAX_INDEX)?;
            return Some(ConnectionHandle { index, generation: 0 });
        };
        let slot = self.slots.get(usize::try_from(index).ok()?)?;
        Some(ConnectionHandle { index, generation: slot.generation })
    }

    /// Gives `value` a place, or gives it back if there are no more numbers.
    pub(super) fn insert(&mut self, value: T) -> Result<ConnectionHandle, T> {
        let index = match self.free.pop() {
            Some(index) => index,
            None => match u32::try_from(self.slots.len()) {
                Ok(index) if index <= MAX_INDEX => {
                    self.slots.push(Slot { generation: 0, value: None });
                    index
                }
                _ => return Err(value),
            },
        };
        let Some(slot) = self.slot_mut(index) else { return Err(value) };
        slot.value = Some(value);
        let generation = slot.generation;
        self.len = self.len.saturating_add(1);
        Ok(ConnectionHandle { index, generation })
    }

    pub(super) fn get(&self, handle: ConnectionHandle) -> Option<&T> {
        let slot = self.slots.get(usize::try_from(handle.index).ok()?)?;
        if slot.generation == handle.generation { slot.value.as_ref() } else { None }
    }

    pub(super) fn get_mut(&mut self, handle: ConnectionHandle) -> Option<&mut T> {
        let slot = self.slot_mut(handle.index)?;
        if slot.generation == handle.generation { slot.value.as_mut() } else { None }
    }

    pub(super) fn remove(&mut self, handle: ConnectionHandle) -> Option<T> {
        let slot = self.slot_mut(handle.index)?;
        if slot.generation != handle.generation {
            return None;
        }
        let value = slot.value.take()?;
        slot.generation = slot.generation.saturating_add(1);
        if slot.generation <= MAX_GENERATION {
            self.free.push(handle.index);
        }
        self.len = self.len.saturating_sub(1);
        Some(value)
    }

    fn slot_mut(&mut self, index: u32) -> Option<&mut Slot<T>> {
        self.slots.get_mut(usize::try_from(index).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_dies_with_its_connection() {
        let mut slots = Slots::new();
        let first = slots.next();
        let (a, b) = (slots.insert('a').unwrap(), slots.insert('b').unwrap());
        assert_eq!(first, Some(a));
        assert_eq!((slots.get(a), slots.get(b), slots.len()), (Some(&'a'), Some(&'b'), 2));
        assert_eq!(slots.remove(a), Some('a'));
        assert_eq!((slots.remove(a), slots.get(a), slots.len()), (None, None, 1));
        let next = slots.next();
        let c = slots.insert('c').unwrap();
        assert_eq!(next, Some(c));
        assert_eq!((c.index, slots.get(c).copied(), slots.get_mut(a)), (a.index, Some('c'), None));
    }

    #[test]
    fn a_place_is_left_empty_when_its_generations_are_used_up() {
        let mut slots = Slots::new();
        let first = slots.insert(()).unwrap();
        slots.slots[0].generation = MAX_GENERATION;
        slots.remove(ConnectionHandle { generation: MAX_GENERATION, ..first }).unwrap();
        assert_eq!(slots.insert(()).unwrap().index, 1);
    }

    #[test]
    fn handles_are_numbers_that_javascript_can_hold() {
        let largest = ConnectionHandle { index: MAX_INDEX, generation: MAX_GENERATION };
        assert_eq!(largest.to_u64(), (1 << 53) - 1);
        for handle in
            [largest, ConnectionHandle { index: 3, generation: 0 }, ConnectionHandle { index: 0, generation: 7 }]
        {
            assert_eq!(ConnectionHandle::from_u64(handle.to_u64()), handle);
        }
        assert_ne!(ConnectionHandle::from_u64(1 << 56), ConnectionHandle::from_u64(0));
    }
}
