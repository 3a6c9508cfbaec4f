//! The HTTP side: the routes, and what each asks of which server.
//!
//! No handler waits without limit: calls have time limits, and so has the request as a whole.

mod error;
mod page;
mod processes;
mod rooms;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection, QueryRejection};
use axum::extract::{ConnectInfo, DefaultBodyLimit, Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use otp::task::StartChildError;
use otp::{CallError, StopToken, TaskSupervisorClient};
use serde::{Deserialize, Serialize};

use self::error::Failure;
pub(crate) use self::page::commands;
use crate::cache::{CACHE, CacheClient, CacheStats, Full};
use crate::check::{Checked, check};
use crate::config_cache::{self, CONFIG, ConfigCacheClient, NoConfig};
use crate::limiter::{LIMITER, LimiterClient};
use crate::mail::{MAIL, Mail, Outbox};
use crate::report::{REPORTER, ReporterClient};
use crate::rooms::Rooms;
use crate::tree::{KillError, Server, Settings};

const MAX_KEY: usize = 128;
const MAX_CLIENT: usize = 64;
const MAX_BODY: usize = 64 * 1024;
const DEFAULT_TTL_MS: u64 = 60_000;
/// A day.
const MAX_TTL_MS: u64 = 24 * 3600 * 1000;
/// What a report, or a whole request, may take longer than a report's work does.
const MARGIN: Duration = Duration::from_secs(5);

/// Who is asking: for the limiter, and so not to be trusted further than that.
const CLIENT: HeaderName = HeaderName::from_static("x-client");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");

/// What the handlers share. The servers themselves are found by their names.
#[derive(Debug, Clone)]
pub(crate) struct App {
    pub(crate) settings: Settings,
    /// The service's own address, for the commands on the page.
    pub(crate) url: String,
    pub(crate) rooms: Rooms,
    pub(crate) outbox: Outbox,
    /// The endpoint's; tests have none.
    pub(crate) stop: Option<StopToken>,
}

impl App {
    /// Ready when the endpoint is told to stop: an answer without an end ends then.
    fn stopping(&self) -> impl Future<Output = ()> + Send + use<> {
        let stop = self.stop.clone();
        async {
            match stop {
                Some(stop) => stop.stopped_owned().await,
                None => std::future::pending().await,
            }
        }
    }
}

/// All routes.
pub(crate) fn router(app: Arc<App>) -> Router {
    let cache = put(put_entry).get(get_entry).delete(delete_entry);
    Router::new()
        .route("/cache/{key}", cache)
        .route("/rooms/{name}", post(rooms::say))
        .route_layer(from_fn(rate_limit))
        .route("/", get(page))
        .route("/rooms/{name}", get(rooms::page))
        .route("/rooms/{name}/events", get(rooms::events))
        .route("/config", get(settings))
        .route("/config/{name}", get(get_setting).put(put_setting).delete(delete_setting))
        .route("/mail", get(sent))
        .route("/mail/{to}", post(send_mail))
        .route("/check", get(check_pages))
        .route("/info", get(info))
        .route("/report", get(report))
        .route("/kill/{name}", post(kill))
        .route("/chaos", post(chaos))
        .fallback(no_such_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn_with_state(Arc::clone(&app), deadline))
        .with_state(app)
}

/// The last resort: whatever a request waits for, such as a body that does not come, it waits for so long.
async fn deadline(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let limit = app.settings.report_effort + 2 * MARGIN;
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let text = format!("the request was not done within {limit:?}");
            Failure::new(StatusCode::GATEWAY_TIMEOUT, text).into_response()
        }
    }
}

/// Lets a client through to the cache as often as the limiter allows. A dead limiter lets nobody through.
async fn rate_limit(request: Request, next: Next) -> Result<Response, Failure> {
    let client = client(&request)?;
    let decision = LIMITER.check(client).await.map_err(|error| Failure::call(Server::Limiter, error))?;
    let mut response = if decision.allowed {
        next.run(request).await
    } else {
        let seconds = decision.retry_after.as_millis().div_ceil(1000).max(1);
        let text = format!("too many requests: try again in {seconds} s");
        let retry_after = HeaderValue::from_str(&seconds.to_string()).ok();
        let mut response = Failure::new(StatusCode::TOO_MANY_REQUESTS, text).into_response();
        response.headers_mut().extend(retry_after.map(|value| (header::RETRY_AFTER, value)));
        response
    };
    response.headers_mut().insert(REMAINING, decision.remaining.into());
    Ok(response)
}

/// The header `x-client`, or else the peer's address.
fn client(request: &Request) -> Result<String, Failure> {
    let Some(given) = request.headers().get(CLIENT) else {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        return Ok(peer.map_or_else(|| "unknown".to_owned(), |peer| peer.ip().to_string()));
    };
    match given.to_str() {
        Ok(text) if (1..=MAX_CLIENT).contains(&text.len()) => Ok(text.to_owned()),
        _ => {
            Err(Failure::bad_request(format!("x-client must be 1 to {MAX_CLIENT} visible ASCII characters")))
        }
    }
}

type PathText = Result<Path<String>, PathRejection>;

fn path(path: PathText) -> Result<String, Failure> {
    path.map(|Path(text)| text).map_err(|error| Failure::bad_request(error.body_text()))
}

fn key(path_text: PathText) -> Result<String, Failure> {
    let key = path(path_text)?;
    match key.len() {
        1..=MAX_KEY => Ok(key),
        len => Err(Failure::bad_request(format!("a key has 1 to {MAX_KEY} bytes, this one {len}"))),
    }
}

#[derive(Debug, Deserialize)]
struct PutQuery {
    ttl_ms: Option<String>,
}

fn ttl(query: Result<Query<PutQuery>, QueryRejection>) -> Result<Duration, Failure> {
    let Query(PutQuery { ttl_ms }) = query.map_err(|error| Failure::bad_request(error.body_text()))?;
    let Some(text) = ttl_ms else { return Ok(Duration::from_millis(DEFAULT_TTL_MS)) };
    match text.parse() {
        Ok(ms @ 1..=MAX_TTL_MS) => Ok(Duration::from_millis(ms)),
        _ => Err(Failure::bad_request(format!(
            "ttl_ms must be a whole number from 1 to {MAX_TTL_MS}, not `{text}`"
        ))),
    }
}

fn text(body: Result<Bytes, BytesRejection>) -> Result<Arc<str>, Failure> {
    let body = body.map_err(|error| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Failure::new(StatusCode::PAYLOAD_TOO_LARGE, format!("a value has at most {MAX_BODY} bytes"))
        }
        status => Failure::new(status, error.body_text()),
    })?;
    std::str::from_utf8(&body)
        .map(Arc::from)
        .map_err(|error| Failure::bad_request(format!("the body is not UTF-8: {error}")))
}

async fn put_entry(
    path: PathText,
    query: Result<Query<PutQuery>, QueryRejection>,
    body: Result<Bytes, BytesRejection>,
) -> Result<String, Failure> {
    let (key, ttl, value) = (key(path)?, ttl(query)?, text(body)?);
    let answer = format!("{key} is kept for {ttl:?}\n");
    let kept = CACHE.put(key, value, ttl).await.map_err(|error| Failure::call(Server::Cache, error))?;
    kept.map_err(|Full| {
        let text = "the cache is full: delete an entry, or wait until one expires";
        Failure::new(StatusCode::INSUFFICIENT_STORAGE, text.to_owned())
    })?;
    Ok(answer)
}

async fn get_entry(path: PathText) -> Result<String, Failure> {
    let value = CACHE.get(key(path)?).await.map_err(|error| Failure::call(Server::Cache, error))?;
    value.map(|value| String::from(&*value)).ok_or_else(no_entry)
}

async fn delete_entry(path: PathText) -> Result<StatusCode, Failure> {
    let was_there = CACHE.delete(key(path)?).await.map_err(|error| Failure::call(Server::Cache, error))?;
    if was_there { Ok(StatusCode::NO_CONTENT) } else { Err(no_entry()) }
}

fn no_entry() -> Failure {
    Failure::new(StatusCode::NOT_FOUND, "no such entry: never put, deleted, or expired".to_owned())
}

async fn settings() -> Result<Json<BTreeMap<String, String>>, Failure> {
    config_cache::all().map(Json).map_err(no_config)
}

/// Asks no server: the table is read in here.
async fn get_setting(path: PathText) -> Result<String, Failure> {
    let value = config_cache::get(&key(path)?).map_err(no_config)?;
    value.map(|value| String::from(&*value)).ok_or_else(no_setting)
}

async fn put_setting(path: PathText, body: Result<Bytes, BytesRejection>) -> Result<StatusCode, Failure> {
    let (name, value) = (key(path)?, text(body)?);
    CONFIG.set(name, value).await.map_err(|error| Failure::call(Server::Config, error))?;
    Ok(StatusCode::NO_CONTENT)
}

async fn delete_setting(path: PathText) -> Result<StatusCode, Failure> {
    let was_there = CONFIG.unset(key(path)?).await.map_err(|error| Failure::call(Server::Config, error))?;
    if was_there { Ok(StatusCode::NO_CONTENT) } else { Err(no_setting()) }
}

fn no_config(NoConfig: NoConfig) -> Failure {
    Failure::call(Server::Config, CallError::NoProc)
}

fn no_setting() -> Failure {
    Failure::new(StatusCode::NOT_FOUND, "no such setting: GET /config shows all".to_owned())
}

/// Answered at once: the mail is a task's business from here on.
async fn send_mail(
    State(app): State<Arc<App>>,
    path: PathText,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, String), Failure> {
    let mail = Mail { to: key(path)?, text: text(body)?.to_string() };
    let answer = format!("a mail to {} is on its way\n", mail.to);
    match MAIL.start_task(app.outbox.clone().deliver(mail)).await {
        Ok(_) => Ok((StatusCode::ACCEPTED, answer)),
        Err(StartChildError::Call(error)) => Err(Failure::call(Server::Mail, error)),
        Err(error) => Err(Failure::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())),
    }
}

async fn sent(State(app): State<Arc<App>>) -> Json<Vec<Mail>> {
    Json(app.outbox.sent())
}

/// Looks at the service's own pages, as a client would.
async fn check_pages(State(app): State<Arc<App>>) -> Json<Vec<Checked>> {
    let address = app.url.trim_start_matches("http://");
    Json(check(address, &["/", "/info", "/config", "/mail", "/rooms/lobby", "/nowhere"], 2).await)
}

async fn page(State(app): State<Arc<App>>) -> impl IntoResponse {
    ([(header::CACHE_CONTROL, "no-store")], Html(page::render(&app).await))
}

async fn info() -> impl IntoResponse {
    Json(processes::all())
}

/// A report as its reader gets it.
#[derive(Debug, Serialize)]
struct ReportBody {
    made_by: Option<String>,
    took_ms: u128,
    cache: CacheStats,
}

async fn report(State(app): State<Arc<App>>) -> Result<Json<ReportBody>, Failure> {
    let asked = tokio::time::Instant::now();
    let limit = app.settings.report_effort + MARGIN;
    let report =
        REPORTER.report().timeout(limit).await.map_err(|error| Failure::call(Server::Reporter, error))?;
    let cache = report.cache.map_err(|error| Failure::call(Server::Cache, error))?;
    let made_by = report.made_by.map(|pid| pid.to_string());
    Ok(Json(ReportBody { made_by, took_ms: asked.elapsed().as_millis(), cache }))
}

fn server(path_text: PathText) -> Result<Server, Failure> {
    let name = path(path_text)?;
    Server::by_name(&name).ok_or_else(|| {
        let known = Server::ALL.map(Server::name).join(", ");
        Failure::new(StatusCode::NOT_FOUND, format!("no server is called `{name}`: there are {known}"))
    })
}

async fn kill(headers: HeaderMap, path: PathText) -> Result<Response, Failure> {
    let server = server(path)?;
    answer_form(&headers, kill_one(server).await)
}

/// Kills one of the servers, whichever.
async fn chaos(headers: HeaderMap) -> Result<Response, Failure> {
    // The standard library's one source of randomness.
    let random = RandomState::new().build_hasher().finish();
    let at = usize::try_from(random % Server::ALL.len() as u64).unwrap_or(0);
    answer_form(&headers, kill_one(Server::ALL[at]).await)
}

async fn kill_one(server: Server) -> Result<String, Failure> {
    let killed = server.kill().await;
    tracing::info!(%server, ?killed, "asked to kill");
    match killed {
        Ok((before, after)) => Ok(format!("{server} was killed: it was {before}, and is back as {after}")),
        Err(KillError::NotRunning) => {
            Err(Failure::new(StatusCode::CONFLICT, format!("{server} is not running")))
        }
        Err(KillError::Late) => Err(Failure::new(
            StatusCode::GATEWAY_TIMEOUT,
            format!("{server} was killed, and is still in the middle of something, or does not come back"),
        )),
    }
}

/// A browser goes back to the page, which shows how things are now; everyone else gets the answer.
fn answer_form(headers: &HeaderMap, result: Result<String, Failure>) -> Result<Response, Failure> {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    if accept.is_some_and(|accept| accept.contains("text/html")) {
        return Ok(Redirect::to("/").into_response());
    }
    result.map(|text| format!("{text}\n").into_response())
}

async fn no_such_route(uri: Uri) -> Failure {
    Failure::new(StatusCode::NOT_FOUND, format!("there is nothing at {}: see /", uri.path()))
}

async fn wrong_method(method: Method, uri: Uri) -> Failure {
    let text = format!("{method} does not work on {}: the header Allow says what does", uri.path());
    Failure::new(StatusCode::METHOD_NOT_ALLOWED, text)
}
