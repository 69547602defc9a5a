//! Where bytes become machine code: in this process, or in one of their own that may die of them.

use wasmtime::component::Component;

use super::{
    Compiled, ContentHash, PackageError,
    apart::{Apart, ApartError},
    compiled,
    encode::{self, Encoded},
    entry::{Key, Known},
};
use crate::{config::CompileBounds, plugins::sandbox::Sandbox};

/// Where bytes become machine code.
#[derive(Debug, Clone)]
pub enum Compiler {
    /// In this process, which takes whatever it takes: for files that somebody here has made.
    Here,
    /// In a process of its own, within bounds: for files that anybody may have made.
    Apart(Apart),
}

impl Compiler {
    /// In a process of this same program, within `bounds`.
    ///
    /// # Errors
    /// If the system does not say which program this is.
    pub fn apart(bounds: CompileBounds) -> Result<Self, ApartError> {
        Apart::this_program(bounds).map(Self::Apart).map_err(ApartError::Start)
    }

    /// The same within other bounds, if there are any.
    #[must_use]
    pub fn within(self, bounds: CompileBounds) -> Self {
        match self {
            Self::Here => Self::Here,
            Self::Apart(apart) => Self::Apart(apart.within(bounds)),
        }
    }

    /// Makes a component, and keeps what it was compiled to.
    pub(super) fn make(
        &self,
        sandbox: &Sandbox,
        kept: Option<&Compiled>,
        content: ContentHash,
        bytes: &[u8],
    ) -> Result<(Component, Known), PackageError> {
        match self {
            Self::Here => {
                let Encoded { component, landmarks } = encode::component(bytes)?;
                let known = Known::of(bytes, landmarks)?;
                let component = Component::new(sandbox.engine(), &component).map_err(PackageError::Compile)?;
                if let Some(kept) = kept {
                    kept.write(content, &known, &component.serialize().map_err(PackageError::Compile)?);
                }
                Ok((component, known))
            }
            Self::Apart(apart) => {
                let answer = apart.compile(bytes, sandbox.is_metered())?;
                let verified = Key::new(&answer.key).open(&answer.entry, content).map_err(ApartError::Nonsense)?;
                if let Some(kept) = kept {
                    kept.write(content, &verified.known, verified.code());
                }
                Ok(compiled::component(sandbox, verified).map_err(ApartError::Nonsense)?)
            }
        }
    }
}
