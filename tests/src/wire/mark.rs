//! Faults that wait for a byte: they count what is passed on one way, over all connections, and strike once.

use super::End;

/// What one way still waits for.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// After so many more bytes a connection is cut.
    pub(super) cut: Option<(u64, End)>,
    /// The byte of this number, from 1, is inverted.
    pub(super) flip: Option<u64>,
}

impl Marks {
    /// Does to the next piece what is to be done. Gives how the connection ends behind it, if it does, and how many
    /// bytes were changed.
    pub(super) fn apply(&mut self, piece: &mut Vec<u8>) -> (Option<End>, u64) {
        let mut cut = None;
        if let Some((left, end)) = &mut self.cut {
            let whole = piece.len() as u64;
            if *left <= whole {
                piece.truncate(usize::try_from(*left).unwrap());
                cut = Some(*end);
                self.cut = None;
            } else {
                *left -= whole;
            }
        }
        let mut changed = 0;
        if let Some(nth) = &mut self.flip {
            let whole = piece.len() as u64;
            if *nth <= whole {
                let byte = &mut piece[usize::try_from(*nth - 1).unwrap()];
                *byte = !*byte;
                changed = 1;
                self.flip = None;
            } else {
                *nth -= whole;
            }
        }
        (cut, changed)
    }
}
