//! The values of the plugin's own table in bot.toml.

use std::{fmt::Display, str::FromStr};

use crate::{Error, host};

/// The value of a key; none if the operator did not set it.
///
/// # Errors
/// The host could not read it.
pub fn get(key: &str) -> Result<Option<String>, Error> {
    host::config(key).map_err(|why| format!("config `{key}`: {why}").into())
}

/// The value of a key as a number or whatever else can be read from text; none if the operator did not set it.
///
/// # Errors
/// The value cannot be read as a `T`; the text names the key and the value.
pub fn parse<T>(key: &str) -> Result<Option<T>, Error>
where
    T: FromStr<Err: Display>,
{
    let Some(value) = get(key)? else { return Ok(None) };
    match value.trim().parse() {
        Ok(value) => Ok(Some(value)),
        Err(why) => Err(format!("config `{key}` is `{value}`: {why}").into()),
    }
}

/// The value of a key as a list, its parts separated by commas; `default` is such a text and stands for an unset key.
///
/// # Errors
/// The host could not read it.
pub fn list(key: &str, default: &str) -> Result<Vec<String>, Error> {
    Ok(split(&get(key)?.unwrap_or_else(|| default.to_owned())))
}

fn split(value: &str) -> Vec<String> {
    value.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_split_at_commas_and_empty_parts_are_none() {
        assert_eq!(split(" web_a, web_b ,,"), ["web_a", "web_b"]);
        assert_eq!(split("  "), [""; 0]);
    }
}
