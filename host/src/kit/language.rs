//! The languages that there are kits for.

use std::{fmt, str::FromStr};

/// A language in which plugins are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "their names say it")]
pub enum Language {
    Rust,
    C,
    Cpp,
    Zig,
    AssemblyScript,
    JavaScript,
    TypeScript,
    Python,
    Go,
    TinyGo,
    Wat,
}

/// There is no kit for such a language.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no kit for `{0}`: there are kits for {list}", list = Language::list())]
pub struct UnknownLanguage(String);

impl Language {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Rust,
        Self::C,
        Self::Cpp,
        Self::Zig,
        Self::AssemblyScript,
        Self::JavaScript,
        Self::TypeScript,
        Self::Python,
        Self::Go,
        Self::TinyGo,
        Self::Wat,
    ];

    /// How it is named on the command line and in folders.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::C => "c",
            Self::Cpp => "cpp",
            Self::Zig => "zig",
            Self::AssemblyScript => "assemblyscript",
            Self::JavaScript => "javascript",
            Self::TypeScript => "typescript",
            Self::Python => "python",
            Self::Go => "go",
            Self::TinyGo => "tinygo",
            Self::Wat => "wat",
        }
    }

    /// How people write it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Rust => "Rust",
            Self::C => "C",
            Self::Cpp => "C++",
            Self::Zig => "Zig",
            Self::AssemblyScript => "AssemblyScript",
            Self::JavaScript => "JavaScript",
            Self::TypeScript => "TypeScript",
            Self::Python => "Python",
            Self::Go => "Go",
            Self::TinyGo => "TinyGo",
            Self::Wat => "WebAssembly text",
        }
    }

    /// The file in a plugin's folder that is its recipe, and by which the language is known.
    #[must_use]
    pub const fn recipe(self) -> &'static str {
        match self {
            Self::Rust => "Cargo.toml",
            Self::C | Self::Cpp => "compile_flags.txt",
            Self::Zig => "build.zig",
            Self::AssemblyScript => "asconfig.json",
            Self::JavaScript => "package.json",
            Self::TypeScript => "tsconfig.json",
            Self::Python => "requirements.txt",
            Self::Go => "go.mod",
            Self::TinyGo => "tinygo.flags",
            Self::Wat => "plugin.wat",
        }
    }

    /// The file in which a new plugin's own code begins.
    #[must_use]
    pub const fn source(self) -> &'static str {
        match self {
            Self::Rust => "src/lib.rs",
            Self::C => "plugin.c",
            Self::Cpp => "plugin.cpp",
            Self::Zig => "plugin.zig",
            Self::AssemblyScript | Self::TypeScript => "plugin.ts",
            Self::JavaScript => "plugin.js",
            Self::Python => "plugin.py",
            Self::Go | Self::TinyGo => "plugin.go",
            Self::Wat => "plugin.wat",
        }
    }

    /// The folders of `plugin-sdk` that a plugin in this language is built with.
    #[must_use]
    pub const fn kit(self) -> &'static [&'static str] {
        match self {
            Self::Rust => &["rust", "wit"],
            Self::C => &["c"],
            Self::Cpp => &["c", "cpp"],
            Self::Zig => &["zig"],
            Self::AssemblyScript => &["assemblyscript"],
            Self::JavaScript | Self::TypeScript => &["javascript", "wit"],
            Self::Python => &["python", "wit"],
            Self::Go | Self::TinyGo => &["go"],
            Self::Wat => &["wit"],
        }
    }

    /// The folders of `plugin-sdk` that a new plugin's files come from; a file of a later one replaces that of an earlier.
    #[must_use]
    pub const fn templates(self) -> &'static [&'static str] {
        match self {
            Self::Rust => &["template", "rust/template"],
            Self::C => &["template", "c/template"],
            Self::Cpp => &["template", "cpp/template"],
            Self::Zig => &["template", "zig/template"],
            Self::AssemblyScript => &["template", "assemblyscript/template"],
            Self::JavaScript => &["template", "javascript/template"],
            Self::TypeScript => &["template", "typescript/template"],
            Self::Python => &["template", "python/template"],
            Self::Go => &["template", "go/template"],
            Self::TinyGo => &["template", "go/template", "tinygo/template"],
            Self::Wat => &["template", "wat/template"],
        }
    }

    fn list() -> String {
        Self::ALL.map(Self::name).join(", ")
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.title())
    }
}

impl FromStr for Language {
    type Err = UnknownLanguage;

    fn from_str(text: &str) -> Result<Self, UnknownLanguage> {
        let name = text.to_ascii_lowercase();
        let name = match name.as_str() {
            "rs" => "rust",
            "c++" | "cxx" | "cc" => "cpp",
            "as" | "asc" => "assemblyscript",
            "js" => "javascript",
            "ts" => "typescript",
            "py" => "python",
            "golang" => "go",
            "wast" | "wasm" => "wat",
            name => name,
        };
        Self::ALL.into_iter().find(|language| language.name() == name).ok_or_else(|| UnknownLanguage(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_language_is_known_by_its_name_in_any_case_and_by_its_ending() {
        for language in Language::ALL {
            assert_eq!(language.name().parse(), Ok(language));
        }
        let named = ["C++", "TS", "Py", "golang"].map(|name| name.parse::<Language>().unwrap());
        assert_eq!(named, [Language::Cpp, Language::TypeScript, Language::Python, Language::Go]);
    }

    #[test]
    fn an_unknown_language_is_told_which_there_are() {
        let words = "cobol".parse::<Language>().unwrap_err().to_string();
        assert!(words.starts_with("there is no kit for `cobol`: there are kits for rust, c, cpp"), "{words}");
    }
}
