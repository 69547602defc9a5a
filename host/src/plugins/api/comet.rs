//! The interface `cometbot:plugin/comet@1.1.0`: send, log, count.

use wasmtime::{
    StoreContextMut,
    component::{ComponentType, Lift, Linker, Lower, WasmStr},
};

use super::{Event, State};
use crate::{
    comet::{asks::AskError, name::PipeName},
    metrics::Bound,
    plugins::grants::Verb,
};

/// The name of the interface in a component's imports.
const INTERFACE: &str = "cometbot:plugin/comet@1.1.0";

/// Why something was not done; see `variant error` in the contract.
#[derive(Debug, Clone, PartialEq, Eq, ComponentType, Lower, Lift)]
#[component(variant)]
enum Error {
    #[component(name = "invalid")]
    Invalid(String),
    #[component(name = "denied")]
    Denied(String),
    #[component(name = "unavailable")]
    Unavailable(String),
    #[component(name = "timed-out")]
    TimedOut,
}

impl From<AskError> for Error {
    fn from(error: AskError) -> Self {
        match error {
            AskError::TimedOut(_) => Self::TimedOut,
            AskError::NotConnected | AskError::TooManyOpen => Self::Unavailable(error.to_string()),
            AskError::Refused(refusal) => Self::Invalid(refusal.to_string()),
        }
    }
}

pub(super) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut interface = linker.instance(INTERFACE)?;
    interface.func_wrap("send", |mut store: StoreContextMut<'_, State>, params: (WasmStr, WasmStr, WasmStr)| {
        send(&mut store, &params).map(|outcome| (outcome,))
    })?;
    interface.func_wrap_async("log", |mut store: StoreContextMut<'_, State>, (pipe, limit): (String, u32)| {
        Box::new(async move { Ok((log(store.data_mut(), &pipe, limit).await,)) })
    })?;
    interface.func_wrap_async("count", |mut store: StoreContextMut<'_, State>, (pipe,): (String,)| {
        Box::new(async move { Ok((count(store.data_mut(), &pipe).await,)) })
    })
}

/// Stages a send. The strings are read where they lie in the plugin's memory: this is the hot path.
fn send(
    store: &mut StoreContextMut<'_, State>,
    (pipe, event, message): &(WasmStr, WasmStr, WasmStr),
) -> wasmtime::Result<Result<(), Error>> {
    // The memory is borrowed from the store, and so is the buffer that is written to: take the buffer out meanwhile.
    let mut staged = std::mem::take(&mut store.data_mut().staged);
    let outcome = (|| {
        let context = &*store;
        let (pipe, event, message) = (pipe.to_str(context)?, event.to_str(context)?, message.to_str(context)?);
        let state = context.data();
        if let Err(denied) = state.may(Verb::Send, pipe.strip_prefix('@').unwrap_or(&pipe)) {
            return Ok(Err(Error::Denied(denied)));
        }
        if message.len() > state.budget.message_bytes {
            // Not `unavailable`: it would be too long at any other time as well.
            return Ok(Err(Error::Invalid(format!(
                "a message of this plugin has at most {} bytes, and this one has {} (`message-kib`)",
                state.budget.message_bytes,
                message.len()
            ))));
        }
        if staged.bytes() + message.len() > state.budget.staged_bytes {
            return Ok(Err(Error::Unavailable(format!(
                "one event may send at most {} bytes: send less, or answer over several events",
                state.budget.staged_bytes
            ))));
        }
        if staged.len() >= state.outgoing.most_sends() {
            let bound = Bound::Burst(state.outgoing.most_sends());
            state.tally.sends_refused(1, bound);
            return Ok(Err(Error::Unavailable(format!("{bound}: send less, or answer over several events"))));
        }
        if let Some(bound) = state.outgoing.would_refuse(&pipe, &staged) {
            state.tally.sends_refused(1, bound);
            return Ok(Err(Error::Unavailable(format!("there is no connection to the comet server, and {bound}"))));
        }
        Ok(staged.send(&pipe, &event, &message).map_err(|refusal| Error::Invalid(refusal.to_string())))
    })();
    store.data_mut().staged = staged;
    outcome
}

async fn log(state: &mut State, pipe: &str, limit: u32) -> Result<Vec<Event>, Error> {
    let pipe = may_ask(state, Verb::Log, pipe)?;
    state.outgoing.may_ask().await;
    let mut rows = state.asks.log(state.outgoing.lane(), &pipe).await?;
    let surplus = rows.len().saturating_sub(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(rows
        .drain(surplus..)
        .map(|row| Event {
            pipe: row.pipe.into(),
            name: row.name.into(),
            data: row.data.into_owned(),
            user_id: row.user_id,
            time: row.time,
            history: row.history,
        })
        .collect())
}

async fn count(state: &mut State, pipe: &str) -> Result<u64, Error> {
    let pipe = may_ask(state, Verb::Count, pipe)?;
    state.outgoing.may_ask().await;
    Ok(state.asks.count(state.outgoing.lane(), &pipe).await?)
}

/// Checks a question and lets earlier sends go first: whoever asks may wait, and they must not wait with it.
fn may_ask(state: &mut State, verb: Verb, pipe: &str) -> Result<PipeName, Error> {
    state.may(verb, pipe).map_err(Error::Denied)?;
    state.outgoing.flush();
    PipeName::new(pipe).map_err(|error| Error::Invalid(error.to_string()))
}
