//! Rooms over HTTP: a page, what is said as server-sent events, and a way to say something.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, IntoResponse};
use futures_util::stream::{Stream, StreamExt, iter};
use otp::supervisor::StartChildError;

use super::error::{Failure, explain};
use super::{App, PathText, text};
use crate::rooms::{Line, RoomError};
use crate::tree::Server;

const MAX_NAME: usize = 64;
const MAX_TEXT: usize = 1000;

const HEAD: &str = r#"<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>room</title><meta name="viewport" content="width=device-width">
<style>body { font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem }
input { width: 100%; font: inherit; padding: .4rem; box-sizing: border-box }</style></head><body>
"#;

const SCRIPT: &str = r"<ol id=said></ol><form id=say><input name=text maxlength=1000 autofocus autocomplete=off
placeholder='say something'></form><p id=state></p><p><a href='/'>all servers</a></p><script>
const said = document.getElementById('said'), state = document.getElementById('state');
const events = new EventSource(location.pathname + '/events');
events.onopen = () => { said.innerHTML = ''; state.textContent = ''; };
events.onerror = () => { state.textContent = 'not connected'; };
events.onmessage = event => {
  const line = document.createElement('li');
  line.value = event.lastEventId;
  line.textContent = JSON.parse(event.data).text;
  said.append(line);
};
document.getElementById('say').onsubmit = async event => {
  event.preventDefault();
  const input = event.target.text;
  if (!input.value) return;
  const answer = await fetch(location.pathname, { method: 'POST', body: input.value });
  if (answer.ok) input.value = ''; else state.textContent = await answer.text();
};
</script></body></html>
";

/// The page of a room.
pub(super) async fn page(path: PathText) -> Result<impl IntoResponse, Failure> {
    let name = super::page::escape(&name(path)?);
    Ok(Html(format!("{HEAD}<h1>{name}</h1>\n{SCRIPT}")))
}

/// Says something in a room; the answer is the line's number.
pub(super) async fn say(
    State(app): State<Arc<App>>,
    path: PathText,
    body: Result<Bytes, BytesRejection>,
) -> Result<String, Failure> {
    let (name, text) = (name(path)?, text(body)?);
    let len = text.len();
    if !(1..=MAX_TEXT).contains(&len) {
        return Err(Failure::bad_request(format!("one says 1 to {MAX_TEXT} bytes at a time, not {len}")));
    }
    let line = app.rooms.say(&name, &text).await.map_err(failure)?;
    Ok(format!("{}\n", line.number))
}

/// What was said lately and what is said from now on, until the client goes or the service stops.
pub(super) async fn events(
    State(app): State<Arc<App>>,
    path: PathText,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Failure> {
    let (said, live) = app.rooms.join(&name(path)?).await.map_err(failure)?;
    let mut known = said.clone();
    let news = live.filter(move |line| {
        let is_new = !known.contains(line);
        if is_new {
            // What comes from now on is new, whatever it says.
            known.clear();
        }
        std::future::ready(is_new)
    });
    let lines = iter(said).chain(news).map(|line| Ok(event(&line)));
    Ok(Sse::new(lines.take_until(app.stopping())).keep_alive(KeepAlive::default()))
}

fn event(line: &Line) -> Event {
    let event = Event::default().id(line.number.to_string());
    event.json_data(line).unwrap_or_else(|error| Event::default().comment(error.to_string()))
}

fn name(path: PathText) -> Result<String, Failure> {
    let name = super::path(path)?;
    match name.len() {
        1..=MAX_NAME if !name.chars().any(char::is_control) => Ok(name),
        len => Err(Failure::bad_request(format!(
            "a room's name has 1 to {MAX_NAME} bytes, none of them a control character; this one has {len}"
        ))),
    }
}

fn failure(error: RoomError) -> Failure {
    match error {
        RoomError::Call(error) => Failure::call(Server::Rooms, error),
        RoomError::NotStarted(StartChildError::MaxChildren) => Failure::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "there are as many rooms as there may be".to_owned(),
        ),
        RoomError::NotStarted(StartChildError::Call(error)) => {
            Failure::new(StatusCode::SERVICE_UNAVAILABLE, explain(Server::Rooms, &error))
        }
        RoomError::NotStarted(error) => {
            Failure::new(StatusCode::SERVICE_UNAVAILABLE, format!("the room was not started: {error}"))
        }
        RoomError::Bus(error) => Failure::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
    }
}
