//! What the host refuses without asking the server, in its words: names that cannot be, and what `setup` did not ask for.

use crate::Wants;

/// The longest name of a pipe or an event.
const NAME_MAX_BYTES: usize = 64;
/// The most names in a list of `wants`.
const LIST_MAX: usize = 128;
/// The longest frame of the server. A message that grows beyond it there is refused as well; by how much it grows the
/// host measures, and this does not.
const FRAME_MAX_BYTES: usize = 65_535;

/// Whether the host would take what `setup` asks for.
pub(super) fn check_wants(wants: &Wants) -> Result<(), String> {
    let patterns = [("send", &wants.send), ("log", &wants.log), ("count", &wants.count)];
    let events = wants.hear.iter().map(|hearing| ("events", hearing.events.len()));
    let lists = [("hear", wants.hear.len())].into_iter().chain(events);
    for (list, given) in lists.chain(patterns.map(|(list, names)| (list, names.len()))) {
        if given > LIST_MAX {
            return Err(format!("`setup` asks for {given} names in `{list}`; {LIST_MAX} is the most"));
        }
    }
    let hear = wants.hear.iter().try_for_each(|hearing| {
        if hearing.pipe != crate::gap::PIPE {
            check_pipe(&hearing.pipe)?;
        }
        hearing.events.iter().try_for_each(|event| check_event(event))
    });
    let named = |list: &'static str| move |why: String| format!("`setup` asks in `{list}` for what cannot be: {why}");
    hear.map_err(named("hear"))?;
    for (list, names) in patterns {
        let mut names = names.iter();
        let check = |name: &String| match name.strip_suffix('*') {
            Some(beginning) => check("pipe", 0, beginning),
            None => check_pipe(name),
        };
        names.try_for_each(check).map_err(named(list))?;
    }
    Ok(())
}

/// Whether the host would deliver an event to the plugin at all.
pub(super) fn hears(wants: &Wants, pipe: &str, name: &str) -> bool {
    let mut heard = wants.hear.iter().filter(|hearing| hearing.pipe == pipe);
    heard.any(|hearing| hearing.events.is_empty() || hearing.events.iter().any(|event| event == name))
}

/// Whether a list of `wants` has the pipe; before `setup` has answered there is none.
pub(super) fn check_grant(verb: &str, list: Option<&Vec<String>>, pipe: &str) -> Result<(), String> {
    let covers = |pattern: &String| match pattern.strip_suffix('*') {
        Some(beginning) => pipe.starts_with(beginning),
        None => pipe == pattern,
    };
    if list.is_some_and(|list| list.iter().any(covers)) {
        return Ok(());
    }
    Err(format!("`setup` did not ask to {verb} in the pipe {pipe:?}: name it in the list `{verb}`"))
}

/// Whether the server could take a send, as far as that can be told without measuring.
pub(super) fn check_send(pipe: &str, event: &str, message: &str) -> Result<(), String> {
    let name = pipe.strip_prefix('@').unwrap_or(pipe);
    check_pipe(name)?;
    check_event(event)?;
    if !name.starts_with("web_") {
        if !name.starts_with("webauth_") {
            return Err(format!(
                "cannot send to pipe {pipe:?}: clients may send only to pipes that begin with web_ or webauth_"
            ));
        }
        if name.len() < pipe.len() {
            return Err(format!(
                "cannot send to {pipe:?}: the form with @ works only for pipes that begin with web_; leave the @ out"
            ));
        }
    }
    if message.contains('\0') {
        return Err("the message has a NUL character, where the server would cut it: encode or remove it".to_owned());
    }
    if message.len() > FRAME_MAX_BYTES {
        return Err(format!(
            "the message would grow to more than {} bytes on the server, and {FRAME_MAX_BYTES} is the most: send less at \
             once",
            message.len()
        ));
    }
    Ok(())
}

/// Whether the server counts this pipe.
pub(super) fn check_count(pipe: &str) -> Result<(), String> {
    check_pipe(pipe)?;
    if pipe.starts_with("web_") || pipe.starts_with("track_") {
        return Ok(());
    }
    Err(format!("cannot count pipe {pipe:?}: the server counts only pipes that begin with web_ or track_"))
}

pub(super) fn check_pipe(name: &str) -> Result<(), String> {
    check("pipe", 2, name)
}

fn check_event(name: &str) -> Result<(), String> {
    check("event", 0, name)
}

fn check(what: &str, least: usize, name: &str) -> Result<(), String> {
    if name.len() > NAME_MAX_BYTES {
        return Err(format!("{what} name of {} bytes is too long: {NAME_MAX_BYTES} is the most", name.len()));
    }
    let is_odd = |character: &char| !character.is_ascii_alphanumeric() && !matches!(character, '_' | '-');
    if let Some(character) = name.chars().find(is_odd) {
        return Err(format!(
            "{what} name {name:?} has the character {character:?}: only A-Z a-z 0-9 _ and - are allowed"
        ));
    }
    if name.len() < least {
        return Err(format!("{what} name {name:?} is too short: give at least {least} characters"));
    }
    Ok(())
}
