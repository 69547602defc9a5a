//! A binary as its sections, whatever is in them.

/// The first bytes of every WebAssembly binary.
const MAGIC: &[u8] = b"\0asm";
/// What a core module has behind them, and what a component has.
const MODULE: [u8; 4] = [1, 0, 0, 0];
const COMPONENT: [u8; 4] = [0x0d, 0, 1, 0];
/// The number of custom sections, and of those of a component with a whole binary in them.
const CUSTOM: u8 = 0;
const CORE_MODULE: u8 = 1;
const INNER_COMPONENT: u8 = 4;

/// A core module or a component.
pub(super) struct Binary {
    pub(super) is_component: bool,
    pub(super) sections: Vec<Section>,
}

#[derive(Clone)]
pub(super) struct Section {
    pub(super) id: u8,
    pub(super) payload: Vec<u8>,
    is_in_component: bool,
}

impl Section {
    /// Whether there is a module or a component in it.
    pub(super) fn is_binary(&self) -> bool {
        self.is_in_component && matches!(self.id, CORE_MODULE | INNER_COMPONENT)
    }

    /// Whether it is a custom section whose name begins so.
    pub(super) fn is_custom(&self, name: &[u8]) -> bool {
        self.id == CUSTOM && read_number(&self.payload).is_some_and(|(_, rest)| rest.starts_with(name))
    }
}

impl Binary {
    /// Takes a binary apart; none if it is none or breaks off.
    pub(super) fn read(file: &[u8]) -> Option<Self> {
        let (kind, mut rest) = file.strip_prefix(MAGIC)?.split_first_chunk::<4>()?;
        let is_component = match *kind {
            MODULE => false,
            COMPONENT => true,
            _ => return None,
        };
        let mut sections = Vec::new();
        while let Some((id, sized)) = rest.split_first() {
            let (size, behind) = read_number(sized)?;
            let (payload, after) = behind.split_at_checked(size)?;
            sections.push(Section { id: *id, payload: payload.to_vec(), is_in_component: is_component });
            rest = after;
        }
        Some(Self { is_component, sections })
    }

    /// Puts it together again.
    pub(super) fn write(&self) -> Vec<u8> {
        let kind = if self.is_component { COMPONENT } else { MODULE };
        let mut file = [MAGIC, &kind].concat();
        for section in &self.sections {
            file.push(section.id);
            write_number(&mut file, section.payload.len());
            file.extend(&section.payload);
        }
        file
    }
}

/// An unsigned number in LEB128 of at most 32 bits, and what is behind it.
fn read_number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut number = 0;
    for (at, byte) in bytes.iter().take(5).enumerate() {
        number |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((number, bytes.get(at + 1..)?));
        }
    }
    None
}

fn write_number(file: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        file.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    file.push(number as u8);
}
