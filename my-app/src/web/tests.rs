//! The router, driven without a socket. The servers have fixed names, so these tests run one at a time.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use http_body_util::channel::Channel;
use otp::{ExitReason, StopToken, SupervisorClient, TaskSupervisorClient, process};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Duration, Instant, advance};
use tower::ServiceExt;

use super::{App, MAX_BODY, router};
use crate::mail::Outbox;
use crate::report::{REPORTER, ReporterClient};
use crate::rooms::{ROOMS, Rooms};
use crate::tree::{REPORTS, ROOT, Server, Settings, endpoint, tree};

static NAMES: Mutex<()> = Mutex::const_new(());

/// The service, with all servers started.
struct Service {
    router: Router,
    settings: Settings,
    _names: MutexGuard<'static, ()>,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Service {
    async fn start() -> Self {
        let names = NAMES.lock().await;
        // A test that failed leaves its tree to the end of its runtime, which may not have come yet.
        let _ = ROOT.stop().await;
        let settings = Settings::default();
        let web = |stop: StopToken| async move { stop.stopped().await };
        let rooms = Rooms::new("room registry", "room bus", ROOMS);
        tree(&settings, &rooms).child(endpoint(web)).start().name(ROOT).await.unwrap();
        let app = App {
            settings: settings.clone(),
            url: "http://test".to_owned(),
            rooms,
            outbox: Outbox::default(),
            stop: None,
        };
        Self { router: router(Arc::new(app)), settings, _names: names }
    }

    /// Frees the names for the next test.
    async fn stop(self) {
        ROOT.stop().await.unwrap();
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(body.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    async fn ask(&self, method: &str, path: &str, body: impl Into<Body>) -> Answer {
        self.send(Request::builder().method(method).uri(path).body(body.into()).unwrap()).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "").await
    }

    /// Asks, and expects this status and a reason with these words in it.
    async fn refuses(&self, method: &str, path: &str, body: impl Into<Body>, status: u16, words: &str) {
        let answer = self.ask(method, path, body).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
        assert!(answer.text.contains(words), "{method} {path}: {}", answer.text);
    }
}

#[otp::test(start_paused = true)]
async fn an_entry_is_put_read_and_deleted_and_expires() {
    let service = Service::start().await;
    let put = service.ask("PUT", "/cache/a%20b?ttl_ms=1000", "grüß dich").await;
    assert_eq!((put.status.as_u16(), put.text.as_str()), (200, "a b is kept for 1s\n"));
    assert_eq!(service.get("/cache/a%20b").await.text, "grüß dich");
    assert_eq!(service.ask("DELETE", "/cache/a%20b", "").await.status, 204);
    service.refuses("GET", "/cache/a%20b", "", 404, "no such entry").await;
    service.refuses("DELETE", "/cache/a%20b", "", 404, "no such entry").await;

    service.ask("PUT", "/cache/x?ttl_ms=1000", "1").await;
    advance(Duration::from_millis(999)).await;
    assert_eq!(service.get("/cache/x").await.text, "1");
    advance(Duration::from_millis(1)).await;
    service.refuses("GET", "/cache/x", "", 404, "expired").await;
    service.stop().await;
}

#[otp::test(start_paused = true)]
async fn settings_are_read_by_all_and_begin_anew_with_their_server() {
    let service = Service::start().await;
    assert_eq!(service.get("/config/title").await.text, "my-app");
    assert_eq!(service.ask("PUT", "/config/title", "ours").await.status, 204);
    assert_eq!(service.get("/config/title").await.text, "ours");
    assert_eq!(service.ask("DELETE", "/config/motto", "").await.status, 204);
    service.refuses("GET", "/config/motto", "", 404, "no such setting").await;
    service.refuses("DELETE", "/config/motto", "", 404, "no such setting").await;
    assert_eq!(service.get("/config").await.text, r#"{"maintenance":"off","title":"ours"}"#);
    assert_eq!(service.ask("POST", "/kill/config", "").await.status, 200);
    assert_eq!(service.get("/config/title").await.text, "my-app");
    service.stop().await;
    assert_eq!(crate::config_cache::get("title"), Err(crate::config_cache::NoConfig));
}

#[otp::test(start_paused = true)]
async fn a_client_over_its_limit_gets_429_and_when_to_come_back() {
    let service = Service::start().await;
    let get = |client: &str| {
        let request = Request::builder().uri("/cache/greeting").header("x-client", client);
        service.send(request.body(Body::empty()).unwrap())
    };
    for remaining in (0..10).rev() {
        let answer = get("greedy").await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, "hello"));
        assert_eq!(answer.headers["x-ratelimit-remaining"], remaining.to_string());
    }
    advance(Duration::from_millis(500)).await;
    let answer = get("greedy").await;
    assert_eq!(answer.status, 429);
    assert_eq!(answer.headers["retry-after"], "10", "9.5 s, rounded up");
    assert_eq!(get("modest").await.status, 200);
    advance(Duration::from_millis(9500)).await;
    assert_eq!(get("greedy").await.status, 200);
    service.stop().await;
}

#[otp::test(start_paused = true)]
async fn a_report_takes_its_time_and_nobody_else_s() {
    let service = Service::start().await;
    let asked = Instant::now();
    let meanwhile = async {
        let page = service.get("/").await;
        assert!(page.text.contains("done 0, pending 1"), "{}", page.text);
        assert_eq!(service.get("/cache/greeting").await.status, 200);
        assert_eq!(asked.elapsed(), Duration::ZERO);
    };
    let (report, ()) = tokio::join!(service.get("/report"), meanwhile);
    assert_eq!((report.status.as_u16(), asked.elapsed()), (200, service.settings.report_effort));
    let report: serde_json::Value = serde_json::from_str(&report.text).unwrap();
    assert_eq!((&report["took_ms"], &report["cache"]["entries"]), (&2000.into(), &3.into()));
    service.stop().await;
}

#[otp::test(start_paused = true)]
async fn a_mail_is_on_its_way_before_it_is_sent() {
    let service = Service::start().await;
    let asked = Instant::now();
    let answer = service.ask("POST", "/mail/ann", "hello").await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (202, "a mail to ann is on its way\n"));
    assert_eq!((asked.elapsed(), service.get("/mail").await.text.as_str()), (Duration::ZERO, "[]"));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(service.get("/mail").await.text, r#"[{"to":"ann","text":"hello"}]"#);
    ROOT.terminate_child("mail").await.unwrap();
    service.refuses("POST", "/mail/ann", "hello", 503, "the mail is not running").await;
    service.stop().await;
}

#[otp::test(start_paused = true)]
async fn a_killed_server_comes_back_as_another_process() {
    let service = Service::start().await;
    for server in Server::ALL {
        let before = server.pid().await.unwrap();
        let answer = service.ask("POST", &format!("/kill/{server}"), "").await;
        let after = server.pid().await.unwrap();
        assert_eq!((answer.status.as_u16(), before == after), (200, false));
        assert_eq!(answer.text, format!("{server} was killed: it was {before}, and is back as {after}\n"));
    }
    assert_eq!(service.get("/cache/greeting").await.status, 200);
    assert_eq!(service.get("/report").await.status, 200);
    assert!(!service.get("/").await.text.contains("<td class=dead>"));
    service.stop().await;
}

#[otp::test(start_paused = true)]
async fn chaos_kills_any_of_them_and_the_page_shows_it_come_back() {
    let service = Service::start().await;
    for _ in 0..20 {
        let answer = service.ask("POST", "/chaos", "").await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let after = answer.text.trim().rsplit(' ').next().unwrap().to_owned();
        let page = service.get("/").await.text;
        assert!(page.contains(&after.replace('<', "&lt;").replace('>', "&gt;")), "{after} in {page}");
    }
    service.stop().await;
}

#[otp::test(start_paused = true)]
async fn a_server_that_was_stopped_for_good_is_missed() {
    let service = Service::start().await;
    for (server, path) in
        [("cache", "/cache/greeting"), ("limiter", "/cache/greeting"), ("reporter", "/report")]
    {
        ROOT.terminate_child(server).await.unwrap();
        service.refuses("GET", path, "", 503, &format!("the {server} is not running")).await;
        service.refuses("POST", &format!("/kill/{server}"), "", 409, "not running").await;
        assert!(service.get("/").await.text.contains("<td class=dead>"));
        ROOT.restart_child(server).await.unwrap();
        assert_eq!(service.get(path).await.status, 200);
    }
    service.stop().await;
}

#[otp::test(start_paused = true)]
async fn a_request_in_flight_hears_at_once_that_its_server_was_killed() {
    let service = Service::start().await;
    let asked = Instant::now();
    let killing = async {
        assert_eq!(REPORTER.stats().await.unwrap().pending, 1);
        assert_eq!(service.ask("POST", "/kill/reporter", "").await.status, 200);
    };
    let refused =
        service.refuses("GET", "/report", "", 503, "the reporter was killed before it answered your request");
    tokio::join!(refused, killing);
    assert_eq!(asked.elapsed(), Duration::ZERO);
    service.stop().await;
}

#[otp::test(start_paused = true)]
async fn a_report_that_is_lost_is_an_error_of_ours() {
    let service = Service::start().await;
    let killing = async {
        assert_eq!(REPORTER.stats().await.unwrap().pending, 1);
        for task in REPORTS.task_pids().await.unwrap() {
            process::send_exit(task, ExitReason::Kill);
        }
    };
    tokio::join!(service.refuses("GET", "/report", "", 500, "lost it"), killing);
    service.stop().await;
}

#[otp::test(start_paused = true)]
async fn a_report_of_a_cache_that_is_dead_says_so() {
    let service = Service::start().await;
    ROOT.terminate_child("cache").await.unwrap();
    service.refuses("GET", "/report", "", 503, "the cache is not running").await;
    service.stop().await;
}

#[otp::test(start_paused = true)]
async fn bad_input_gets_a_plain_reason() {
    // Each case asks as another client, or the limiter would answer.
    let service = Service::start().await;
    let put = |path: &'static str, body: Body| {
        service.send(Request::put(path).header("x-client", path).body(body).unwrap())
    };
    for (path, words) in [
        ("/cache/k?ttl_ms=soon", "ttl_ms must be a whole number from 1 to 86400000, not `soon`"),
        ("/cache/k?ttl_ms=0", "not `0`"),
        ("/cache/k?ttl_ms=-5", "not `-5`"),
        ("/cache/k?ttl_ms=86400001", "not `86400001`"),
        ("/cache/k?ttl_ms=99999999999999999999999", "not `9999"),
        ("/cache/k?ttl_ms=1&ttl_ms=2", "duplicate"),
        ("/cache/%ff", "UTF-8"),
    ] {
        let answer = put(path, Body::from("v")).await;
        assert_eq!(answer.status, 400, "{path}: {}", answer.text);
        assert!(answer.text.contains(words), "{path}: {}", answer.text);
    }
    let answer = put("/cache/k", Body::from(vec![b'x', 0xff])).await;
    assert_eq!((answer.status.as_u16(), answer.text.contains("not UTF-8")), (400, true), "{}", answer.text);
    assert_eq!(put("/cache/most", Body::from(vec![b'x'; MAX_BODY])).await.status, 200);
    let answer = put("/cache/more", Body::from(vec![b'x'; MAX_BODY + 1])).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (413, "a value has at most 65536 bytes\n"));
    service.stop().await;
}

#[otp::test(start_paused = true)]
async fn keys_clients_names_and_routes_are_checked() {
    let service = Service::start().await;
    let key = |len| format!("/cache/{}", "k".repeat(len));
    assert_eq!(service.ask("PUT", &key(128), "v").await.status, 200);
    service.refuses("PUT", &key(129), "v", 400, "a key has 1 to 128 bytes, this one 129").await;
    for client in ["", &"c".repeat(65), "\u{e4}"] {
        let request = Request::builder().uri("/cache/k").header("x-client", client.as_bytes());
        let answer = service.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, 400, "{client:?}: {}", answer.text);
    }
    service
        .refuses(
            "POST",
            "/kill/nobody",
            "",
            404,
            "there are cache, config, limiter, mail, reports, reporter, bus, registry, rooms, web",
        )
        .await;
    service.refuses("GET", "/nowhere", "", 404, "there is nothing at /nowhere").await;
    service.refuses("GET", "/cache/", "", 404, "nothing at /cache/").await;
    service.refuses("GET", "/kill/cache", "", 405, "GET does not work on /kill/cache").await;
    let answer = service.ask("POST", "/cache/k", "").await;
    assert_eq!((answer.status.as_u16(), answer.text.contains("POST does not work")), (405, true));
    assert!(answer.headers["allow"].to_str().unwrap().contains("PUT"));
    service.stop().await;
}

#[otp::test(start_paused = true)]
async fn a_body_that_never_comes_does_not_hang_the_request() {
    let (_kept_open, stalled) = Channel::<Bytes>::new(1);
    let service = Service::start().await;
    service.refuses("PUT", "/cache/k", Body::new(stalled), 504, "not done within 12s").await;
    service.stop().await;
}

#[otp::test(start_paused = true)]
async fn every_process_is_listed_and_a_browser_goes_back_to_the_page() {
    let service = Service::start().await;
    let root = ROOT.whereis().unwrap().to_string();
    let list: serde_json::Value = serde_json::from_str(&service.get("/info").await.text).unwrap();
    let list = list.as_array().unwrap();
    for server in Server::ALL {
        let pid = server.pid().await.unwrap().to_string();
        let process = list.iter().find(|process| process["pid"] == pid).unwrap();
        assert_eq!((&process["parent"], &process["status"]), (&root.clone().into(), &"waiting".into()));
    }
    let browser = Request::post("/kill/cache").header("accept", "text/html,*/*;q=0.8");
    let answer = service.send(browser.body(Body::empty()).unwrap()).await;
    assert_eq!((answer.status.as_u16(), answer.headers["location"].as_bytes()), (303, &b"/"[..]));
    service.stop().await;
}

/// The next event of an answer that goes on.
async fn event(body: &mut Body) -> String {
    let frame = body.frame().await.expect("it goes on").unwrap();
    String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap()
}

#[otp::test(start_paused = true)]
async fn a_room_is_seen_live() {
    let service = Service::start().await;
    assert_eq!(service.ask("POST", "/rooms/lobby", "<hello>").await.text, "1\n");
    let request = Request::get("/rooms/lobby/events").body(Body::empty()).unwrap();
    let response = service.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut events = response.into_body();
    assert_eq!(event(&mut events).await, "id: 1\ndata: {\"number\":1,\"text\":\"<hello>\"}\n\n");
    let (said, seen) = tokio::join!(service.ask("POST", "/rooms/lobby", "two\nlines"), event(&mut events));
    assert_eq!(said.text, "2\n");
    assert_eq!(seen, "id: 2\ndata: {\"number\":2,\"text\":\"two\\nlines\"}\n\n");
    service.ask("POST", "/rooms/kitchen", "elsewhere").await;
    assert!(service.get("/").await.text.contains("active 2"));
    // A room that is killed begins anew, and whoever listens stays.
    let room = service.ask("POST", "/kill/rooms", "").await;
    assert_eq!(room.status, 200);
    service.ask("POST", "/rooms/lobby", "again").await;
    assert_eq!(event(&mut events).await, "id: 1\ndata: {\"number\":1,\"text\":\"again\"}\n\n");
    // The bus takes its listeners along.
    service.ask("POST", "/kill/bus", "").await;
    assert!(events.frame().await.is_none());
    service.stop().await;
}

#[otp::test(start_paused = true)]
async fn a_rooms_page_shows_its_name_and_nothing_of_it_is_markup() {
    let service = Service::start().await;
    let page = service.get("/rooms/%3Cb%3E").await;
    assert!(page.text.contains("<h1>&lt;b&gt;</h1>"), "{}", page.text);
    service.stop().await;
}

#[otp::test(start_paused = true)]
async fn what_cannot_be_said_is_refused() {
    let service = Service::start().await;
    service.refuses("POST", "/rooms/lobby", "", 400, "1 to 1000 bytes at a time, not 0").await;
    service.refuses("POST", "/rooms/lobby", "x".repeat(1001), 400, "not 1001").await;
    service.refuses("POST", &format!("/rooms/{}", "x".repeat(65)), "x", 400, "1 to 64 bytes").await;
    service.refuses("GET", "/rooms/a%0Ab", "", 400, "control character").await;
    service.refuses("GET", "/rooms/a%0Ab/events", "", 400, "control character").await;
    service.stop().await;
}
